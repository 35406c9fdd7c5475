//! What can be asked of a book.

use super::ConfirmationPolicy;
use crate::values::{BookId, Text, UserId};

/// Commands of [`Book`](super::Book).
#[derive(Clone, Debug)]
pub enum BookCommand {
    /// Opens the book.
    Open {
        /// The new book's id.
        book: BookId,
        /// The user whose it is.
        user: UserId,
        /// What it is called.
        name: Text,
        /// Who confirms documents.
        policy: ConfirmationPolicy,
    },
    /// Gives it another name.
    Rename {
        /// The name from now on.
        name: Text,
    },
    /// Sets who confirms documents.
    ChangePolicy {
        /// The policy from now on.
        policy: ConfirmationPolicy,
    },
    /// Ends the book for good.
    Forget,
}
