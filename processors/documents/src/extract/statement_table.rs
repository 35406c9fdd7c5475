//! Bank statements as tables: CSV files and sheets.
//!
//! The head of a column says what it holds where there is a head; else the column's own cells do: dates, amounts that
//! are the differences of the next column. Order of dates and mark of fractions are decided by the whole column.

use spendlog_domain::documents::Confidence;
use spendlog_domain::values::{Currency, Date, Decimal};

use super::amounts::{absolute, from_units, negated, units};
use super::dates::{Day, dates};
use super::locale::Locale;
use super::statement::{Found, Stated};
use super::statement_columns::{Columns, amount_of, cell, columns, date_of};
use super::statement_order::order_of;
use super::statement_words::{self as words, Role, flag, only_stated, sums_up};
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
    let body = Body::of(table, columns, date_at);
    let first = columns.head.map(|head| head + 1).or(columns.data.first().copied());
    for row in first.unwrap_or_default()..table.rows.len() {
        let day = date_of(cell(table, row, date_at));
        let amount = body.amount(row);
        let (Some(date), Some(amount)) = (day.and_then(|day| day.by(order)), amount) else {
            found.left_out += u32::from(body.is_left_out(row, day.is_some(), amount));
            continue;
        };
        let description = body.description(row);
        let balance = columns.at(Role::Balance).and_then(|column| body.value(row, column));
        // Beside another balance an amount was moved, whatever the words say.
        let alone = balance.is_none_or(|balance| amount.unscaled == 0 || units(balance) == units(amount));
        if let Some(which) = only_stated(&description).filter(|_| alone) {
            let here = Stated {
                value: balance.unwrap_or(amount),
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
                .map(|column| cell(table, row, column).to_owned())
                .filter(|text| !text.is_empty()),
            currency: columns
                .all(Role::Currency)
                .find_map(|column| cell(table, row, column).to_uppercase().parse().ok()),
            page: Some(page),
            area: None,
            confidence: Confidence(confidence.min(read.0)),
        });
    }
    with_signs_of_balance(
        &mut found.movements,
        body.unsigned && columns.at(Role::Amount).is_some() && columns.at(Role::Flag).is_none() && !body.credits_marked,
    );
    if found.account.is_none()
        && let Some(column) = columns.at(Role::Account)
    {
        let accounts = columns.data.iter().map(|row| cell(table, *row, column));
        let named = accounts.filter(|text| text.chars().any(|c| c.is_ascii_digit()));
        found.account = only(named).map(str::to_owned);
    }
    let one = only(found.movements.iter().filter_map(|movement| movement.currency));
    found.currency = found.currency.or(one).or(head_currency);
}

/// What all of them are, where they are the same.
fn only<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// The amount as one that comes in, or as one that leaves.
fn with_sign(amount: Decimal, incoming: bool) -> Decimal {
    if incoming {
        absolute(amount)
    } else {
        negated(absolute(amount))
    }
}

/// The rows of a table, and what is known of all of them together.
struct Body<'a> {
    table: &'a Table,
    columns: &'a Columns,
    /// The column of the dates.
    date_at: usize,
    /// Whether no amount has a sign.
    unsigned: bool,
    /// Whether what comes in is marked, and what leaves is not.
    credits_marked: bool,
}

impl<'a> Body<'a> {
    fn of(table: &'a Table, columns: &'a Columns, date_at: usize) -> Self {
        let unsigned = columns.all(Role::Amount).all(|column| {
            columns
                .data
                .iter()
                .all(|row| !cell(table, *row, column).contains(['-', '−', '(']))
        });
        let mut body = Self {
            table,
            columns,
            date_at,
            unsigned,
            credits_marked: false,
        };
        let marked = columns.data.iter().filter(|row| body.marked(**row)).count();
        body.credits_marked = unsigned && 0 < marked && marked < columns.data.len();
        body
    }

