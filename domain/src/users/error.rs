//! Why something asked of a user is refused.

/// Rules of [`User`](super::User) and [`EmailReservation`](super::EmailReservation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Somebody signed up with this id before.
    #[error("user is registered already")]
    AlreadyRegistered,
    /// Nobody signed up with this id.
    #[error("user is not registered")]
    NotRegistered,
    /// The address belongs to another user.
    #[error("e-mail address is taken")]
    EmailTaken,
    /// Not an address: one line of 3 to 254 characters without blanks, with something on both sides of an `@`.
    #[error("not an e-mail address")]
    InvalidEmail,
    /// The keyed hash of the address is no hash.
    #[error("not a keyed hash of an e-mail address")]
    InvalidEmailKey,
    /// Not one line of 1 to 200 characters.
    #[error("a name is one line of 1 to 200 characters")]
    InvalidName,
    /// Not a PHC string: a password in clear must never get here.
    #[error("not a PHC string of a password")]
    InvalidPasswordHash,
}
