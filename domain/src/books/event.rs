//! What can have happened to a book.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{BookId, Text, UserId};

/// Who confirms what was read from a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum ConfirmationPolicy {
    /// A person, always.
    #[default]
    Manual,
    /// Nobody needs to where every check holds; a person otherwise.
    WhenChecksHold,
}

/// Events of the stream `book`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum BookEvent {
    /// The book was opened by its first user, its owner.
    #[serde(rename = "book.opened")]
    Opened {
        /// The new book.
        book: BookId,
        /// The user whose it is.
        user: UserId,
        /// What it is called.
        name: Text,
        /// Who confirms documents.
        policy: ConfirmationPolicy,
    },
    /// It got another name.
    #[serde(rename = "book.renamed")]
    Renamed {
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// Another policy of confirmation holds.
    #[serde(rename = "book.policy_changed")]
    PolicyChanged {
        /// The policy until now.
        from: ConfirmationPolicy,
        /// The policy from now on.
        to: ConfirmationPolicy,
    },
    /// It was forgotten with the last person whose it was: nothing can happen in it any more, and its key is destroyed.
    #[serde(rename = "book.forgotten")]
    Forgotten {},
}

impl DomainEvent for BookEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "book.opened",
            Self::Renamed { .. } => "book.renamed",
            Self::PolicyChanged { .. } => "book.policy_changed",
            Self::Forgotten {} => "book.forgotten",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
