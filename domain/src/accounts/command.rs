//! What can be asked of an account.

use super::AccountKind;
use crate::values::{AccountId, BookId, Currency, Text};

/// Commands of [`Account`](super::Account).
#[derive(Clone, Debug)]
pub enum AccountCommand {
    /// Opens the account.
    Open {
        /// The new account's id.
        account: AccountId,
        /// The book that it belongs to.
        book: BookId,
        /// What it is called.
        name: Text,
        /// What it is.
        kind: AccountKind,
        /// The one currency that it is kept in.
        currency: Currency,
        /// The bank's number for it.
        number: Option<Text>,
    },
    /// Gives it another name.
    Rename {
        /// The name from now on.
        name: Text,
    },
    /// Closes it.
    Close,
}
