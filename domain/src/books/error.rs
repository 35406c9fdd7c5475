//! Why something asked of a book is refused.

/// Rules of [`Book`](super::Book).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// It was opened before.
    #[error("book is open already")]
    AlreadyOpened,
    /// It was never opened.
    #[error("book does not exist")]
    NotOpened,
    /// It was forgotten.
    #[error("book is forgotten")]
    Forgotten,
    /// Not one line of 1 to 200 characters.
    #[error("a name is one line of 1 to 200 characters")]
    InvalidName,
}
