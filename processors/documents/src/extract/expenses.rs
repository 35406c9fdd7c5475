//! Expense reports: a table of days, words and amounts, and their sum.

use spendlog_domain::documents::{Confidence, FieldName, FieldValue};

use super::amounts::{Mark, amounts, from_units, mark_of, units};
use super::dates::{DateHit, dates};
use super::labels::{Label, label_of};
use super::locale::Locale;
use super::page::Rows;
use super::sale::{At, Maker, currency_of, sale};
use super::statement_words::{Role, role};
use super::text::Labelled;
use super::{Extraction, Hints};
use crate::reading::{DocumentLine, Item, Reading, Table};
use spendlog_domain::documents::DocumentKind;
use spendlog_domain::values::Decimal;

/// The lines of all tables, with the total that they state or add up to.
pub(crate) fn expenses(reading: &Reading, hints: &Hints) -> Extraction {
    let rows = Rows::of(reading);
    let text = rows
        .rows
        .iter()
        .map(|row| row.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let locale = Locale::of(&text);
    let currency = currency_of(&rows, &locale);
    let hits: Vec<DateHit> = reading
        .tables
        .iter()
        .flat_map(|table| table.rows.iter().flatten())
        .flat_map(|cell| dates(cell))
        .collect();
    let order = locale.order(&hits, currency.as_ref().map(|found| found.currency));
    let mut items = Vec::new();
    let mut stated: Option<(Decimal, u32, String)> = None;
    for (index, table) in reading.tables.iter().enumerate() {
        let page = u32::try_from(index + 1).unwrap_or(u32::MAX);
        read_table(table, page, order, &mut items, &mut stated);
    }
    if items.is_empty() {
        // A report in plain words is read like an invoice.
        return sale(&rows, DocumentKind::Invoice, hints);
    }
    let sum: i64 = items.iter().filter_map(|item| item.total.and_then(units)).sum();
    let maker = Maker { rows: &rows };
    let mut fields = Vec::new();
    let (value, page, raw, score, rule) = match stated {
        Some((value, page, raw)) if units(value) == Some(sum) => {
            (value, page, raw, 960, "stated total is the sum of the lines")
        }
        Some((value, page, raw)) => (value, page, raw, 600, "stated total"),
        None => (from_units(sum), 1, String::new(), 750, "sum of the lines"),
    };
    let at = At {
        page,
        area: None,
        read: reading.confidence,
        score,
        rule,
        raw: &raw,
    };
    fields.push(maker.field(FieldName::Total, FieldValue::Amount(value), &at));
    if let Some(latest) = items.iter().filter_map(|item| item.date).max() {
        let at = At {
            page: 1,
            area: None,
            read: reading.confidence,
            score: 700,
            rule: "latest day of the lines",
            raw: "",
        };
        fields.push(maker.field(FieldName::Date, FieldValue::Date(latest), &at));
    }
    fields.extend(maker.currency(currency.as_ref(), hints.account_currency));
    Extraction::of(fields, items.into_iter().map(DocumentLine::Item).collect())
}

fn read_table(
    table: &Table,
    page: u32,
    order: Option<super::dates::Order>,
    items: &mut Vec<Item>,
    stated: &mut Option<(Decimal, u32, String)>,
) {
    let mark: Option<Mark> = mark_of(table.rows.iter().flatten().map(String::as_str));
    let heads = table
        .rows
        .iter()
        .position(|row| row.iter().filter(|cell| role(cell).is_some()).count() >= 2);
    let column = |wanted: Role| heads.and_then(|at| table.rows[at].iter().position(|cell| role(cell) == Some(wanted)));
    let amount_at = column(Role::Amount).or_else(|| column(Role::Debit));
    for row in table.rows.iter().skip(heads.map_or(0, |at| at + 1)) {
        let number = |cell: &str| amounts(cell, mark).into_iter().next().map(|amount| amount.value);
        let value = match amount_at {
            Some(at) => row.get(at).and_then(|cell| number(cell)),
            None => row
                .iter()
                .rev()
                .filter(|cell| dates(cell).is_empty())
                .find_map(|cell| number(cell).filter(|value| value.scale > 0)),
        };
        let Some(value) = value else { continue };
        let words: Vec<&str> = row
            .iter()
            .map(|cell| cell.trim())
            .filter(|cell| cell.chars().any(char::is_alphabetic) && dates(cell).is_empty())
            .collect();
        let label = label_of(&Labelled::of(&words.join(" ")));
        let date = row
            .iter()
            .flat_map(|cell| dates(cell))
            .find_map(|hit| hit.day.by(order));
        if date.is_none()
            && matches!(
                label,
                Some(Label::Total | Label::Grand | Label::TotalIncluding | Label::Subtotal)
            )
        {
            *stated = Some((value, page, words.join(" ")));
            continue;
        }
        if words.is_empty() {
            continue;
        }
        items.push(Item {
            description: words.join(" "),
            date,
            quantity: None,
            unit_price: None,
            total: Some(value),
            page: Some(page),
            area: None,
            confidence: Confidence(900),
        });
    }
}
