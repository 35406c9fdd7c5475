//! What can be asked of a transaction.

use super::{AmountChange, Origin, Posting};
use crate::values::{BookId, CategoryId, Date, ImportId, Money, PostingId, Text, TransactionId};

/// Commands of [`Transaction`](super::Transaction).
///
/// That accounts are open and categories exist in the same book is for the caller to find out and to guard.
#[derive(Clone, Debug)]
pub enum TransactionCommand {
    /// Records the transaction.
    Record {
        /// The new transaction's id.
        transaction: TransactionId,
        /// The book that it belongs to.
        book: BookId,
        /// The day it happened.
        booked_on: Date,
        /// Whom the money went to or came from.
        merchant: Option<Text>,
        /// What somebody wrote to it.
        note: Option<Text>,
        /// Its postings.
        postings: Vec<Posting>,
        /// What it was recorded from.
        origin: Origin,
    },
    /// Corrects the amount in the simple view: a transaction of exactly two postings gets this amount on its first
    /// account posting, and the opposite on the other one.
    CorrectAmount {
        /// The amount from now on, in the currency that the postings have.
        money: Money,
    },
    /// Corrects amounts posting by posting; `from_minor` must be what stands there.
    CorrectAmounts {
        /// The postings to change.
        changes: Vec<AmountChange>,
    },
    /// Corrects the day.
    CorrectDate {
        /// The day from now on.
        booked_on: Date,
    },
    /// Corrects the merchant.
    CorrectMerchant {
        /// The merchant from now on; none removes it.
        merchant: Option<Text>,
    },
    /// Moves a posting to another category.
    Categorise {
        /// The posting; without one, the only posting that has a category.
        posting: Option<PostingId>,
        /// The category from now on.
        category: CategoryId,
    },
    /// Writes, changes or removes the note.
    Note {
        /// The note from now on; none removes it.
        note: Option<Text>,
    },
    /// Takes it out of all sums, by a person's will.
    Void,
    /// Takes it out of all sums because the import that brought it is reverted; nothing where another one brought it.
    RevertImport {
        /// The import.
        import: ImportId,
    },
    /// Lets it count again, by a person's will.
    Restore,
    /// Lets it count again because a line of this import says so; nothing unless a reverted import was why it was voided.
    RestoreByImport {
        /// The import.
        import: ImportId,
    },
}
