//! What a transaction is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{AccountId, CategoryId, DocumentId, ImportId, Money, PostingId};

/// What a posting moves money into, or (with a negative amount) out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One of the book's accounts.
    Account(AccountId),
    /// One of the book's categories.
    Category(CategoryId),
}

/// One line of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// By which corrections name it.
    pub id: PostingId,
    /// Where the money goes to.
    pub target: Target,
    /// How much; an expense is a negative amount on an account and its opposite on a category.
    pub money: Money,
}

/// What a transaction was recorded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// A person typed it in.
    Manual {},
    /// A document was confirmed: its fields say where each figure stands on the page.
    Document {
        /// The document.
        document: DocumentId,
    },
    /// A line of a statement was accepted.
    Import {
        /// The import.
        import: ImportId,
        /// The document that the statement came as.
        document: DocumentId,
        /// The line's place in the statement, from 0.
        line: u32,
    },
}
