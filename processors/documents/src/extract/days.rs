//! The day of issue and the day when it must be paid.

use spendlog_domain::values::Date;

use super::dates::{DateHit, Day, Order, dates};
use super::locale::Locale;
use super::page::{Cell, Rows};
use super::text::Labelled;
use spendlog_domain::values::Currency;

/// A date that was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The day.
    pub date: Date,
    /// The row that it stands in.
    pub row: usize,
    /// The cell.
    pub cell: Cell,
    /// The rule.
    pub rule: &'static str,
    /// 0 to 1000.
    pub score: u16,
}

/// Both days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Days {
    /// The day of issue.
    pub issued: Option<Chosen>,
    /// The day when it must be paid.
    pub due: Option<Chosen>,
}

#[rustfmt::skip]
const ISSUED: &[&str] = &[
    "INVOICE DATE", "DATE OF ISSUE", "ISSUE DATE", "BILL DATE", "BILLING DATE", "RECEIPT DATE", "DATE OF INVOICE",
    "TAX DATE", "DOC DATE", "TRANS DATE", "TRANSACTION DATE", "SALES DATE", "RECHNUNGSDATUM", "BELEGDATUM",
    "AUSSTELLUNGSDATUM", "DATE DE FACTURE", "DATE FACTURE", "DATE DE FACTURATION", "DATE D EMISSION",
    "FECHA FACTURA", "FECHA DE FACTURA", "FECHA DE EMISION", "FECHA EMISION", "DATA FATTURA", "DATA DOCUMENTO",
    "DATA EMISSIONE", "FACTUURDATUM", "FAKTURADATO", "FAKTURADATUM", "DATA WYSTAWIENIA", "DATUM VYSTAVENI",
    "INVOICE DATED", "DATE INVOICE", "RECHNUNG VOM", "FACTURE DU",
];
#[rustfmt::skip]
const TITLE: &[&str] = &[
    "RECHNUNG", "INVOICE", "FACTURE", "FACTURA", "FATTURA", "FACTUUR", "FAKTURA", "GUTSCHRIFT", "RECEIPT",
];
#[rustfmt::skip]
const DATE: &[&str] = &["DATE", "DATUM", "FECHA", "DATA", "TARIKH", "DATO", "DT", "DATE TIME", "DAT"];
const DUE: &[&str] = &[
    "DUE DATE",
    "DUE",
    "BIS ZUM",
    "BIS SPATESTENS",
    "UBERWEISEN SIE BIS",
    "PAYMENT DUE",
    "PAY BY",
    "PAYABLE BY",
    "PAYMENT DATE",
    "FALLIG",
    "FALLIGKEIT",
    "ZAHLBAR BIS",
    "ZU ZAHLEN BIS",
    "NETTO BIS",
    "ZAHLBAR",
    "ECHEANCE",
    "DATE D ECHEANCE",
    "DATE LIMITE",
    "VENCIMIENTO",
    "FECHA DE VENCIMIENTO",
    "SCADENZA",
    "DATA SCADENZA",
    "VERVALDATUM",
    "VERVAL",
    "TE BETALEN VOOR",
    "FORFALL",
    "FORFALLSDATO",
    "FORFALLODATUM",
    "TERMIN PLATNOSCI",
    "SPLATNOST",
    "TEMPO PEMBAYARAN",
];
#[rustfmt::skip]
const OTHER: &[&str] = &[
    "EXPIRY", "EXPIRES", "EXPIRE", "EXP", "VALID", "VALID UNTIL", "BEST BEFORE", "WARRANTY", "BIRTH", "DOB", "UNTIL",
    "PERIOD", "DELIVERY DATE", "DELIVERY", "DELIVERED", "LIEFERDATUM", "LEISTUNGSDATUM", "LIEFER", "LEISTUNG",
    "ORDER DATE", "BESTELLDATUM", "BESTELLUNG", "AUFTRAGSDATUM", "DATE DE LIVRAISON", "DATE DE COMMANDE", "ORDERED",
    "FECHA DE ENTREGA", "DATA ORDINE", "ORDERDATUM", "LEVERDATUM", "BESTELDATUM", "ABGERECHNET", "SINCE", "SEIT",
    "STAND", "PRINTED", "PRINT", "REGISTER", "LEISTUNGSZEITRAUM", "ZEITRAUM", "SKONTO", "VERSION", "COPYRIGHT",
    "ARRIVAL", "DEPARTURE", "CHECK IN", "CHECK OUT", "ANREISE", "ABREISE", "BOOKING",
];

/// Dates that are weighed against each other: what sells something has a handful.
const HITS_MAX: usize = 2_000;

/// All dates of the rows, with the places where they stand.
fn all(rows: &Rows) -> Vec<(usize, usize, DateHit)> {
    let mut found = Vec::new();
    for (row_at, row) in rows.rows.iter().enumerate() {
        let before = found.len();
        for (cell_at, cell) in row.cells.iter().enumerate() {
            found.extend(dates(&cell.text).into_iter().map(|hit| (row_at, cell_at, hit)));
        }
        // A date that was torn apart: `24 | MAR | 2018`.
        if found.len() == before
            && let Some(hit) = dates(&row.text).first()
        {
            found.push((row_at, 0, *hit));
        }
    }
    found
}

