//! What can be asked about imports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Accepts the lines of an import.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptImport {
    /// The account that the lines belong to; the one that the statement names unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// What came of accepting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The import.
    pub id: String,
    /// Lines that became new transactions.
    pub new: u32,
    /// Lines that were there before.
    pub there: u32,
    /// Lines that a reverted import had brought, and that count again.
    pub restored: u32,
    /// The import's version now.
    pub version: i64,
    /// The journal's position that this stands at.
    pub position: i64,
}

/// What came of reverting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reverted {
    /// The import.
    pub id: String,
    /// How many transactions were voided.
    pub voided: u32,
    /// The import's version now.
    pub version: i64,
    /// The journal's position that this stands at.
    pub position: i64,
}
