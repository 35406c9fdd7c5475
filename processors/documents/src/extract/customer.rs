//! Who pays: the name behind or below a heading of the recipient.

use super::items::HEADS;
use super::merchant::{Found, Letterhead, clean_name};
use super::page::{Cell, Row, Rows, around};
use super::rowkind::{HOUSE, Kind, POSTCODE};
use super::text::{Labelled, fold};
use spendlog_domain::documents::{Box2, Confidence};

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
            .filter(|cell| is_name(&cell.text) && (label.text.trim_end().ends_with(':') || in_list(rows, index)))
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
            let name = fold(&cell.text);
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

/// Whether the row is one of a list of names and values: two cells that stand below, or above, two others.
fn in_list(rows: &Rows, index: usize) -> bool {
    let ends = |row: &Row| match &row.cells[..] {
        [name, value] => Some((name.area?.x0, value.area?.x0)),
        _ => None,
    };
    let near = |other: usize| {
        let (a, b) = (ends(&rows.rows[index])?, ends(rows.rows.get(other)?)?);
        Some(a.0.abs_diff(b.0) < 100 && a.1.abs_diff(b.1) < 100)
    };
    [index.wrapping_sub(1), index + 1]
        .into_iter()
        .any(|other| near(other) == Some(true))
        && !Labelled::of(&rows.rows[index].cells[1].text).any(PARTIES)
}

/// Heads beside that of the recipient: blocks stand under them.
#[rustfmt::skip]
const PARTIES: &[&str] = &[
    "SHIP TO", "DELIVER TO", "DELIVERY", "SELLER", "SUPPLIER", "VENDOR", "FROM", "INVOICE", "DETAILS", "PAYMENT",
    "VERKAUFER", "LIEFERANT", "LIEFERADRESSE", "RECHNUNG", "FOURNISSEUR", "VENDEUR", "LIVRAISON", "FORNITORE",
];

/// Labels that stand in the block of a customer and are no name.
#[rustfmt::skip]
const LABELS: &[&str] = &[
    "NUMMER", "NUMBER", "NR", "NO", "GLOBALE NUMMER", "KUNDENNUMMER", "TEL", "EMAIL", "E MAIL", "ATTN", "ADDRESS",
    "ANSCHRIFT", "UST", "VAT", "INFORMATION", "DELIVERY ADDRESS", "SHIPPING ADDRESS", "BILLING ADDRESS",
    "LIEFERADRESSE", "ADRESSE", "PAGE", "SEITE", "DATE", "DATUM",
];

/// The name on top of an address that is not the merchant's: what stands in the window of the envelope.
pub(crate) fn addressee(rows: &Rows, merchant: Option<&Found>) -> Option<Found> {
    let merchant = merchant.map(|merchant| fold(&merchant.text));
    let page = rows.rows.first()?.page;
    let end = rows
        .rows
        .iter()
        .position(|row| row.page != page)
        .unwrap_or(rows.rows.len())
        .min(30);
    let cities = rows.rows[..end].iter().enumerate().flat_map(|(index, row)| {
        row.cells
            .iter()
            .filter(|cell| is_city(&cell.text))
            .filter_map(move |cell| Some((index, cell.area?)))
    });
    for (index, area) in cities {
        let Some(block) = block_above(rows, index, area, merchant.as_deref()) else {
            continue;
        };
        let name = block.iter().rev().find(|(_, cell)| {
            let words = Labelled::of(&cell.text);
            let address = HOUSE.is_match(&cell.text) || cell.text.chars().any(|c| c.is_ascii_digit());
            is_name(&cell.text)
                && !address
                && !words.starts(SALUTATIONS)
                && !words.starts(HEADINGS)
                && cell.text.len() < 60
        });
        if block.len() >= 2
            && let Some((at, cell)) = name
        {
            let name = found(&rows.rows[*at], *at, cell.text.clone());
            return name.map(|name| Found {
                score: 650,
                area: cell.area,
                rule: "name on top of an address",
                ..name
            });
        }
    }
    None
}

/// The lines above a city that begin at the same place, from below; none where they are the merchant's own.
fn block_above<'a>(rows: &'a Rows, city: usize, area: Box2, merchant: Option<&str>) -> Option<Vec<(usize, &'a Cell)>> {
    let own = |text: &str| {
        let text = fold(text);
        merchant.is_some_and(|merchant| text.contains(merchant) || text.len() > 6 && merchant.contains(text.as_str()))
    };
    let mut block = Vec::new();
    for above in (city.saturating_sub(6)..city).rev() {
        let cell = rows.rows[above]
            .cells
            .iter()
            .find(|cell| cell.area.is_some_and(|a| a.x0.abs_diff(area.x0) < 150));
        match cell {
            // The merchant's name right above is the merchant's address; further above it only ends the block.
            Some(cell) if own(&cell.text) => return (city - above > 3).then_some(block),
            Some(cell) if is_city(&cell.text) => break,
            Some(cell) => block.push((above, cell)),
            None if city - above > 4 => break,
            None => {}
        }
    }
    Some(block)
}

const SALUTATIONS: &[&str] = &[
    "HERRN", "HERR", "FRAU", "FIRMA", "MR", "MRS", "MS", "MONSIEUR", "MADAME", "TO", "AN",
];

fn is_city(text: &str) -> bool {
    POSTCODE.is_match(text) && text.len() < 50
}

fn is_name(text: &str) -> bool {
    let words = Labelled::of(text);
    if words.starts(LABELS) || HEADS.contains(&fold(text).as_str()) {
        return false;
    }
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
