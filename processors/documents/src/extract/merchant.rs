//! Who was paid: the name in the letterhead, its address below, and its number with the tax office.

use spendlog_domain::documents::{Box2, Confidence};

use super::amounts::amounts;
use super::page::{Row, Rows, around};
use super::pattern::regex;
use super::rowkind::{Kind, kind};
use super::text::{Labelled, fold};

/// A text that was found in the rows.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What it says, cleaned.
    pub text: String,
    /// The first of its rows.
    pub row: usize,
    /// The last of its rows.
    pub last: usize,
    /// The page.
    pub page: u32,
    /// The place.
    pub area: Option<Box2>,
    /// How sure the rule is.
    pub score: u16,
    /// How sure the reading was.
    pub confidence: Confidence,
    /// The rule.
    pub rule: &'static str,
    /// The words.
    pub raw: String,
}

/// How companies end their names, folded.
#[rustfmt::skip]
pub(crate) const LEGAL_FORMS: &[&str] = &[
    "SDN BHD", "SDN", "BHD", "S B", "SB", "BERHAD", "LTD", "LIMITED", "PTE LTD", "PTY LTD", "PVT LTD", "PLC", "LLP",
    "LLC", "INC", "CORP", "CORPORATION", "GMBH", "MBH", "AG", "KG", "OHG", "UG", "E K", "EK", "EG", "GBR", "E V",
    "KGAA", "SE", "SA", "S A", "SAS", "SARL", "S A R L", "EURL", "SNC", "SCI", "S L", "SL", "S L U", "SLU", "S A U",
    "SPA", "S P A", "SRL", "S R L", "S N C", "S A S", "B V", "BV", "N V", "NV", "VOF", "V O F", "AB", "A S", "APS",
    "OY", "OYJ", "ASA", "SP Z O O", "SP ZOO", "S R O", "SRO", "A S", "KFT", "ZRT", "BT", "D O O", "DOO", "LTDA",
    "EIRELI", "SA DE CV", "KK", "CO LTD", "PT", "TBK", "CV", "CO-OPERATIVE", "CO OPERATIVE", "COOPERATIVE",
];
/// Words that name a trade: they stand in names of shops, and some of them only at the end.
#[rustfmt::skip]
pub(crate) const TRADES: &[&str] = &[
    "RESTAURANT", "RESTORAN", "CAFE", "KAFE", "COFFEE", "KOPITIAM", "BAKERY", "BISTRO", "BAR", "GRILL", "PIZZA",
    "PIZZERIA", "KITCHEN", "FOOD", "SEAFOOD", "STEAKHOUSE", "SHOP", "STORE", "STORES", "MART", "MARKET",
    "SUPERMARKET", "HYPERMARKET", "MINIMARKET", "MINI MARKET", "CASH & CARRY", "KEDAI", "BOOK", "BOOKS", "BOOKSTORE",
    "GIFT", "GIFTS", "HOME", "DECO", "TOYS", "PASAR", "PASARAYA", "GROCER", "GROCERY", "MINI", "PETRON", "BROS",
    "CO", "STATIONERY", "PHARMACY", "FARMASI", "CLINIC", "KLINIK", "DENTAL", "HOSPITAL", "HARDWARE", "ENTERPRISE",
    "ENTERPRISES", "TRADING", "PERNIAGAAN", "SYARIKAT", "PERUSAHAAN", "INDUSTRIES", "INDUSTRY", "MARKETING",
    "HOLDINGS", "SERVICES", "SERVICE", "MOTOR", "AUTO", "TYRE", "STATION", "PETROL", "PETROLEUM", "SHELL", "HOTEL",
    "INN", "RESORT", "TRAVEL", "FASHION", "BOUTIQUE", "ELECTRICAL", "ELECTRONICS", "ELECTRIC", "COMPUTER",
    "SOLUTIONS", "FURNITURE", "PAPER", "PACKAGING", "PRINTING", "MAKER", "CENTRE", "CENTER", "GALLERY", "HANDICRAFT",
    "FLORIST", "OPTICAL", "SALON", "SPA", "LAUNDRY", "COMPANY", "BROTHERS", "& SONS", "& CO", "GROUP",
    "CONFECTIONERY", "DELI", "BUTCHER", "APOTHEKE", "BACKEREI", "GASTHAUS", "GASTHOF", "HOF", "MARKT", "DROGERIE",
    "BUCHHANDLUNG", "TANKSTELLE", "METZGEREI", "BOULANGERIE", "PHARMACIE", "LIBRAIRIE", "BRASSERIE", "EPICERIE",
    "TABAC", "RESTAURANTE", "CAFETERIA", "PANADERIA", "FARMACIA", "TIENDA", "SUPERMERCADO", "RISTORANTE",
    "TRATTORIA", "ALIMENTARI", "WINKEL", "BAKKERIJ", "APOTHEEK", "SUPERMARKT", "SLAGERIJ", "UNIVERSITY", "VERLAG",
    "BANK",
];
/// Words that end a name: a row that begins with one goes on with the row above.
#[rustfmt::skip]
const SUFFIXES: &[&str] = &[
    "ENTERPRISE", "ENTERPRISES", "TRADING", "SDN", "BHD", "BERHAD", "HOLDINGS", "INDUSTRIES", "COMPANY", "LIMITED",
    "LTD", "PTE", "PTY", "PLC", "LLC", "INC", "CORP", "CORPORATION", "GMBH", "MBH", "CO", "AND", "&", "CENTRE",
    "CENTER", "M SDN",
];