    fn cell(&self, row: usize, column: usize) -> &'a str {
        cell(self.table, row, column)
    }

    fn value(&self, row: usize, column: usize) -> Option<Decimal> {
        let mark = self.columns.marks.get(&column).copied().flatten();
        amount_of(self.cell(row, column), mark)
    }

    /// The first amount in a column of this role.
    fn value_of(&self, row: usize, role: Role) -> Option<Decimal> {
        self.columns.all(role).find_map(|column| self.value(row, column))
    }

    /// The columns of what was moved.
    fn money(&self) -> impl Iterator<Item = usize> {
        let money = [Role::Amount, Role::Debit, Role::Credit];
        money.into_iter().flat_map(move |role| self.columns.all(role))
    }

    /// Whether the row says that its amount comes in.
    fn marked(&self, row: usize) -> bool {
        self.table.rows[row]
            .iter()
            .any(|cell| matches!(cell.trim(), "CR" | "Cr" | "cr"))
            || self.columns.all(Role::Amount).any(|column| {
                let amount = self.cell(row, column);
                amount.starts_with('+') || amount.ends_with("CR")
            })
    }

    /// Whether the row is marked as one of money that comes in, or leaves, in a cell of its own.
    fn flagged(&self, row: usize) -> Option<bool> {
        let in_column = self
            .columns
            .all(Role::Flag)
            .find_map(|column| flag(self.cell(row, column)));
        if self.columns.head.is_some() {
            return in_column;
        }
        let mut cells = self.table.rows[row].iter();
        in_column.or_else(|| cells.find_map(|cell| flag(cell).filter(|_| cell.trim().len() > 1)))
    }

    /// What was moved, with its sign; none where no cell says it.
    fn amount(&self, row: usize) -> Option<Decimal> {
        if let Some(amount) = self.value_of(row, Role::Amount) {
            return Some(match self.flagged(row) {
                Some(incoming) if self.unsigned => with_sign(amount, incoming),
                _ if self.credits_marked => with_sign(amount, self.marked(row)),
                _ => amount,
            });
        }
        let moved = |role| self.value_of(row, role).filter(|value| value.unscaled != 0);
        match (moved(Role::Debit), moved(Role::Credit)) {
            (Some(debit), None) => Some(with_sign(debit, false)),
            (None, Some(credit)) => Some(credit),
            (Some(debit), Some(credit)) => Some(from_units(units(credit)? - units(debit)?.abs())),
            (None, None) => None,
        }
    }

    /// The words of the row, and of those below that go on with it.
    fn description(&self, row: usize) -> String {
        let mut description = self.words(row);
        for below in (row + 1..self.table.rows.len()).take(5) {
            let goes_on = self.cell(below, self.date_at).is_empty()
                && self.money().all(|column| self.cell(below, column).is_empty());
            let texts = [Role::Description, Role::Party]
                .into_iter()
                .flat_map(|role| self.columns.all(role));
            let text = texts
                .map(|column| self.cell(below, column))
                .find(|text| !text.is_empty());
            let Some(text) = text.filter(|_| goes_on) else { break };
            description.push(' ');
            description.push_str(text);
        }
        description
    }

    /// The words of the row itself, each once.
    fn words(&self, row: usize) -> String {
        let mut words: Vec<&str> = Vec::new();
        for column in [Role::Party, Role::Description]
            .into_iter()
            .flat_map(|role| self.columns.all(role))
        {
            let text = self.cell(row, column);
            if !text.is_empty() && !words.contains(&text) {
                words.push(text);
            }
        }
        if words.is_empty() {
            return loose_words(self.table, self.columns, row);
        }
        words.join(" ")
    }

    /// Whether a row without a day or an amount that could be read was meant as a movement. Titles, balances, sums and
    /// what is not booked yet are none.
    fn is_left_out(&self, row: usize, dated: bool, amount: Option<Decimal>) -> bool {
        let words = self.words(row);
        if self.money().next().is_none() || sums_up(&words) {
            return false;
        }
        if dated {
            let says = |column: usize| self.cell(row, column).contains(char::is_alphanumeric);
            let unreadable = self
                .money()
                .any(|column| says(column) && self.value(row, column).is_none());
            let empty = !self.money().any(says) && self.value_of(row, Role::Balance).is_none();
            return unreadable || empty && !words.is_empty();
        }
        let day = self.cell(row, self.date_at);
        let digits = day.chars().filter(char::is_ascii_digit).count();
        amount.is_some_and(|amount| amount.unscaled != 0)
            && !sums_up(day)
            && (digits > 2 || day.is_empty() && !words.is_empty())
    }
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
