//! What can have happened to a category.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{BookId, CategoryId, Text};

/// On which side of the ledger a category stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum CategoryKind {
    /// Money spent.
    Expense,
    /// Money earned.
    Income,
    /// Not known yet: one of these in every book.
    Uncategorised,
}

/// Events of the stream `category`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum CategoryEvent {
    /// The category was created.
    #[serde(rename = "category.created")]
    Created {
        /// The new category.
        category: CategoryId,
        /// The book that it belongs to.
        book: BookId,
        /// What it is called.
        name: Text,
        /// On which side it stands.
        kind: CategoryKind,
    },
    /// It got another name.
    #[serde(rename = "category.renamed")]
    Renamed {
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// All that stood in it stands in another one from now on; it takes nothing more.
    #[serde(rename = "category.merged")]
    Merged {
        /// The other one.
        into: CategoryId,
    },
}

impl DomainEvent for CategoryEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "category.created",
            Self::Renamed { .. } => "category.renamed",
            Self::Merged { .. } => "category.merged",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
