//! Bank statements as tables: CSV files and sheets.
//!
//! The head of a column says what it holds where there is a head; else the column's own cells do: dates, amounts that
//! are the differences of the next column. Order of dates and mark of fractions are decided by the whole column.

use std::collections::BTreeMap;

use spendlog_domain::documents::Confidence;
use spendlog_domain::values::{Currency, Date, Decimal};

use super::amounts::{Mark, absolute, amounts, mark_of, negated, units};
use super::dates::{Day, Order, dates};
use super::locale::Locale;
use super::statement::{Found, Stated};
use super::statement_words::{self as words, Role, direction, flag, role, stated};
use crate::reading::{Movement, Reading, Table};

/// A cell as a date, if it is nothing else.
fn date_of(cell: &str) -> Option<Day> {
    let cell = cell.trim();
    if !(6..=30).contains(&cell.len()) {
        return None;
    }
    let hit = dates(cell).into_iter().next()?;
    let rest = cell.len() - (hit.end - hit.start);
    (hit.start <= 5
        && (rest <= 1
            || hit.timed
            || cell
                .get(hit.end..)
                .is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == 'T'))))
    .then_some(hit.day)
}

/// A cell as an amount, if it is nothing else.
fn amount_of(cell: &str, mark: Option<Mark>) -> Option<Decimal> {
    let cell = cell.trim();
    let mut cleaned: String = cell
        .chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '"' | '\u{feff}'))
        .collect();
    // Signs of currencies that are no Latin letters stand before the digits.
    if let Some(at) = cleaned.find(|c: char| c.is_ascii_digit())
        && cleaned[..at].chars().any(|c| !c.is_ascii() && c.is_alphabetic())
    {
        cleaned = cleaned[at..].to_owned();
    }
    if cleaned.is_empty() || cleaned.len() > 28 || cleaned.chars().filter(char::is_ascii_digit).count() == 0 {
        return None;
    }
    let found = amounts(&cleaned, mark);
    let [only] = &found[..] else { return None };
    let around = cleaned.len() - (only.end - only.start);
    (around <= 4 && cleaned.chars().filter(|c| c.is_alphabetic()).count() <= 4).then_some(only.value)
}

struct Columns {
    roles: BTreeMap<usize, Role>,
    /// The rows that have a date.
    data: Vec<usize>,
    /// The row of the heads.
    head: Option<usize>,
    marks: BTreeMap<usize, Option<Mark>>,
}

impl Columns {
    fn at(&self, role: Role) -> Option<usize> {
        self.roles.iter().find(|(_, r)| **r == role).map(|(column, _)| *column)
    }

    fn all(&self, role: Role) -> impl Iterator<Item = usize> {
        self.roles
            .iter()
            .filter(move |(_, r)| **r == role)
            .map(|(column, _)| *column)
    }
}

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

/// Whether a table looks like a statement: dates and amounts in columns.
pub(crate) fn looks_like_statement(table: &Table) -> bool {
    columns(table).is_some_and(|columns| {
        let money = [Role::Amount, Role::Debit, Role::Credit]
            .iter()
            .filter(|role| columns.at(**role).is_some())
            .count();
        money > 0 && !columns.data.is_empty()
    })
}

fn cell(table: &Table, row: usize, column: usize) -> &str {
    table
        .rows
        .get(row)
        .and_then(|cells| cells.get(column))
        .map_or("", |cell| cell.trim())
}