regex!(
    REGISTER_TAIL,
    r"(?i)[\s,]*\(?\s*(?:co\.?\s*)?(?:reg\.?\s*)?(?:no\.?\s*)?:?\s*(?:\d{5,12}\s?[-–]?\s?[A-Z]{1,2}|\d{12}|[A-Z]{2}\d{7,9}\s?-?\s?[A-Z])\s*\)?\s*$"
);

/// The rows' kinds, found once.
pub(crate) struct Letterhead<'a> {
    pub(super) rows: &'a Rows,
    pub(super) words: Vec<Labelled>,
    pub(super) kinds: Vec<Kind>,
    /// The row where the list of items or the sums begin.
    body: usize,
}

impl<'a> Letterhead<'a> {
    /// Looks at each row. `body` is the first row with items or sums.
    pub(crate) fn of(rows: &'a Rows, body: usize) -> Self {
        let words: Vec<Labelled> = rows.rows.iter().map(|row| Labelled::of(&row.text)).collect();
        let kinds = rows
            .rows
            .iter()
            .zip(&words)
            .map(|(row, words)| kind(row, words))
            .collect();
        Self {
            rows,
            words,
            kinds,
            body,
        }
    }

    /// What a row is.
    pub(crate) fn kind(&self, row: usize) -> Option<Kind> {
        self.kinds.get(row).copied()
    }

    /// What a row says.
    pub(crate) fn words(&self, row: usize) -> Option<&Labelled> {
        self.words.get(row)
    }

    pub(super) fn row(&self, index: usize) -> &Row {
        &self.rows.rows[index]
    }

    /// How high letters are in the middle of all rows.
    fn usual_height(&self) -> u16 {
        let mut heights: Vec<u16> = self.rows.rows.iter().map(|row| row.height).collect();
        heights.sort_unstable();
        heights.get(heights.len() / 2).copied().unwrap_or(0)
    }

