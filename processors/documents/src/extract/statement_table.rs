//! Bank statements as tables: CSV files and sheets.
//!
//! The head of a column says what it holds where there is a head; else the column's own cells do: dates, amounts that
//! are the differences of the next column. Order of dates and mark of fractions are decided by the whole column.

use spendlog_domain::documents::Confidence;
use spendlog_domain::values::{Currency, Date};

use super::amounts::{absolute, negated, units};
use super::dates::{Day, dates};
use super::locale::Locale;
use super::statement::{Found, Stated};
use super::statement_columns::{Columns, amount_of, cell, columns, date_of};
use super::statement_order::order_of;
use super::statement_words::{self as words, Role, direction, flag, stated};
use crate::reading::{Movement, Reading, Table};

/// The movements of all tables that are statements.
pub(crate) fn read(reading: &Reading, locale: &Locale, currency: Option<Currency>, today: Date) -> Found {
    let mut found = Found::default();
    for (index, table) in reading.tables.iter().enumerate() {
        let page = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Some(columns) = columns(table) {
            read_table(
                table,
                &columns,
                page,
                reading.confidence,
                locale,
                currency,
                today,
                &mut found,
            );
        }
    }
    found
}

#[expect(
    clippy::too_many_arguments,
    reason = "what is known of the whole document goes into each of its tables"
)]
fn read_table(
    table: &Table,
    columns: &Columns,
    page: u32,
    read: Confidence,
    locale: &Locale,
    currency: Option<Currency>,
    today: Date,
    found: &mut Found,
) {
    let Some(date_at) = columns.at(Role::Date) else { return };
    let days: Vec<Day> = columns
        .data
        .iter()
        .filter_map(|row| date_of(cell(table, *row, date_at)))
        .collect();
    let hits: Vec<super::dates::DateHit> = columns
        .data
        .iter()
        .flat_map(|row| dates(cell(table, *row, date_at)).into_iter().take(1))
        .collect();
    let head_currency = columns
        .head
        .and_then(|head| table.rows[head].iter().find_map(|cell| code_in(cell)));
    let (order, sure) = order_of(&days, locale, currency.or(head_currency), &hits, today);
    let mark = |column: usize| columns.marks.get(&column).copied().flatten();
    let value = |row: usize, column: usize| amount_of(cell(table, row, column), mark(column));
    let unsigned = columns.all(Role::Amount).all(|column| {
        columns
            .data
            .iter()
            .all(|row| !cell(table, *row, column).contains(['-', '−', '(']))
    });
    let marked = |row: usize| {
        table.rows[row]
            .iter()
            .any(|cell| matches!(cell.trim(), "CR" | "Cr" | "cr"))
            || columns.all(Role::Amount).any(|column| {
                cell(table, row, column).trim_start().starts_with('+') || cell(table, row, column).ends_with("CR")
            })
    };
    let credits_marked =
        unsigned && columns.data.iter().any(|row| marked(*row)) && !columns.data.iter().all(|row| marked(*row));
    for row in &columns.data {
        let Some(date) = date_of(cell(table, *row, date_at)).and_then(|day| day.by(order)) else {
            continue;
        };
        let texts: Vec<&str> = [Role::Party, Role::Description]
            .iter()
            .flat_map(|role| columns.all(*role))
            .map(|column| cell(table, *row, column))
            .filter(|text| !text.is_empty())
            .collect();
        let mut description: Vec<&str> = Vec::new();
        for text in texts {
            if !description.contains(&text) {
                description.push(text);
            }
        }
        let mut description = description.join(" ");
        if description.is_empty() {
            description = loose_words(table, columns, *row);
        }
        // Lines below without a date go on with the description.
        let mut below = row + 1;
        while below < table.rows.len() && cell(table, below, date_at).is_empty() && below < row + 6 {
            let only_words = columns
                .roles
                .iter()
                .filter(|(_, role)| matches!(role, Role::Amount | Role::Debit | Role::Credit))
                .all(|(column, _)| cell(table, below, *column).is_empty());
            let text = columns
                .all(Role::Description)
                .chain(columns.all(Role::Party))
                .map(|column| cell(table, below, column))
                .find(|text| !text.is_empty());
            match text {
                Some(text) if only_words => {
                    description.push(' ');
                    description.push_str(text);
                }
                _ => break,
            }
            below += 1;
        }
        let debit = columns
            .all(Role::Debit)
            .find_map(|column| value(*row, column))
            .filter(|v| v.unscaled != 0);
        let credit = columns
            .all(Role::Credit)
            .find_map(|column| value(*row, column))
            .filter(|v| v.unscaled != 0);
        let plain = columns.all(Role::Amount).find_map(|column| value(*row, column));
        let flagged = columns
            .all(Role::Flag)
            .find_map(|column| flag(cell(table, *row, column)))
            .or_else(|| {
                columns
                    .head
                    .is_none()
                    .then(|| {
                        table.rows[*row]
                            .iter()
                            .find_map(|cell| flag(cell).filter(|_| cell.trim().len() > 1))
                    })
                    .flatten()
            });
        let balance = columns.at(Role::Balance).and_then(|column| value(*row, column));
        let amount = match (plain, debit, credit) {
            (Some(amount), ..) if unsigned && flagged.is_some() => {
                if flagged == Some(true) {
                    absolute(amount)
                } else {
                    negated(absolute(amount))
                }
            }
            (Some(amount), ..) if credits_marked => {
                if marked(*row) {
                    absolute(amount)
                } else {
                    negated(absolute(amount))
                }
            }
            (Some(amount), ..) => amount,
            (None, Some(debit), None) => negated(absolute(debit)),
            (None, None, Some(credit)) => credit,
            (None, Some(debit), Some(credit)) => match (units(credit), units(debit)) {
                (Some(credit), Some(debit)) => super::amounts::from_units(credit - debit.abs()),
                _ => continue,
            },
            (None, None, None) => continue,
        };
        if let Some(which) = stated(&description).filter(|_| direction(&description).is_none() || balance.is_none()) {
            let worth = balance.unwrap_or(amount);
            let here = Stated {
                value: worth,
                page,
                area: None,
                score: 900,
                rule: "row of the balance",
                raw: description.clone(),
            };
            match which {
                words::Stated::Opening => found.opening = found.opening.take().or(Some(here)),
                words::Stated::Closing => found.closing = Some(here),
                words::Stated::Between => {}
            }
            if which != words::Stated::Between || amount.unscaled == 0 {
                continue;
            }
        }
        let confidence = if sure { 950 } else { 350 };
        found.movements.push(Movement {
            date,
            amount,
            description,
            balance,
            reference: columns
                .at(Role::Reference)
                .map(|column| cell(table, *row, column).to_owned())
                .filter(|text| !text.is_empty()),
            currency: columns
                .all(Role::Currency)
                .find_map(|column| cell(table, *row, column).to_uppercase().parse().ok()),
            page: Some(page),
            area: None,
            confidence: Confidence(confidence.min(read.0)),
        });
    }
    with_signs_of_balance(
        &mut found.movements,
        unsigned && columns.at(Role::Amount).is_some() && columns.at(Role::Flag).is_none() && !credits_marked,
    );
    if found.account.is_none() {
        let mut accounts = columns
            .data
            .iter()
            .filter_map(|row| columns.at(Role::Account).map(|column| cell(table, *row, column)))
            .filter(|text| text.chars().any(|c| c.is_ascii_digit()));
        found.account = accounts
            .next()
            .filter(|first| accounts.all(|other| other == *first))
            .map(str::to_owned);
    }
    let mut currencies = found.movements.iter().filter_map(|movement| movement.currency);
    let one = currencies
        .next()
        .filter(|first| currencies.all(|other| other == *first));
    found.currency = found.currency.or(one).or(head_currency);
}

