//! The lines of a receipt or an invoice: what was bought, how many, at which price.

use spendlog_domain::documents::Confidence;
use spendlog_domain::values::Decimal;

use super::amounts::{Amount, Mark, absolute, amounts, number, tidy, units};
use super::entries::Entries;
use super::labels::{Label, label_of};
use super::page::{Row, Rows, around};
use super::pattern::regex;
use super::text::Labelled;
use crate::reading::Item;

regex!(
    TIMES,
    r"(?i)(?:^|\s)(\d{1,5}(?:[.,]\d{1,3})?)\s?(?:(?:pcs|pc|pkts|pkt|kg|g|set|sets|unit|units|box|ea|stk|st|pce|h|std|btl|ctn|rolls?|nos?)\.?)?\s?(?:x|×|\*|@|à)\s?(?:RM|€|\$|£)?\s?(\d{1,6}(?:[.,]\d{1,4})?)?"
);
regex!(LEADING_COUNT, r"^\s*(\d{1,3})\s*(?:[xX×]\s+|\s)(\p{L}.*)$");
regex!(
    COUNT_CELL,
    r"^\s*(\d{1,5}(?:[.,]\d{1,3})?)\s*(?i:x|pcs?|pkts?|kg|set|units?|ea|stk\.?|st\.?|pce|h|std\.?|nos?|btl|l|m|stück)?\s*$"
);
regex!(CODE_ONLY, r"^[\dA-Z./_-]*\d{4,}[\dA-Z./_-]*$");

#[rustfmt::skip]
const HEADS: &[&str] = &[
    "ITEM", "ITEMS", "DESCRIPTION", "DESC", "QTY", "QUANTITY", "PRICE", "U PRICE", "UNIT PRICE", "S PRICE", "AMOUNT",
    "AMT", "U P", "DISC", "CODE", "NO", "UOM", "RM", "TAX", "TOTAL", "PRODUCT", "ARTICLE", "RATE", "ARTIKEL",
    "BEZEICHNUNG", "BESCHREIBUNG", "ARTIKELBESCHREIBUNG", "MENGE", "ANZAHL", "EINZELPREIS", "PREIS", "BETRAG",
    "GESAMT", "POS", "DESIGNATION", "QUANTITE", "QTE", "PRIX", "PRIX UNITAIRE", "MONTANT", "DESCRIPCION", "CANTIDAD",
    "PRECIO", "IMPORTE", "DESCRIZIONE", "QUANTITA", "PREZZO", "IMPORTO", "OMSCHRIJVING", "AANTAL", "PRIJS", "BEDRAG",
    "NETTOPREIS", "NETTOBETRAG", "EINHEIT", "GESAMTPREIS", "STUCKPREIS", "PRODUKT",
];

/// Where the list of items begins and ends.
pub(crate) fn body(rows: &Rows, entries: &Entries) -> (usize, usize) {
    let money = |row: usize| entries.all.iter().any(|entry| entry.row == row && entry.monetary);
    let head = rows.rows.iter().enumerate().position(|(index, row)| {
        let words = Labelled::of(&row.text);
        !money(index) && HEADS.iter().filter(|head| words.has(head)).count() >= 2
    });
    let end = entries.first_labelled.unwrap_or(rows.rows.len());
    let start = match head {
        Some(head) if head < end => head + 1,
        _ => (0..end)
            .find(|row| money(*row))
            .map_or(end, |row| row.saturating_sub(1)),
    };
    (start.min(end), end)
}

struct Priced<'a> {
    row: &'a Row,
    description: String,
    quantity: Option<Decimal>,
    unit_price: Option<Decimal>,
    total: Decimal,
    used: usize,
}

/// The items between the letterhead and the sums.
pub(crate) fn items(rows: &Rows, entries: &Entries) -> Vec<Item> {
    let (start, end) = body(rows, entries);
    let mark = entries.mark;
    let mut found: Vec<Priced<'_>> = Vec::new();
    let mut words_above: Option<usize> = None;
    for index in start..end {
        let row = &rows.rows[index];
        match priced(row, mark) {
            Some(mut item) => {
                if letters(&item.description) < 3 {
                    // The words stand above; where all rows above are taken, below.
                    if let Some(above) = words_above.take() {
                        item.description = rows.rows[above].text.trim().to_owned();
                        if let Some(count) = count_of(&rows.rows[above].text, mark)
                            && item.quantity.is_none()
                        {
                            item.quantity = Some(count);
                        }
                    } else if let Some(next) = rows.rows.get(index + 1).filter(|_| index + 1 < end)
                        && priced(next, mark).is_none()
                        && letters(&next.text) >= 3
                    {
                        item.description = next.text.trim().to_owned();
                    }
                }
                item.used = index;
                words_above = None;
                found.push(item);
            }
            None => {
                if letters(&row.text) >= 3 && !taken_below(&found, index, &row.text) {
                    words_above = Some(index);
                }
            }
        }
    }
    found
        .into_iter()
        .filter(|item| letters(&item.description) >= 2)
        .map(finished)
        .collect()
}

