//! Who sent an invoice: after a heading, in the line of the sender, or where a legal form stands that agrees with the
//! sender's web address.

use super::amounts::amounts;
use super::merchant::{Found, LEGAL_FORMS, Letterhead, TRADES, clean_name};
use super::page::Row;
use super::pattern::regex;
use super::rowkind::{Kind, kind};
use super::text::{Labelled, fold};

#[rustfmt::skip]
const SELLERS: &[&str] = &[
    "VERKAUFER", "RECHNUNGSERSTELLER", "RECHNUNGSSTELLER", "LEISTUNGSERBRINGER", "LIEFERANT", "SELLER", "SUPPLIER",
    "VENDOR", "VENDEUR", "FOURNISSEUR", "EMETTEUR", "VENDEDOR", "PROVEEDOR", "EMISOR", "FORNITORE", "CEDENTE",
    "VERKOPER", "LEVERANCIER", "FROM", "PAY TO", "REMIT TO", "SOLD BY", "ISSUED BY", "ABSENDER",
];

regex!(SENDER_PARTS, r"\s+[-–—·•|∙]\s+|\s*[·•|∙]\s*|\s{3,}|,\s+");
regex!(DOMAIN, r"(?i)(?:www\.|@|https?://(?:www\.)?)([a-z0-9-]{3,})\.[a-z]{2,}");

impl Letterhead<'_> {
    /// The name of who sent an invoice: after a heading, in the line of the sender, or where a legal form stands that
    /// agrees with the sender's web address.
    pub(crate) fn seller(&self) -> Option<Found> {
        let mut best: Option<(i32, Found)> = None;
        let text = self
            .rows
            .rows
            .iter()
            .map(|row| row.text.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let domains: Vec<String> = DOMAIN
            .captures_iter(&text)
            .filter_map(|found| found.get(1))
            .map(|m| fold(m.as_str()).replace([' ', '-'], ""))
            .collect();
        let mut recipient_until = 0;
        for (index, row) in self.rows.rows.iter().enumerate() {
            if self.kinds[index] == Kind::Recipient {
                recipient_until = index + 4;
            }
            let heading = (1..=3).find(|step| index.checked_sub(*step).is_some_and(|above| self.heads_seller(above)));
            let own = self.after_heading(index);
            let whole =
                |cell: &super::page::Cell| ends_with_form(&cell.text) && Labelled::of(&cell.text).letters() < 40;
            let parts = row
                .cells
                .iter()
                .flat_map(|cell| {
                    if whole(cell) {
                        vec![cell.text.as_str()]
                    } else {
                        SENDER_PARTS.split(&cell.text).collect()
                    }
                })
                .filter(|part| !part.trim().is_empty());
            for (place, part) in parts.map(str::trim).chain(own.as_deref()).enumerate() {
                let words = Labelled::of(part);
                let form = LEGAL_FORMS.iter().any(|form| words.has(form)) && self.form_at_end(part);
                let squashed: String = fold(part).chars().filter(|c| *c != ' ').collect();
                let domain = domains.iter().any(|domain| {
                    domain.len() >= 4
                        && squashed.len() >= 4
                        && (squashed.contains(domain.as_str()) || domain.contains(squashed.as_str()))
                });
                let labelled = own.as_deref() == Some(part);
                let own_kind = kind(
                    &Row {
                        page: row.page,
                        cells: Vec::new(),
                        text: part.to_owned(),
                        folded: fold(part),
                        height: 0,
                    },
                    &words,
                );
                if !labelled && (own_kind != Kind::Name || words.letters() < 3 || words.letters() > 48) {
                    continue;
                }
                if !form && !domain && heading.is_none() && !labelled && index > 6 {
                    continue;
                }
                let mut points = 0;
                points += if form { 40 } else { 0 };
                points += if domain { 30 } else { 0 };
                points += if labelled {
                    60
                } else {
                    heading.map_or(0, |step| 40 - 8 * i32::try_from(step).unwrap_or(0))
                };
                points += 15 - 3 * i32::try_from(index.min(5)).unwrap_or(0);
                points += if words.any(TRADES) { 8 } else { 0 };
                points -= 4 * i32::try_from(place.min(4)).unwrap_or(0);
                if index < recipient_until && !labelled {
                    points -= 50;
                }
                if amounts(part, None).iter().any(super::amounts::Amount::monetary) {
                    points -= 40;
                }
                if words.any(&["BANK", "SPARKASSE", "IBAN", "AMTSGERICHT", "VOLKSBANK"]) {
                    points -= 35;
                }
                if best.as_ref().is_none_or(|(most, _)| points > *most) {
                    let rule = if labelled || heading.is_some() {
                        "heading of the seller"
                    } else if form {
                        "legal form of the sender"
                    } else {
                        "letterhead"
                    };
                    if let Some(mut found) = self.found(index, index, rule, points) {
                        found.text = clean_name(part);
                        best = Some((points, found));
                    }
                }
            }
        }
        best.filter(|(points, found)| *points >= 15 && found.text.len() >= 2)
            .map(|(_, found)| found)
    }

    fn form_at_end(&self, part: &str) -> bool {
        let folded = fold(&clean_name(part));
        ends_with_form(part) || folded.contains(" GMBH ") || folded.contains(" LTD ")
    }

    fn heads_seller(&self, row: usize) -> bool {
        self.words[row].starts(SELLERS) && self.words[row].letters() < 24
    }

    /// `Name: …` below a heading of the seller, or the seller's name behind the heading itself.
    fn after_heading(&self, index: usize) -> Option<String> {
        let row = self.row(index);
        let (label, value) = match &row.cells[..] {
            [label, value, ..] => (label.text.clone(), value.text.clone()),
            [only] => only
                .text
                .split_once(':')
                .map(|(label, value)| (label.to_owned(), value.trim().to_owned()))?,
            [] => return None,
        };
        let name = fold(&label);
        let below = (1..=4).any(|step| {
            index
                .checked_sub(step)
                .is_some_and(|above| self.heads_seller(above) && self.row(above).cells.len() == 1)
        });
        let blocked = (1..=4)
            .take_while(|step| index.checked_sub(*step).is_some_and(|above| !self.heads_seller(above)))
            .any(|step| {
                index
                    .checked_sub(step)
                    .is_some_and(|above| self.kinds[above] == Kind::Recipient)
            });
        let is_name = matches!(
            name.as_str(),
            "NAME"
                | "FIRMA"
                | "FIRMENNAME"
                | "COMPANY"
                | "NOM"
                | "RAISON SOCIALE"
                | "NOMBRE"
                | "RAGIONE SOCIALE"
                | "NAAM"
        );
        let is_seller = Labelled::of(&label).starts(SELLERS) && name.split(' ').count() <= 2;
        ((is_name && below && !blocked) || (is_seller && value.chars().any(char::is_alphabetic)))
            .then_some(value)
            .filter(|value| value.len() < 60 && value.chars().any(char::is_alphabetic))
    }
}

/// Whether a legal form is the last that the text says.
fn ends_with_form(text: &str) -> bool {
    let folded = fold(&clean_name(text));
    LEGAL_FORMS.iter().any(|form| folded.ends_with(&format!(" {form}")))
}
