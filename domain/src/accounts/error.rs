//! Why something asked of an account is refused.

/// Rules of [`Account`](super::Account).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// It was opened before.
    #[error("account is open already")]
    AlreadyOpened,
    /// It was never opened.
    #[error("account does not exist")]
    NotOpened,
    /// It is closed: nothing can be done with it any more.
    #[error("account is closed")]
    Closed,
    /// Not one line of 1 to 200 characters.
    #[error("a name is one line of 1 to 200 characters")]
    InvalidName,
    /// Not one line of 1 to 64 characters.
    #[error("an account number is one line of 1 to 64 characters")]
    InvalidNumber,
}
