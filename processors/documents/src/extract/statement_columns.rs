//! What the columns of a table hold: by their heads, else by their cells.

use std::collections::BTreeMap;

use spendlog_domain::values::Decimal;

use super::amounts::{Mark, amounts, mark_of, units};
use super::dates::{Day, dates};
use super::pattern::regex;
use super::statement_words::{Role, role};
use crate::reading::Table;

/// Columns of a statement; more of them are of another kind of table.
const COLUMNS_MAX: usize = 64;
/// Columns of money without a head among which movement and balance are looked for.
const MONEY_MAX: usize = 12;
/// Rows that tell whether a table is a statement.
const SAMPLE_ROWS: usize = 500;

/// A cell as a date, if it is nothing else.
pub(super) fn date_of(cell: &str) -> Option<Day> {
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
pub(super) fn amount_of(cell: &str, mark: Option<Mark>) -> Option<Decimal> {
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

/// What the columns of a table hold.
pub(super) struct Columns {
    pub(super) roles: BTreeMap<usize, Role>,
    /// The rows that have a date.
    pub(super) data: Vec<usize>,
    /// The row of the heads.
    pub(super) head: Option<usize>,
    pub(super) marks: BTreeMap<usize, Option<Mark>>,
}

impl Columns {
    pub(super) fn at(&self, role: Role) -> Option<usize> {
        self.roles.iter().find(|(_, r)| **r == role).map(|(column, _)| *column)
    }

    pub(super) fn all(&self, role: Role) -> impl Iterator<Item = usize> {
        self.roles
            .iter()
            .filter(move |(_, r)| **r == role)
            .map(|(column, _)| *column)
    }
}

/// Whether a table looks like a statement: dates and amounts in columns.
pub(crate) fn looks_like_statement(table: &Table) -> bool {
    let sample = Table {
        name: String::new(),
        rows: table.rows.iter().take(SAMPLE_ROWS).cloned().collect(),
    };
    columns(&sample).is_some_and(|columns| {
        let money = [Role::Amount, Role::Debit, Role::Credit]
            .iter()
            .filter(|role| columns.at(**role).is_some())
            .count();
        money > 0 && !columns.data.is_empty()
    })
}

pub(super) fn cell(table: &Table, row: usize, column: usize) -> &str {
    table
        .rows
        .get(row)
        .and_then(|cells| cells.get(column))
        .map_or("", |cell| cell.trim())
}

pub(super) fn columns(table: &Table) -> Option<Columns> {
    let width = table.rows.iter().map(Vec::len).max()?.min(COLUMNS_MAX);
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
    let three = three_decimals(table.rows.iter().flatten().map(String::as_str));
    let mark = three.or_else(|| mark_of(all_rows.flat_map(|row| table.rows[row].iter().map(String::as_str))));
    let marks: BTreeMap<usize, Option<Mark>> = (0..width)
        .map(|column| {
            (
                column,
                three_decimals(data.iter().map(|row| cell(table, *row, column)))
                    .or_else(|| mark_of(data.iter().map(|row| cell(table, *row, column))))
                    .or(mark),
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
        .take(MONEY_MAX)
        .collect();
    let cells: BTreeMap<(usize, usize), i64> = columns
        .data
        .iter()
        .flat_map(|row| money.iter().map(|column| (*row, *column)))
        .filter_map(|(row, column)| Some(((row, column), units(value(row, column)?)?)))
        .collect();
    let at = |row: usize, column: usize| cells.get(&(row, column)).copied();
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
    // An empty column between others is the other half of a pair: here nothing came in, or nothing went out.
    let blank = |column: usize| columns.data.iter().all(|row| cell(table, *row, column).is_empty());
    let unsigned = |column: usize| {
        columns
            .data
            .iter()
            .all(|row| !cell(table, *row, column).contains(['-', '+', '(']))
    };
    if let Some(amount) = money.iter().copied().find(|column| unsigned(*column))
        && (money.len() == 1 || money.len() == 2 && money[0] == amount && !blank(money[1]))
    {
        let before = amount.checked_sub(1).filter(|column| blank(*column) && *column > 0);
        let after = Some(amount + 1).filter(|column| blank(*column) && column + 1 < width);
        let balance = money.get(1).copied();
        let role = match (before, after) {
            (None, Some(_)) => Some(Role::Debit),
            (Some(_), None) => Some(Role::Credit),
            _ => None,
        };
        if let Some(role) = role {
            columns.roles.insert(amount, role);
            columns.roles.extend(balance.map(|balance| (balance, Role::Balance)));
            return;
        }
    }
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

/// Currencies of three decimals write `0.000` for nothing, which is no thousand.
fn three_decimals<'a>(cells: impl Iterator<Item = &'a str>) -> Option<Mark> {
    regex!(ZERO, r"(?:^|[^\d.,])0([.,])\d{3}$");
    cells
        .filter_map(|cell| ZERO.captures(cell)?.get(1))
        .next()
        .map(|sign| if sign.as_str() == "." { Mark::Point } else { Mark::Comma })
}
