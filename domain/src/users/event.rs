//! What can have happened to a user.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{SessionId, Text, UserId};

/// What a user may do beyond their own books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum Role {
    /// Their own books and those shared with them.
    #[default]
    Member,
    /// The running of the system as well.
    Admin,
}

/// Events of the stream `user`, owned by the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum UserEvent {
    /// The user signed up.
    #[serde(rename = "user.registered")]
    Registered {
        /// The new user.
        user: UserId,
        /// The address that they sign in with, as they wrote it.
        email: Text,
        /// Keyed hash of the normalised address: the id of its reservation.
        #[schemars(extend("x-open" = true))]
        email_key: String,
        /// How they want to be called.
        name: Option<Text>,
        /// PHC string of the password.
        password_hash: Text,
    },
    /// The user proved who they are and got the first tokens of a session.
    #[serde(rename = "user.signed_in")]
    SignedIn {
        /// The session that began.
        session: SessionId,
    },
    /// The user chose another password; all sessions before it ended.
    #[serde(rename = "user.password_changed")]
    PasswordChanged {
        /// PHC string of the new password.
        password_hash: Text,
    },
    /// The user changed how they want to be called.
    #[serde(rename = "user.profile_changed")]
    ProfileChanged {
        /// The name until now.
        from: Option<Text>,
        /// The name from now on.
        to: Option<Text>,
    },
    /// An operator gave the user another role.
    #[serde(rename = "user.role_changed")]
    RoleChanged {
        /// The role until now.
        from: Role,
        /// The role from now on.
        to: Role,
    },
    /// The user was forgotten: nothing can happen to them any more, and their key is destroyed.
    #[serde(rename = "user.forgotten")]
    Forgotten {},
}

/// Events of the stream `email`, owned by the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum EmailEvent {
    /// The address belongs to this user.
    #[serde(rename = "email.reserved")]
    Reserved {
        /// Whose it is.
        user: UserId,
    },
    /// The address is free again: anybody may register with it.
    #[serde(rename = "email.released")]
    Released {
        /// Whose it was.
        user: UserId,
    },
}

impl DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Registered { .. } => "user.registered",
            Self::SignedIn { .. } => "user.signed_in",
            Self::PasswordChanged { .. } => "user.password_changed",
            Self::ProfileChanged { .. } => "user.profile_changed",
            Self::RoleChanged { .. } => "user.role_changed",
            Self::Forgotten {} => "user.forgotten",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl DomainEvent for EmailEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Reserved { .. } => "email.reserved",
            Self::Released { .. } => "email.released",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