    /// The name in the letterhead of a receipt.
    pub(crate) fn name(&self) -> Option<Found> {
        let end = self
            .body
            .clamp(12.min(self.rows.rows.len()), 40)
            .min(self.rows.rows.len());
        let usual = self.usual_height();
        let mut best: Option<(i32, usize, &'static str)> = None;
        let mut names_before = 0_i32;
        let mut behind: Option<Kind> = None;
        for index in 0..end {
            let (row, words) = (self.row(index), &self.words[index]);
            let legal = words.any(LEGAL_FORMS) && words.letters() > 5;
            let kind = self.kinds[index];
            if matches!(kind, Kind::Owner | Kind::Recipient) {
                behind = Some(kind);
            }
            // What a till prints under the name of a company: a row of digits in brackets, an address.
            let follows = |kinds: &[Kind], within: usize| {
                (1..=within).any(|step| self.kind(index + step).is_some_and(|k| kinds.contains(&k)))
            };
            let address_with_form = kind == Kind::Address && legal && self.ends_with_form(row);
            if kind != Kind::Name && !address_with_form {
                continue;
            }
            let mut points = 40 - 6 * names_before.min(6);
            let mut rule = "first words of the letterhead";
            if legal {
                points += 50;
                rule = "legal form in the letterhead";
            } else if words.any(TRADES) {
                points += 25;
                rule = "trade in the letterhead";
            }
            points += if follows(&[Kind::Registration], 1) {
                25
            } else if follows(&[Kind::Registration, Kind::TaxId], 2) {
                15
            } else {
                0
            };
            points += if follows(&[Kind::Address], 1) {
                15
            } else if follows(&[Kind::Address], 3) {
                8
            } else {
                0
            };
            let times = |n: u16| usual > 0 && u32::from(row.height) * 10 >= u32::from(usual) * u32::from(n);
            points += if times(17) {
                18
            } else if times(13) {
                12
            } else {
                0
            };
            if words.letters() < 4 {
                points -= 30;
            }
            let digits = row.text.chars().filter(char::is_ascii_digit).count();
            if digits > words.letters() {
                points -= 30;
            }
            if row.text.contains(':') || row.text.contains('*') || row.text.contains('=') {
                points -= 20;
            }
            if amounts(&row.text, None).iter().any(super::amounts::Amount::monetary) {
                points -= 50;
            }
            if let Some(kind) = behind {
                points -= if kind == Kind::Owner { 40 } else { 60 };
            }
            // Lower-case words are talk, or what somebody wrote on it by hand.
            if row.text.chars().any(char::is_lowercase) && !row.text.chars().any(char::is_uppercase) {
                points -= 25;
            }
            if index >= self.body {
                points -= 30;
            }
            names_before += 1;
            if best.is_none_or(|(most, ..)| points > most) {
                best = Some((points, index, rule));
            }
        }
        let (points, index, rule) = best.filter(|(points, ..)| *points >= 25)?;
        let (first, last) = self.whole_name(index);
        let mut found = self.found(first, last, rule, points)?;
        found.text = clean_name(&found.text);
        (found.text.chars().filter(|c| c.is_alphabetic()).count() >= 2).then_some(found)
    }

    fn ends_with_form(&self, row: &Row) -> bool {
        let text = clean_name(&row.text);
        let folded = fold(&text);
        LEGAL_FORMS.iter().any(|form| folded.ends_with(&format!(" {form}")))
    }

    /// The rows that the name of this row runs over.
    fn whole_name(&self, index: usize) -> (usize, usize) {
        let (mut first, mut last) = (index, index);
        let open = |text: &str| text.matches('(').count() > text.matches(')').count();
        let names = |row: usize| {
            self.kind(row)
                .is_some_and(|kind| matches!(kind, Kind::Name | Kind::Address))
        };
        while last < first + 3 && last + 1 < self.rows.rows.len() {
            let (here, next) = (self.row(last), self.row(last + 1));
            let so_far: String = (first..=last)
                .map(|row| self.row(row).text.as_str())
                .collect::<Vec<_>>()
                .join(" ");
            let goes_on = open(&so_far) && next.text.contains(')')
                || here.text.trim_end().ends_with(['&', '-']) && names(last + 1)
                || self.words[last + 1].starts(SUFFIXES) && self.kind(last + 1) == Some(Kind::Name)
                || is_branch(&next.text);
            if !goes_on || next.text.len() > 60 {
                break;
            }
            last += 1;
        }
        while first > 0 && self.kind(first - 1) == Some(Kind::Name) {
            let text = &self.row(first).text;
            let above = &self.row(first - 1).text;
            let completes = self.words[first].starts(SUFFIXES)
                || open(above) && text.contains(')')
                || above.trim_end().ends_with('&');
            if !completes || above.contains(':') {
                break;
            }
            first -= 1;
        }
        (first, last)
    }

    pub(super) fn found(&self, first: usize, last: usize, rule: &'static str, points: i32) -> Option<Found> {
        let rows = self.rows.rows.get(first..=last)?;
        Some(Found {
            text: rows.iter().map(|row| row.text.trim()).collect::<Vec<_>>().join(" "),
            row: first,
            last,
            page: rows.first()?.page,
            area: rows.iter().filter_map(Row::area).reduce(around),
            score: u16::try_from((430 + points * 5).clamp(0, 970)).unwrap_or(0),
            confidence: rows.iter().map(Row::confidence).min().unwrap_or(Confidence(0)),
            rule,
            raw: rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join("\n"),
        })
    }

    /// The rows below the name that are its address.
    pub(crate) fn address(&self, name: &Found) -> Option<Found> {
        let from = name.last + 1;
        let end = (from + 9).min(self.rows.rows.len());
        let start = (from..end).find(|row| self.kinds[*row] == Kind::Address)?;
        // Between name and address there may be numbers, but no title and no other party.
        let free = (from..start).all(|row| !matches!(self.kinds[row], Kind::Recipient | Kind::Owner | Kind::Talk));
        if !free {
            return None;
        }
        let mut first = start;
        // The first line of an address often is a building without a number.
        while first > from && self.kinds[first - 1] == Kind::Name && plausible_address(&self.row(first - 1).text) {
            first -= 1;
        }
        let mut last = start;
        while last + 1 < end && last - first < 5 {
            let next = self.kinds[last + 1];
            let text = self.row(last + 1).text.trim();
            let ended = text.is_empty() || self.row(last).text.trim_end().ends_with('.') && next == Kind::Name;
            let short_rest = next == Kind::Name
                && !ended
                && plausible_address(text)
                && (self.row(last).text.trim_end().ends_with(',')
                    || last + 2 < end && self.kinds[last + 2] == Kind::Address);
            let city = next == Kind::Name
                && !ended
                && text.split_whitespace().count() <= 3
                && plausible_address(text)
                && !text.starts_with('(');
            if next == Kind::Address || short_rest || city {
                last += 1;
            } else {
                break;
            }
        }
        let mut found = self.found(first, last, "rows of an address below the name", 60)?;
        found.text = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(found)
    }
}

/// A row that is nothing but a name in brackets: the branch.
fn is_branch(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('(')
        && text.ends_with(')')
        && text.len() > 5
        && !text.chars().any(|c| c.is_ascii_digit() || c == ':')
        && text.chars().filter(|c| c.is_alphabetic()).count() >= 5
        && !Labelled::of(text).any(&["FORMERLY", "INCORPORATED", "COMPANY", "REG", "GST", "SST", "CO"])
}

/// Whether a row of words may belong to an address at all.
fn plausible_address(text: &str) -> bool {
    let words = Labelled::of(text);
    !text.contains(':') && !text.contains('#') && words.letters() >= 3 && !words.any(LEGAL_FORMS) && !text.contains('*')
}

/// A name without the company's number behind it and without signs around it.
pub(crate) fn clean_name(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = REGISTER_TAIL.replace(&text, "");
    let text = text.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '*' | '-'
                    | '='
                    | '_'
                    | ':'
                    | ';'
                    | ','
                    | '|'
                    | '~'
                    | '"'
                    | '“'
                    | '”'
                    | '«'
                    | '»'
                    | '>'
                    | '<'
                    | '#'
                    | '/'
            )
    });
    let text = match text.split_once(')') {
        // A bracket that was opened before this name began.
        Some((before, after)) if !before.contains('(') && after.trim().is_empty() => before,
        _ => text,
    };
    match text.rfind('(') {
        Some(at)
            if !text[at..].contains(')') && at > 3 && text[at..].chars().filter(|c| c.is_alphabetic()).count() < 6 =>
        {
            text[..at].trim_end().to_owned()
        }
        _ => text.to_owned(),
    }
}
