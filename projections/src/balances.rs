//! What a change of a transaction's postings means for balances and for the monthly summary.

use std::collections::BTreeMap;

use chrono::Datelike;
use spendlog_domain::values::Date;
use uuid::Uuid;

use crate::{
    cells::{CellKey, Figures},
    transactions::PostingRow,
};

/// What changes by replacing postings by others.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    /// By account, in minor units.
    pub(crate) accounts: BTreeMap<Uuid, i64>,
    /// By month, category and currency.
    pub(crate) cells: BTreeMap<CellKey, Figures>,
}

/// The first day of a day's month.
pub(crate) fn month_of(day: Date) -> Date {
    day.with_day(1).unwrap_or(day)
}

/// The difference between what counted before and what counts now; what stays the same is not in it.
pub(crate) fn deltas(book: Uuid, before: &[PostingRow], now: &[PostingRow]) -> Deltas {
    let mut deltas = Deltas::default();
    let signed = before.iter().map(|row| (row, -1)).chain(now.iter().map(|row| (row, 1)));
    for (row, sign) in signed.filter(|(row, _)| !row.voided) {
        if row.account {
            let delta = deltas.accounts.entry(row.target).or_default();
            *delta = delta.wrapping_add(sign * row.minor);
        } else {
            let key = CellKey {
                book,
                month: month_of(row.booked_on),
                category: row.target,
                currency: row.currency,
            };
            deltas.cells.entry(key).or_default().count_in(-row.minor, sign);
        }
    }
    deltas.accounts.retain(|_, delta| *delta != 0);
    deltas.cells.retain(|_, figures| *figures != Figures::default());
    deltas
}
