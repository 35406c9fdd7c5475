//! Looking behind the figures: the events themselves, and books folded from them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    accounts::Account, books::ConfirmationPolicy, categories::Category, summary::SummaryLine, transactions::Transaction,
};

/// An event, as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// Where it stands in the journal.
    pub position: i64,
    /// What happened.
    #[schema(example = "transaction.recorded")]
    pub event: String,
    /// The version of its shape.
    #[schema(example = "1")]
    pub event_version: String,
    /// What it happened to.
    #[schema(example = "txn_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub subject: String,
    /// Its number in the history of that.
    pub sequence: i64,
    /// Whose it is: a user's or a book's id.
    pub owner: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom: a user's id, `processor:<name>` or `operator`.
    pub by: String,
    /// What belongs together, from the first request on.
    pub correlation: String,
    /// Position of the event that it is a reaction to.
    pub causation: Option<i64>,
    /// What it says. Passwords are withheld.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditEventsQuery {
    /// Only what comes after this position.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// Only what belongs to this book or user; all that is the caller's unless said.
    pub owner: Option<String>,
    /// How many: 1 to 100, 50 unless said. A stream has no end.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
}

/// As of when, and of what.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReplayQuery {
    /// As the journal stood then: a position, or a time of RFC 3339; now unless said.
    pub at: Option<String>,
    /// Only this book; all of the caller's unless said.
    pub book: Option<String>,
}

/// Books as they stood, folded from their events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// The position of the journal that they stood at.
    pub position: i64,
    /// The books.
    pub books: Vec<ReplayedBook>,
}

/// A book as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedBook {
    /// Its id.
    pub id: String,
    /// What it was called.
    pub name: Option<String>,
    /// Who confirmed documents.
    pub policy: ConfirmationPolicy,
    /// Its accounts, with their balances.
    pub accounts: Vec<Account>,
    /// Its categories.
    pub categories: Vec<Category>,
    /// Its transactions, latest first.
    pub transactions: Vec<Transaction>,
    /// What was spent and earned, by month and category.
    pub summary: Vec<SummaryLine>,
}
