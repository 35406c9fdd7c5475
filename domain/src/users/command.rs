//! What can be asked of a user.

use super::Role;
use crate::values::{SessionId, Text, UserId};

/// Commands of [`User`](super::User).
#[derive(Clone, Debug)]
pub enum UserCommand {
    /// Signs a new user up.
    Register {
        /// The new user's id.
        user: UserId,
        /// The address that they sign in with, as they wrote it.
        email: Text,
        /// Keyed hash of the normalised address.
        email_key: String,
        /// How they want to be called.
        name: Option<Text>,
        /// PHC string of the password.
        password_hash: Text,
    },
    /// Begins a session; the caller has verified the password.
    SignIn {
        /// The new session.
        session: SessionId,
    },
    /// Changes the password; the caller has verified the old one.
    ChangePassword {
        /// PHC string of the new password.
        password_hash: Text,
    },
    /// Changes how they want to be called.
    ChangeProfile {
        /// The new name; none removes it.
        name: Option<Text>,
    },
    /// Gives another role.
    ChangeRole {
        /// The role from now on.
        role: Role,
    },
    /// Ends the user for good; the caller has verified the password, or runs the system.
    Forget,
}

/// Commands of [`EmailReservation`](super::EmailReservation).
#[derive(Clone, Debug)]
pub enum EmailCommand {
    /// Reserves the address for this user.
    Reserve {
        /// Whose it becomes.
        user: UserId,
    },
    /// Gives the address free, if it is this user's.
    Release {
        /// Whose it was.
        user: UserId,
    },
}
