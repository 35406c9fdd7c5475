//! Why something asked of an import is refused.

/// Rules of [`Import`](super::Import).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Another statement was read under this id.
    #[error("import exists already")]
    AlreadyRead,
    /// No statement was read under this id.
    #[error("import does not exist")]
    NotRead,
    /// The file of its lines is not named by a hash.
    #[error("not a reference to a file")]
    InvalidFile,
    /// More lines than one import may have.
    #[error("an import has at most 50000 lines")]
    TooManyLines,
    /// More lines accepted or voided than the statement has.
    #[error("more lines than the import has")]
    MoreThanRead,
    /// Its lines stand in another account: revert it first.
    #[error("import is accepted into another account")]
    AcceptedElsewhere,
    /// Only what is accepted can be reverted.
    #[error("import is not accepted")]
    NotAccepted,
}
