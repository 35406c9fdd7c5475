//! Who pays: the name behind or below a heading of the recipient.

use super::merchant::{Found, Letterhead, clean_name};
use super::page::{Row, Rows, around};
use super::rowkind::Kind;
use super::text::Labelled;
use spendlog_domain::documents::Confidence;

#[rustfmt::skip]
const HEADINGS: &[&str] = &[
    "BILL TO", "BILLED TO", "INVOICE TO", "SOLD TO", "CUSTOMER", "CUSTOMER NAME", "BUYER", "CLIENT", "CLIENTE",
    "KUNDE", "KAUFER", "RECHNUNGSEMPFANGER", "RECHNUNGSADRESSE", "RECHNUNG AN", "FACTURE A",
    "ADRESSE DE FACTURATION", "ACHETEUR", "DESTINATARIO", "SPETT LE", "SPETTLE", "FACTUURADRES", "KLANT",
    "FACTURAR A", "LEISTUNGSEMPFANGER", "EMPFANGER", "BILLING ADDRESS",
];

/// The customer's name.
pub(crate) fn customer(rows: &Rows, letterhead: &Letterhead<'_>) -> Option<Found> {
    for (index, row) in rows.rows.iter().enumerate() {
        let Some((at, label)) = row.cells.iter().enumerate().find(|(_, cell)| {
            let words = Labelled::of(&cell.text);
            words.starts(HEADINGS) && !words.any(&["NO", "NUMBER", "ID", "NR", "NUMMER", "COPY", "SERVICE", "CODE"])
        }) else {
            continue;
        };
        let behind = label
            .text
            .split_once(':')
            .map(|(_, value)| value.trim())
            .filter(|value| is_name(value));
        if let Some(value) = behind {
            return found(row, index, value.to_owned());
        }
        if let Some(next) = row
            .cells
            .get(at + 1)
            .filter(|cell| is_name(&cell.text) && label.text.trim_end().ends_with(':'))
        {
            return found(row, index, next.text.clone());
        }
        for step in 1..=5 {
            let Some(under) = rows.rows.get(index + step) else {
                break;
            };
            // Beside each other: who sells and who buys, in columns.
            let own = match label.area {
                Some(area) => under.cells.iter().find(|cell| {
                    cell.area
                        .is_some_and(|a| a.x0 < area.x1.saturating_add(300) && area.x0 < a.x1)
                }),
                None => under.cells.first(),
            };
            let Some(cell) = own else { continue };
            let name = fold_label(&cell.text);
            if let Some(value) = under
                .cells
                .get(1)
                .filter(|_| name == "NAME" || name == "FIRMA" || name == "NOM")
            {
                return found(under, index + step, value.text.clone());
            }
            let alone = under.cells.len() > 1
                || letterhead
                    .kind(index + step)
                    .is_some_and(|kind| matches!(kind, Kind::Name | Kind::Recipient));
            if is_name(&cell.text) && alone {
                return found(under, index + step, cell.text.clone());
            }
        }
    }
    None
}

fn fold_label(text: &str) -> String {
    super::text::fold(text)
}

fn is_name(text: &str) -> bool {
    let words = Labelled::of(text);
    words.letters() >= 3
        && text.len() < 70
        && !text.trim_end().ends_with(':')
        && text.chars().filter(char::is_ascii_digit).count() * 2 < text.len()
}

fn found(row: &Row, index: usize, text: String) -> Option<Found> {
    let text = clean_name(&text);
    (text.len() >= 2).then(|| Found {
        text,
        row: index,
        last: index,
        page: row.page,
        area: row.cells.iter().filter_map(|cell| cell.area).reduce(around),
        score: 700,
        confidence: Confidence(row.confidence().0),
        rule: "heading of the recipient",
        raw: row.text.clone(),
    })
}
