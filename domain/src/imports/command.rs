//! What can be asked of an import.

use crate::values::{AccountId, BookId, Currency, DocumentId, FileRef, ImportId};

/// Commands of [`Import`](super::Import).
#[derive(Clone, Debug)]
pub enum ImportCommand {
    /// Reads a statement.
    Read {
        /// The new import's id.
        import: ImportId,
        /// The book that it belongs to.
        book: BookId,
        /// The document that the statement came as.
        document: DocumentId,
        /// The account whose number the statement names, where there is one.
        account: Option<AccountId>,
        /// The currency that the statement names.
        currency: Option<Currency>,
        /// The lines, in a file.
        lines: FileRef,
        /// How many lines there are.
        lines_count: u32,
    },
    /// Accepts the lines into an account; the counts are what the caller found when it told the lines apart.
    Accept {
        /// The account.
        account: AccountId,
        /// Lines that become new transactions.
        new_count: u32,
        /// Lines that are there already.
        there_count: u32,
        /// Lines whose transaction is restored.
        restored_count: u32,
    },
    /// Voids what it brought.
    Revert {
        /// How many transactions are voided.
        voided_count: u32,
    },
}