/// Unsigned amounts beside a running balance take their sign from its steps.
fn with_signs_of_balance(movements: &mut [Movement], wanted: bool) {
    if !wanted || movements.len() < 2 {
        return;
    }
    let steps = |newest_first: bool| -> Vec<Option<bool>> {
        (0..movements.len())
            .map(|at| {
                let before = if newest_first {
                    movements.get(at + 1)
                } else {
                    at.checked_sub(1).and_then(|before| movements.get(before))
                }?;
                let here = movements.get(at)?;
                let step = units(here.balance?)? - units(before.balance?)?;
                let size = units(here.amount)?.abs();
                (step.abs() == size && size != 0).then_some(step > 0)
            })
            .collect()
    };
    let (old, new) = (steps(false), steps(true));
    let hits = |steps: &[Option<bool>]| steps.iter().flatten().count();
    let best = if hits(&old) >= hits(&new) { old } else { new };
    if hits(&best) * 2 < movements.len() - 1 {
        return;
    }
    for (movement, up) in movements.iter_mut().zip(best) {
        if up == Some(false) {
            movement.amount = negated(absolute(movement.amount));
        }
    }
}

/// Words of cells that have no head: what is no date and no amount.
fn loose_words(table: &Table, columns: &Columns, row: usize) -> String {
    let words = table.rows[row].iter().enumerate().filter(|(column, text)| {
        !columns.roles.contains_key(column)
            && text.chars().filter(|c| c.is_alphabetic()).count() >= 3
            && date_of(text).is_none()
    });
    words.map(|(_, text)| text.trim()).collect::<Vec<_>>().join(" ")
}

fn code_in(head: &str) -> Option<Currency> {
    head.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() == 3 && word.chars().all(|c| c.is_ascii_uppercase()))
        .find_map(|word| {
            [
                "EUR", "USD", "GBP", "CHF", "CZK", "SGD", "MYR", "SEK", "NOK", "DKK", "PLN", "AUD", "CAD", "HUF",
                "JPY", "INR", "NZD", "HKD",
            ]
            .contains(&word)
            .then(|| word.parse().ok())
            .flatten()
        })
}
