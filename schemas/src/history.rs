//! How something came to be what it is: what changed, when, by whom, from where.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The history of a thing, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// What happened.
    pub data: Vec<HistoryEntry>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Where it stands in the journal.
    pub position: i64,
    /// The version that it made.
    pub version: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom: a user's id, `processor:<name>` or `operator`.
    #[schema(example = "processor:documents")]
    pub by: String,
    /// What happened.
    #[schema(example = "transaction.amount_corrected")]
    pub event: String,
    /// What changed.
    pub changes: Vec<HistoryChange>,
    /// Where the values came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<HistorySource>,
    /// What did it, for a step of reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// How sure it is, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u16>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// A value that changed. Both are null where there was or is none, or where it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryChange {
    /// What.
    #[schema(example = "amount")]
    pub field: String,
    /// Until then.
    pub from: Option<String>,
    /// From then on.
    pub to: Option<String>,
}

/// Where a value came from: a place on a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistorySource {
    /// The document.
    pub document: String,
    /// The field of it, or `line`.
    #[schema(example = "total")]
    pub field: String,
    /// The line of the statement, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it says there.
    pub value: Option<String>,
    /// What read it.
    pub engine: String,
    /// The page, sheet or table, from 1.
    pub page: Option<u32>,
    /// Where it stands on the page.
    pub area: Option<Area>,
    /// How sure that is, in thousandths.
    pub confidence: u16,
}

/// A rectangle on a page, in ten-thousandths of its width (x) and height (y), from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Area {
    /// Left edge.
    pub x0: u16,
    /// Upper edge.
    pub y0: u16,
    /// Right edge.
    pub x1: u16,
    /// Lower edge.
    pub y1: u16,
}
