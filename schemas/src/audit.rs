//! Looking behind the figures: the events themselves, and books folded from them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
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

/// A head of the journal, signed. Keep it elsewhere: it finds every later change of what was before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedHead {
    /// How many events the journal had.
    pub size: i64,
    /// The root of the Merkle tree (RFC 9162) over them, in hexadecimal digits.
    pub root: String,
    /// When the last of them was recorded.
    #[serde(serialize_with = "with_six_decimals")]
    #[schema(example = "2026-10-03T12:00:00.000000Z")]
    pub recorded_at: DateTime<Utc>,
    /// The Ed25519 key that signed it, in hexadecimal digits.
    pub public_key: String,
    /// The signature over four lines, each ended by a line feed, in hexadecimal digits: `spendlog head 1`, `size`, `root` and
    /// `recorded_at`, as they stand here.
    pub signature: String,
}

/// The time as it is signed.
fn with_six_decimals<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// An event as it is stored, with all that its leaf covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredEvent {
    /// The kind of its stream.
    pub aggregate_type: String,
    /// The id of its stream.
    pub aggregate_id: String,
    /// Its number in its stream.
    pub sequence: i64,
    /// Its name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// Its content, letter by letter as stored: JSON in which what is personal is sealed.
    pub payload: String,
    /// Its metadata, letter by letter as stored.
    pub metadata: String,
    /// Its place in the journal, from 1.
    pub position: i64,
    /// The UUID of the user or book whose it is.
    pub owner_id: String,
    /// The UUID of the command, on the first of its events.
    pub command_id: Option<String>,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_at_us: i64,
}

/// Proves that an event is in the journal as it was written. It can be checked without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventProof {
    /// The event.
    pub event: StoredEvent,
    /// The hashes beside the way from the event's leaf to the root, the lowest first, in hexadecimal digits (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
    /// The head that it is proved against.
    pub head: SignedHead,
}

/// Proves that the journal begins with all that it had at an earlier size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyProof {
    /// The earlier size.
    pub from: i64,
    /// The hashes of RFC 9162, section 2.1.4, in hexadecimal digits.
    pub path: Vec<String>,
    /// The head now.
    pub head: SignedHead,
}

/// Against which head.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventProofQuery {
    /// The size of the head, not before the event: of one that was given before. The newest unless said.
    #[param(minimum = 1)]
    pub size: Option<i64>,
}

/// Since when.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    /// The size of the earlier head.
    #[param(minimum = 1)]
    pub from: i64,
}