fn columns(table: &Table) -> Option<Columns> {
    let width = table.rows.iter().map(Vec::len).max()?;
    let is_date = |row: usize, column: usize| date_of(cell(table, row, column)).is_some();
    let all_rows = 0..table.rows.len();
    let head = head_row(table);
    let body = head.map_or(0, |head| head + 1)..table.rows.len();
    let mut roles = BTreeMap::new();
    if let Some(head) = head {
        for column in 0..width {
            if let Some(role) = role(cell(table, head, column)) {
                roles.insert(column, role);
            }
        }
    }
    // The column of dates: by its head, else the first where most cells are dates.
    let share = |column: usize| body.clone().filter(|row| is_date(*row, column)).count();
    let dated = |role: Role, roles: &BTreeMap<usize, Role>| {
        roles
            .iter()
            .filter(|(_, r)| **r == role)
            .map(|(column, _)| *column)
            .find(|column| share(*column) > 0)
    };
    let date = dated(Role::Date, &roles)
        .or_else(|| dated(Role::ValueDate, &roles))
        .or_else(|| {
            let most = (0..width).map(&share).max().filter(|most| *most > 0)?;
            (0..width).find(|column| share(*column) * 2 > most)
        })?;
    // Only one date is the booking's.
    for (column, role) in &mut roles {
        if *role == Role::Date && *column != date {
            *role = Role::ValueDate;
        }
    }
    roles.insert(date, Role::Date);
    let data: Vec<usize> = body.clone().filter(|row| is_date(*row, date)).collect();
    let mark = mark_of(all_rows.flat_map(|row| table.rows[row].iter().map(String::as_str)));
    let marks: BTreeMap<usize, Option<Mark>> = (0..width)
        .map(|column| {
            (
                column,
                mark_of(data.iter().map(|row| cell(table, *row, column))).or(mark),
            )
        })
        .collect();
    let mut columns = Columns {
        roles,
        data,
        head,
        marks,
    };
    columns.roles.retain(|column, role| {
        let numbers = columns
            .data
            .iter()
            .filter(|row| amount_of(cell(table, **row, *column), None).is_some())
            .count();
        !matches!(role, Role::Amount | Role::Debit | Role::Credit | Role::Balance)
            || numbers > 0
            || columns.data.is_empty()
    });
    if columns.at(Role::Amount).is_none() && columns.at(Role::Debit).is_none() && columns.at(Role::Credit).is_none() {
        guess_amounts(table, &mut columns, width);
    }
    Some(columns)
}

/// The row with the most heads, at least two different ones, before any data.
fn head_row(table: &Table) -> Option<usize> {
    let score = |row: &Vec<String>| {
        let filled = row.iter().filter(|cell| !cell.trim().is_empty()).count();
        let roles: Vec<Role> = row
            .iter()
            .filter(|cell| cell.len() < 60)
            .filter_map(|cell| role(cell))
            .collect();
        let numbers = row
            .iter()
            .filter(|cell| date_of(cell).is_some() || amount_of(cell, None).is_some())
            .count();
        let money = roles
            .iter()
            .any(|role| matches!(role, Role::Amount | Role::Debit | Role::Credit));
        let date = roles.iter().any(|role| matches!(role, Role::Date | Role::ValueDate));
        (filled >= 2 && numbers == 0 && roles.len() >= 2 && (money || date))
            .then_some(roles.len() + usize::from(money) + usize::from(date))
    };
    let scored = table
        .rows
        .iter()
        .enumerate()
        .take(60)
        .filter_map(|(index, row)| Some((score(row)?, std::cmp::Reverse(index))));
    scored.max().map(|(_, std::cmp::Reverse(index))| index)
}