/// Chooses both days. A date that can be read in two ways is taken only where something in the document decides.
pub(crate) fn days(rows: &Rows, locale: &Locale, currency: Option<Currency>, today: Date) -> Days {
    let mut hits = all(rows);
    hits.truncate(HITS_MAX);
    let plain: Vec<DateHit> = hits.iter().map(|(.., hit)| *hit).collect();
    let order = locale.order(&plain, currency);
    let count = rows.rows.len().max(1);
    let mut issued: Option<(i32, Chosen)> = None;
    let mut due: Option<(i32, Chosen)> = None;
    for (row_at, cell_at, hit) in &hits {
        let row = &rows.rows[*row_at];
        let Some(cell) = row.cells.get(*cell_at) else { continue };
        let Some((date, decided)) = decide(&agreed(hit, &plain), order, today) else {
            continue;
        };
        let torn = cell.text.len() < hit.end || dates(&cell.text).is_empty();
        let text = if torn { &row.text } else { &cell.text };
        let before = text.get(..hit.start).unwrap_or_default();
        let own = Labelled::of(before);
        let left: String = row
            .cells
            .iter()
            .take(*cell_at)
            .map(|cell| cell.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let left = Labelled::of(&format!("{left} {before}"));
        let above = label_above(rows, *row_at, cell);
        let nearest = if own.letters() >= 2 { &own } else { &left };
        let near = |labels: &[&str]| {
            nearest.any(labels) || (own.letters() < 2 && above.as_ref().is_some_and(|above| above.any(labels)))
        };
        let mut points = 20;
        let mut rule = "date in the text";
        if near(ISSUED) {
            points += 50;
            rule = "label of the date of issue";
        } else if nearest.any(TITLE) && !nearest.any(OTHER) {
            points += if nearest.any(&["NR", "NO", "#", "NUMMER", "NUMBER"]) {
                40
            } else {
                32
            };
            rule = "behind the title";
        } else if near(DATE)
            || row.cells.iter().any(|cell| Labelled::of(&cell.text).starts(DATE)) && cell_at == &(row.cells.len() - 1)
        {
            points += 30;
            rule = "label of a date";
        }
        let is_due = near(DUE);
        if is_due || near(OTHER) || left.any(OTHER) && nearest.letters() > 20 {
            points -= 45;
        }
        points += if hit.timed { 15 } else { 0 };
        points -= if hit.compact { 25 } else { 0 };
        points += if decided { 4 } else { 0 };
        points += 8 - i32::try_from(row_at * 8 / count).unwrap_or(0);
        let same = hits
            .iter()
            .filter(|(other_row, other_cell, other)| {
                (other_row, other_cell) != (row_at, cell_at)
                    && decide(other, order, today).map(|(date, _)| date) == Some(date)
            })
            .count();
        points += i32::try_from(same.min(2)).unwrap_or(0) * 6;
        let far = (today - date).num_days();
        if far < -1 {
            points -= 60;
        } else if far > 365 * 25 {
            points -= 30;
        }
        let chosen = Chosen {
            date,
            row: *row_at,
            cell: cell.clone(),
            rule,
            score: u16::try_from((560 + points * 4).clamp(0, 960)).unwrap_or(0),
        };
        if is_due && due.as_ref().is_none_or(|(most, _)| points > *most) {
            due = Some((
                points,
                Chosen {
                    rule: "label of the due date",
                    score: chosen.score.clamp(700, 900),
                    ..chosen.clone()
                },
            ));
        }
        if !is_due && issued.as_ref().is_none_or(|(most, _)| points > *most) {
            issued = Some((points, chosen));
        }
    }
    let issued = issued.filter(|(points, _)| *points >= 0).map(|(_, chosen)| chosen);
    // Nothing is due before it is issued.
    let due = due
        .map(|(_, chosen)| chosen)
        .filter(|due| issued.as_ref().is_none_or(|issued| due.date >= issued.date));
    Days { issued, due }
}

/// A date that can be read in two ways is the one that the document also writes in a way that cannot be mistaken.
fn agreed(hit: &DateHit, all: &[DateHit]) -> DateHit {
    let Day::Open { day_first, month_first } = hit.day else {
        return *hit;
    };
    let sure = |date: Date| all.iter().any(|other| !other.compact && other.day == Day::Sure(date));
    match (sure(day_first), sure(month_first)) {
        (true, false) => DateHit {
            day: Day::Sure(day_first),
            ..*hit
        },
        (false, true) => DateHit {
            day: Day::Sure(month_first),
            ..*hit
        },
        _ => *hit,
    }
}

/// The day, and whether it needed no decision. Of two readings one in the future is none.
fn decide(hit: &DateHit, order: Option<Order>, today: Date) -> Option<(Date, bool)> {
    match hit.day {
        Day::Sure(date) => Some((date, true)),
        Day::Open { day_first, month_first } => match (day_first > today, month_first > today) {
            (true, false) if order != Some(Order::DayFirst) => Some((month_first, false)),
            (false, true) if order != Some(Order::MonthFirst) => Some((day_first, false)),
            _ => hit.day.by(order).map(|date| (date, false)),
        },
    }
}

/// The label in one of the two rows above: straight above, or, at the end of its row, further left, where labels are
/// set flush left and values flush right.
fn label_above(rows: &Rows, row_at: usize, cell: &Cell) -> Option<Labelled> {
    let area = cell.area?;
    for step in 1..=2 {
        let above = rows.rows.get(row_at.checked_sub(step)?)?;
        let worded = |label: &&Cell| label.text.chars().any(char::is_alphabetic);
        let straight = above
            .cells
            .iter()
            .find(|label| worded(label) && label.area.is_some_and(|a| a.x0 < area.x1 && area.x0 < a.x1));
        let left = above
            .cells
            .last()
            .filter(|label| worded(label) && label.area.is_some_and(|a| a.x1 <= area.x0));
        if let Some(label) = straight.or(left) {
            return Some(Labelled::of(&label.text));
        }
    }
    None
}
