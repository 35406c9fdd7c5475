//! What is answered about accounts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::AccountKind;

/// An account, with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its id.
    #[schema(example = "acc_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its book.
    pub book: String,
    /// What it is called; null if that is forgotten.
    pub name: Option<String>,
    /// What it is.
    pub kind: AccountKind,
    /// The currency that it is kept in.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The bank's number for it.
    pub number: Option<String>,
    /// Whether something can be recorded in it.
    pub status: AccountStatus,
    /// The sum of all postings in it, as a decimal number.
    #[schema(example = "1048.20")]
    pub balance: String,
    /// The version of the account itself, which its balance does not change.
    pub version: i64,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When the account itself last changed.
    pub changed_at: DateTime<Utc>,
}

/// Whether something can be recorded in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It can.
    Open,
    /// It was closed.
    Closed,
}

/// Which accounts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountsQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}
