//! What is answered about imports.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A statement that was read from a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    /// Its id.
    #[schema(example = "imp_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its book.
    pub book: String,
    /// The document that the statement came as.
    pub document: String,
    /// Where it stands.
    pub status: ImportStatus,
    /// The account that its lines stand in, or before that the one whose number the statement names.
    pub account: Option<String>,
    /// The currency that the statement names.
    pub currency: Option<String>,
    /// How many lines it has.
    pub lines_count: u32,
    /// How many lines became new transactions when it was accepted last.
    pub new: u32,
    /// How many were there before.
    pub there: u32,
    /// How many count again.
    pub restored: u32,
    /// How many were voided when it was reverted last.
    pub voided: u32,
    /// Its version.
    pub version: i64,
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// Its lines wait to be accepted.
    Read,
    /// Its lines stand in the account.
    Accepted,
    /// What it brought is voided; it can be accepted again.
    Reverted,
}

/// Which imports.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportsQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}
