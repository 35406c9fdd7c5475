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
    /// What came of each line, in their order. One without an amount brings no transaction, and is left out.
    pub lines: Vec<AcceptedLine>,
    /// The import's version now.
    pub version: i64,
    /// The journal's position that this stands at.
    pub position: i64,
}

/// A line that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedLine {
    /// Its place in the import, from 0.
    pub number: u32,
    /// The transaction that it is.
    #[schema(example = "txn_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub transaction: String,
    /// What came of it.
    pub outcome: LineOutcome,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineOutcome {
    /// It became a new transaction.
    New,
    /// It was there before: from another import, from an earlier line of this one, or voided by a person and left so.
    There,
    /// A reverted import had brought it, and it counts again.
    Restored,
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