/// Without heads: a column whose amounts are the steps of another is the movement, the other the balance.
fn guess_amounts(table: &Table, columns: &mut Columns, width: usize) {
    let value =
        |row: usize, column: usize| amount_of(cell(table, row, column), columns.marks.get(&column).copied().flatten());
    let money: Vec<usize> = (0..width)
        .filter(|column| !columns.roles.contains_key(column))
        .filter(|column| {
            let cells: Vec<&str> = columns
                .data
                .iter()
                .map(|row| cell(table, *row, *column))
                .filter(|cell| !cell.is_empty())
                .collect();
            let values = columns.data.iter().filter_map(|row| value(*row, *column)).count();
            let fractions = columns
                .data
                .iter()
                .filter_map(|row| value(*row, *column))
                .filter(|value| value.scale > 0)
                .count();
            let signed = cells
                .iter()
                .filter(|cell| cell.starts_with(['-', '+', '(', '$', '€', '£']))
                .count();
            !cells.is_empty() && values == cells.len() && (fractions > 0 || signed > 0)
        })
        .collect();
    let at = |row: usize, column: usize| value(row, column).and_then(units);
    // Difference of two columns in every row: balances before and after.
    for after in &money {
        for before in &money {
            for step in &money {
                let fits = after != before && step != before && step != after
                    && columns.data.iter().all(|row| matches!((at(*row, *before), at(*row, *after), at(*row, *step)), (Some(b), Some(a), Some(s)) if a - b == s && s != 0));
                if fits {
                    columns.roles.insert(*step, Role::Amount);
                    columns.roles.insert(*after, Role::Balance);
                    return;
                }
            }
        }
    }
    let exclusive = |a: usize, b: usize| {
        let set = |row: usize, column: usize| at(row, column).is_some_and(|units| units != 0);
        let both = columns.data.iter().filter(|row| set(**row, a) && set(**row, b)).count();
        let either = columns.data.iter().filter(|row| set(**row, a) || set(**row, b)).count();
        let full = columns.data.iter().filter(|row| set(**row, a)).count() == either
            || columns.data.iter().filter(|row| set(**row, b)).count() == either;
        both == 0 && either > 0 && (!full || columns.data.len() < 3)
    };
    match money[..] {
        [] => {}
        [amount] => {
            columns.roles.insert(amount, Role::Amount);
        }
        [a, b, ..] if exclusive(a, b) => {
            let signed = columns
                .data
                .iter()
                .any(|row| at(*row, a).is_some_and(|v| v < 0) || at(*row, b).is_some_and(|v| v < 0));
            if signed {
                columns.roles.insert(a, Role::Amount);
                columns.roles.insert(b, Role::Amount);
            } else {
                columns.roles.insert(a, Role::Debit);
                columns.roles.insert(b, Role::Credit);
            }
            if let Some(balance) = money.get(2) {
                columns.roles.insert(*balance, Role::Balance);
            }
        }
        [a, .., last] => {
            // One is signed and one is not: the signed is the movement.
            let signed = money
                .iter()
                .copied()
                .find(|column| columns.data.iter().any(|row| at(*row, *column).is_some_and(|v| v < 0)));
            let amount = signed.unwrap_or(a);
            columns.roles.insert(amount, Role::Amount);
            if last != amount {
                columns.roles.insert(last, Role::Balance);
            }
        }
    }
}

/// The order of day and month that the whole column shows; else the one under which the days run in order and close
/// together; else what the document's country says.
fn order_of(
    days: &[Day],
    locale: &Locale,
    currency: Option<Currency>,
    hits: &[super::dates::DateHit],
    today: Date,
) -> (Option<Order>, bool) {
    if days.iter().all(|day| matches!(day, Day::Sure(_))) && !hits.iter().any(|hit| hit.shows.is_some()) {
        return (None, true);
    }
    let shown = |order: Order| hits.iter().any(|hit| hit.shows == Some(order));
    match (shown(Order::DayFirst), shown(Order::MonthFirst)) {
        (true, false) => return (Some(Order::DayFirst), true),
        (false, true) => return (Some(Order::MonthFirst), true),
        _ => {}
    }
    let quality = |order: Order| {
        let all: Vec<Date> = days.iter().filter_map(|day| day.by(Some(order))).collect();
        let rising = all.windows(2).filter(|pair| pair[0] <= pair[1]).count();
        let falling = all.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        let span = all
            .iter()
            .max()
            .zip(all.iter().min())
            .map_or(0, |(last, first)| (*last - *first).num_days());
        let future = all.iter().filter(|date| **date > today).count();
        (future, all.len() - rising.max(falling), span)
    };
    let (day, month) = (quality(Order::DayFirst), quality(Order::MonthFirst));
    if day.0 != month.0 || (day.1 != month.1 && days.len() > 2) {
        return (
            Some(if (day.0, day.1) < (month.0, month.1) {
                Order::DayFirst
            } else {
                Order::MonthFirst
            }),
            true,
        );
    }
    if let Some(order) = locale.order(hits, currency) {
        return (Some(order), true);
    }
    // Days of one statement lie close together.
    if day.2 * 3 < month.2 {
        return (Some(Order::DayFirst), true);
    }
    if month.2 * 3 < day.2 {
        return (Some(Order::MonthFirst), true);
    }
    (Some(Order::DayFirst), false)
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
