//! The lines of a receipt or an invoice: what was bought, how many, at which price.

use spendlog_domain::documents::Confidence;
use spendlog_domain::values::Decimal;

use super::amounts::{Amount, Mark, absolute, amounts, from_units, number, tidy, units};
use super::entries::{Entries, Entry};
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

/// Heads of the columns of a list of items.
#[rustfmt::skip]
pub(crate) const HEADS: &[&str] = &[
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
                        item.description = words_of(&rows.rows[above]);
                        if item.quantity.is_none() {
                            (item.quantity, item.unit_price) = made_of(&rows.rows[above], item.total, mark);
                        }
                    } else if let Some(next) = rows.rows.get(index + 1).filter(|_| index + 1 < end)
                        && priced(next, mark).is_none()
                        && letters(&next.text) >= 3
                    {
                        item.description = words_of(next);
                    }
                }
                item.used = index;
                words_above = None;
                found.push(item);
            }
            None => {
                let sum = Labelled::of(&row.text).starts(SUMS);
                if letters(&row.text) >= 3 && !sum && !only_heads(row) && !taken_below(&found, index, row) {
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

/// A second row of heads: `(RM) (RM)`.
fn only_heads(row: &Row) -> bool {
    let mut words = row.folded.split(' ').filter(|word| !word.is_empty()).peekable();
    words.peek().is_some()
        && words.all(|word| HEADS.contains(&word) || matches!(word, "GST" | "SST" | "UNIT" | "DISC%" | "MYR" | "EUR"))
}

fn taken_below(found: &[Priced<'_>], index: usize, row: &Row) -> bool {
    found
        .last()
        .is_some_and(|item| item.used + 1 == index && item.description == words_of(row))
}

/// The words of a row that describe something: no codes, shares and counts where there is anything else.
fn words_of(row: &Row) -> String {
    let words = described(
        row.cells
            .iter()
            .map(|cell| cell.text.trim())
            .filter(|text| !COUNT_CELL.is_match(text)),
    );
    if words.is_empty() {
        row.text.trim().to_owned()
    } else {
        words
    }
}

/// Words without codes; with them where there is nothing else.
fn described<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let code = |text: &str| {
        !text.contains(' ') && text.chars().any(|c| c.is_ascii_digit()) && !text.chars().any(char::is_lowercase)
    };
    let texts: Vec<&str> = texts
        .filter(|text| letters(text) >= 2 && !text.ends_with('%'))
        .collect();
    let plain: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|text| !code(text) && letters(text) >= 3)
        .collect();
    if plain.is_empty() {
        texts.join(" ")
    } else {
        plain.join(" ")
    }
}

/// A count and a price in this row that make the total which stands in the next.
fn made_of(row: &Row, total: Decimal, mark: Option<Mark>) -> (Option<Decimal>, Option<Decimal>) {
    let mut values: Vec<Decimal> = Vec::new();
    for cell in &row.cells {
        let text = tidy(&cell.text);
        let count = COUNT_CELL
            .captures(&text)
            .and_then(|found| number(found.get(1)?.as_str(), mark));
        values.extend(count);
        values.extend(
            amounts(&text, mark)
                .into_iter()
                .filter(|amount| count.is_none() && amount.value.scale >= 2)
                .map(|amount| amount.value),
        );
    }
    values.push(total);
    match factors(&[], &values).filter(|(.., line)| units(*line) == units(total)) {
        // The greater number of decimals is the price's.
        Some((a, b, _)) if a.scale <= b.scale => (Some(a), Some(b)),
        Some((a, b, _)) => (Some(b), Some(a)),
        None => (count_of(&row.text, mark), None),
    }
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
    let words = Labelled::of(&row.text);
    if words.starts(SUMS) {
        return None;
    }
    if matches!(
        label_of(&words),
        Some(Label::Discount | Label::Rounding | Label::Tax | Label::Change | Label::Paid)
    ) && letters(&row.text) < 24
    {
        return None;
    }
    let mut description: Vec<String> = Vec::new();
    let mut counts: Vec<Decimal> = Vec::new();
    // What stands behind the last amount is the class of its tax.
    let last = texts
        .iter()
        .rposition(|(_, money)| money.iter().any(Amount::monetary))
        .unwrap_or(texts.len());
    for (text, money) in &texts[..=last.min(texts.len() - 1)] {
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
    let mut description = described(description.iter().map(String::as_str));
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
    counts.extend(quantity);
    if let Some((count, price, line)) = factors(&counts, &all) {
        quantity = Some(count);
        unit_price = Some(price);
        total = line;
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

/// A count and a price that make one of the amounts at their right, the one furthest right first.
fn factors(counts: &[Decimal], amounts: &[Decimal]) -> Option<(Decimal, Decimal, Decimal)> {
    let product = |a: Decimal, b: Decimal| Some(units(a)?.checked_mul(units(b)?)? / 10_000);
    for (at, line) in amounts.iter().enumerate().rev() {
        for (price_at, price) in amounts[..at].iter().enumerate().rev() {
            let others = amounts[..at]
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != price_at)
                .map(|(_, value)| value);
            for count in counts.iter().chain(others) {
                let made = product(*count, *price);
                if made
                    .zip(units(*line))
                    .is_some_and(|(made, line)| line != 0 && (made - line).abs() <= 100)
                {
                    return Some((*count, *price, *line));
                }
            }
        }
    }
    None
}

/// Discounts and charges between the items and the total, as lines of their own, where with them the lines make the
/// total or the net total and without them they do not.
pub(crate) fn adjustments(rows: &Rows, entries: &Entries, items: &[Item], sums: &[i64]) -> Vec<Item> {
    let made: Option<i64> = items.iter().map(|item| item.total.and_then(units)).sum();
    let near = |sum: i64| sums.iter().any(|wanted| (sum - wanted).abs() <= 500);
    let Some(made) = made.filter(|made| !items.is_empty() && !near(*made)) else {
        return Vec::new();
    };
    let extra: Vec<(&Entry, i64)> = [Label::Service, Label::Discount]
        .into_iter()
        .flat_map(|label| entries.labelled(label))
        .filter(|entry| entry.units != 0)
        .map(|entry| {
            let less = entry.label == Some(Label::Discount);
            (entry, if less { -entry.units.abs() } else { entry.units })
        })
        .collect();
    if extra.is_empty() || !near(made + extra.iter().map(|(_, units)| units).sum::<i64>()) {
        return Vec::new();
    }
    let words = |entry: &Entry| {
        rows.rows.get(entry.row).map_or(String::new(), |row| {
            row.cells
                .iter()
                .map(|cell| cell.text.trim())
                .find(|text| letters(text) >= 3)
                .unwrap_or_default()
                .to_owned()
        })
    };
    let line = |(entry, units): &(&Entry, i64)| Item {
        description: words(entry),
        date: None,
        quantity: None,
        unit_price: None,
        total: Some(from_units(*units)),
        page: Some(entry.page),
        area: entry.area,
        confidence: Confidence(entry.confidence.0.min(850)),
    };
    extra.iter().map(line).collect()
}

#[rustfmt::skip]
const SUMS: &[&str] = &[
    "TOTAL", "SUB TOTAL", "SUBTOTAL", "GRAND TOTAL", "JUMLAH", "SUMME", "GESAMT", "GESAMTBETRAG", "ZWISCHENSUMME",
    "SOUS TOTAL", "TOTALE", "TOTAAL", "SUBTOTAAL", "SUBTOTALE",
];
