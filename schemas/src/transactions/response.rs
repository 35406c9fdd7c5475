//! What is answered about transactions.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Its id.
    #[schema(example = "txn_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its book.
    pub book: String,
    /// The day it happened.
    pub booked_on: NaiveDate,
    /// The amount on its first account, as a decimal number; negative leaves the account.
    #[schema(example = "-12.50")]
    pub amount: Option<String>,
    /// The amount's currency.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Its first account.
    pub account: Option<String>,
    /// Its category, if it has exactly one.
    pub category: Option<String>,
    /// Whom the money went to or came from.
    pub merchant: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Whether it counts.
    pub status: TransactionStatus,
    /// Why it counts no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<Voided>,
    /// Its postings, which sum to zero in each currency.
    pub postings: Vec<Posting>,
    /// What it was recorded from.
    pub origin: TransactionOrigin,
    /// The texts that are forgotten, and null therefore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgotten: Vec<String>,
    /// Its version.
    pub version: i64,
    /// The position of the event that made it what it is.
    pub position: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// A posting: money into an account or a category, or (negative) out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// By which corrections name it.
    pub id: String,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Or the category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How much, as a decimal number.
    #[schema(example = "12.50")]
    pub amount: String,
    /// The amount's currency.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// Whether a transaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// It does.
    Recorded,
    /// It does not.
    Voided,
}

/// Why a transaction counts no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Voided {
    /// A person said so.
    Person,
    /// The import that brought it was reverted.
    ImportReverted {
        /// The import.
        import: String,
    },
}

/// What a transaction was recorded from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TransactionOrigin {
    /// A person typed it in.
    Manual,
    /// A document was confirmed.
    Document {
        /// The document.
        document: String,
    },
    /// A line of a statement was accepted.
    Import {
        /// The import.
        import: String,
        /// The document that the statement came as.
        document: String,
        /// The line's place in the statement, from 0.
        line: u32,
    },
}

/// What a list of transactions is ordered by; `-` turns it round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub enum TransactionsOrder {
    /// Earliest first.
    #[serde(rename = "booked_on")]
    BookedOn,
    /// Latest first.
    #[default]
    #[serde(rename = "-booked_on")]
    BookedOnDescending,
    /// Smallest amount first; amounts are compared as numbers, whatever their currency.
    #[serde(rename = "amount")]
    Amount,
    /// Largest amount first.
    #[serde(rename = "-amount")]
    AmountDescending,
}

/// Which transactions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TransactionsQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// On this day or later.
    pub from: Option<NaiveDate>,
    /// On this day or earlier.
    pub to: Option<NaiveDate>,
    /// Of this amount or more.
    #[param(example = "-50.00")]
    pub amount_min: Option<String>,
    /// Of this amount or less.
    #[param(example = "-10.00")]
    pub amount_max: Option<String>,
    /// With a posting in this account.
    pub account: Option<String>,
    /// With a posting in this category.
    pub category: Option<String>,
    /// Recorded from this document.
    pub document: Option<String>,
    /// With this text in merchant or note, whatever the case.
    #[param(max_length = 100)]
    pub text: Option<String>,
    /// Only those that count, or only those that don't.
    #[param(inline)]
    pub status: Option<TransactionStatus>,
    /// In which order; `-booked_on` unless said.
    #[param(inline)]
    pub order: Option<TransactionsOrder>,
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}

/// Which transactions of an account, whose book it is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountTransactionsQuery {
    /// On this day or later.
    pub from: Option<NaiveDate>,
    /// On this day or earlier.
    pub to: Option<NaiveDate>,
    /// Of this amount or more.
    #[param(example = "-50.00")]
    pub amount_min: Option<String>,
    /// Of this amount or less.
    #[param(example = "-10.00")]
    pub amount_max: Option<String>,
    /// With a posting in this category.
    pub category: Option<String>,
    /// Recorded from this document.
    pub document: Option<String>,
    /// With this text in merchant or note, whatever the case.
    #[param(max_length = 100)]
    pub text: Option<String>,
    /// Only those that count, or only those that don't.
    #[param(inline)]
    pub status: Option<TransactionStatus>,
    /// In which order; `-booked_on` unless said.
    #[param(inline)]
    pub order: Option<TransactionsOrder>,
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}

impl AccountTransactionsQuery {
    /// The same among all transactions.
    pub fn of_account(self, account: String) -> TransactionsQuery {
        let Self {
            from,
            to,
            amount_min,
            amount_max,
            category,
            document,
            text,
            status,
            order,
            at,
            limit,
            after,
        } = self;
        TransactionsQuery {
            book: None,
            account: Some(account),
            from,
            to,
            amount_min,
            amount_max,
            category,
            document,
            text,
            status,
            order,
            at,
            limit,
            after,
        }
    }
}

/// As of when.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AtQuery {
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
}
