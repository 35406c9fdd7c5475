//! What can be asked about categories.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// On which side of the ledger a category stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CategoryKind {
    /// Money spent.
    Expense,
    /// Money earned.
    Income,
    /// Not known yet: one of these in every book.
    Uncategorised,
}

/// Creates a category.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCategory {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200, example = "Pets")]
    pub name: String,
    /// On which side it stands: `expense` or `income`.
    pub kind: CategoryKind,
    /// The book that it is created in; the first one unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<String>,
}

/// Changes a category.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCategory {
    /// The name from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
}

/// Merges a category into another one of the same book and kind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeCategory {
    /// The other one.
    pub into: String,
}
