//! What can be asked of a category.

use super::CategoryKind;
use crate::values::{BookId, CategoryId, Text};

/// Commands of [`Category`](super::Category).
#[derive(Clone, Debug)]
pub enum CategoryCommand {
    /// Creates the category.
    Create {
        /// The new category's id.
        category: CategoryId,
        /// The book that it belongs to.
        book: BookId,
        /// What it is called.
        name: Text,
        /// On which side it stands.
        kind: CategoryKind,
    },
    /// Gives it another name.
    Rename {
        /// The name from now on.
        name: Text,
    },
    /// Merges it into another one of the same book and kind, which the caller has found to be open.
    Merge {
        /// The other one.
        into: CategoryId,
        /// The other one's kind.
        into_kind: CategoryKind,
    },
}
