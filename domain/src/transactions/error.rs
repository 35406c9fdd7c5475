//! Why something asked of a transaction is refused.

use crate::values::{Currency, PostingId};

/// Rules of [`Transaction`](super::Transaction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// It was recorded before.
    #[error("transaction is recorded already")]
    AlreadyRecorded,
    /// It was never recorded.
    #[error("transaction does not exist")]
    NotRecorded,
    /// It is voided: it can be restored, and nothing else.
    #[error("transaction is voided")]
    Voided,
    /// Fewer than two postings.
    #[error("a transaction has at least two postings")]
    TooFewPostings,
    /// More postings than one event can hold.
    #[error("a transaction has at most 200 postings")]
    TooManyPostings,
    /// Two postings have the same id, or a correction names one twice.
    #[error("posting {posting} is named twice")]
    PostingTwice {
        /// Which one.
        posting: PostingId,
    },
    /// All postings are of categories: no money would have moved.
    #[error("at least one posting must be of an account")]
    NoAccount,
    /// A posting of nothing.
    #[error("an amount must not be zero")]
    ZeroAmount,
    /// An amount beyond 10^15 minor units, up or down.
    #[error("an amount has at most 10^15 minor units")]
    AmountOutOfRange,
    /// The postings of a currency don't sum to zero.
    #[error("postings in {currency} do not sum to zero")]
    Unbalanced {
        /// The currency.
        currency: Currency,
    },
    /// Only a transaction of two postings, one of them of an account, has the one amount of the simple view.
    #[error("transaction has not exactly two postings")]
    NotSimple,
    /// The amount is in another currency than the postings.
    #[error("amount is not in {expected}")]
    CurrencyMismatch {
        /// The currency that the postings have.
        expected: Currency,
    },
    /// It has no posting of this id.
    #[error("transaction has no posting {posting}")]
    UnknownPosting {
        /// The id.
        posting: PostingId,
    },
    /// A correction says of a posting that it was what it is not.
    #[error("posting {posting} has another amount by now")]
    StaleAmount {
        /// Which one.
        posting: PostingId,
    },
    /// There is no posting with a category.
    #[error("transaction has no category")]
    NoCategory,
    /// There are several postings with categories, so the one must be named.
    #[error("transaction has several categories")]
    SeveralCategories,
    /// The posting is of an account.
    #[error("posting {posting} has no category")]
    NotACategory {
        /// Which one.
        posting: PostingId,
    },
    /// A day outside the years 1900 to 9999.
    #[error("a date lies in the years 1900 to 9999")]
    InvalidDate,
    /// Not one line of 1 to 500 characters.
    #[error("a merchant is one line of 1 to 500 characters")]
    InvalidMerchant,
    /// Not a text of 1 to 4000 characters.
    #[error("a note has 1 to 4000 characters")]
    InvalidNote,
}