fn taken_below(found: &[Priced<'_>], index: usize, text: &str) -> bool {
    found
        .last()
        .is_some_and(|item| item.used + 1 == index && item.description == text.trim())
}

fn finished(item: Priced<'_>) -> Item {
    let mut unit_price = item.unit_price;
    if let (Some(count), None) = (item.quantity, unit_price)
        && count.scale == 0
        && count.unscaled > 0
        && item.total.unscaled % count.unscaled == 0
    {
        unit_price = Some(Decimal {
            unscaled: item.total.unscaled / count.unscaled,
            scale: item.total.scale,
        });
    }
    Item {
        description: item.description,
        date: None,
        quantity: item.quantity,
        unit_price,
        total: Some(item.total),
        page: Some(item.row.page),
        area: item.row.cells.iter().filter_map(|cell| cell.area).reduce(around),
        confidence: Confidence(item.row.confidence().0.min(850)),
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

fn count_of(text: &str, mark: Option<Mark>) -> Option<Decimal> {
    TIMES
        .captures(text)
        .and_then(|found| found.get(1))
        .and_then(|m| number(m.as_str(), mark))
}

/// A row that ends with an amount: its words, its amount, and what makes the amount.
fn priced<'a>(row: &'a Row, mark: Option<Mark>) -> Option<Priced<'a>> {
    let mut texts: Vec<(String, Vec<Amount>)> = Vec::new();
    for cell in &row.cells {
        let text = tidy(&cell.text);
        let money = amounts(&text, mark);
        texts.push((text, money));
    }
    let all: Vec<Decimal> = texts
        .iter()
        .flat_map(|(_, money)| {
            money
                .iter()
                .filter(|amount| amount.monetary())
                .map(|amount| amount.value)
        })
        .collect();
    let mut total = *all.last()?;
    if matches!(
        label_of(&Labelled::of(&row.text)),
        Some(Label::Discount | Label::Rounding | Label::Tax | Label::Change | Label::Paid)
    ) && letters(&row.text) < 24
    {
        return None;
    }
    let mut description: Vec<String> = Vec::new();
    let mut counts: Vec<Decimal> = Vec::new();
    for (text, money) in &texts {
        let first = money
            .iter()
            .find(|amount| amount.monetary())
            .map_or(text.len(), |amount| amount.start);
        let words = text.get(..first).unwrap_or(text).trim();
        if let Some(count) = COUNT_CELL
            .captures(words)
            .and_then(|found| found.get(1))
            .and_then(|m| number(m.as_str(), mark))
        {
            counts.push(count);
        } else if letters(words) >= 2 && !words.ends_with('%') || CODE_ONLY.is_match(words) && words.len() < 5 {
            description.push(words.to_owned());
        }
    }
    let mut description = description.join(" ");
    let (mut quantity, mut unit_price) = (None, None);
    if let Some(found) = TIMES.captures(&row.text) {
        quantity = found.get(1).and_then(|m| number(m.as_str(), mark));
        unit_price = found.get(2).and_then(|m| number(m.as_str(), mark));
        if let Some(whole) = found.get(0) {
            description = description.replace(whole.as_str().trim(), "").trim().to_owned();
        }
    }
    if quantity.is_none()
        && let Some(found) = LEADING_COUNT.captures(&description)
    {
        quantity = found.get(1).and_then(|m| number(m.as_str(), mark));
        description = found.get(2).map_or(description.clone(), |m| m.as_str().to_owned());
    }
    // Which of the amounts is the line's: the one that is a count times another.
    let product = |a: Decimal, b: Decimal| Some(units(a)?.checked_mul(units(b)?)? / 10_000);
    let near = |a: i64, b: Decimal| units(b).is_some_and(|b| (a - b).abs() <= 100);
    counts.extend(quantity);
    counts.extend(all.iter().copied().filter(|value| value.scale <= 3));
    'search: for count in &counts {
        for price in &all {
            if let Some(made) = product(*count, *price)
                && let Some(line) = all.iter().rev().find(|line| near(made, **line))
                && (*line != *price || units(*count) == Some(10_000))
                && !std::ptr::eq(count, line)
            {
                quantity = Some(*count);
                unit_price = Some(*price);
                total = *line;
                break 'search;
            }
        }
    }
    if quantity.is_none() {
        quantity = counts
            .first()
            .copied()
            .filter(|count| count.scale == 0 && count.unscaled > 0 && count.unscaled < 1000 && all.len() <= 2);
    }
    if absolute(total).unscaled == 0 && letters(&description) < 3 {
        return None;
    }
    Some(Priced {
        row,
        description,
        quantity,
        unit_price,
        total,
        used: 0,
    })
}
