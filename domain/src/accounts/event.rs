//! What can have happened to an account.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{AccountId, BookId, Currency, Text};

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum AccountKind {
    /// Notes and coins.
    Cash,
    /// A current account of a bank.
    Checking,
    /// A savings account.
    Savings,
    /// A credit card.
    CreditCard,
    /// Money owed to somebody.
    Loan,
    /// Securities and the like.
    Investment,
}

/// Events of the stream `account`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum AccountEvent {
    /// The account was opened.
    #[serde(rename = "account.opened")]
    Opened {
        /// The new account.
        account: AccountId,
        /// The book that it belongs to.
        book: BookId,
        /// What it is called.
        name: Text,
        /// What it is.
        kind: AccountKind,
        /// The one currency that it is kept in.
        currency: Currency,
        /// The bank's number for it (IBAN or the like), by which statements are told to be its own.
        number: Option<Text>,
    },
    /// It got another name.
    #[serde(rename = "account.renamed")]
    Renamed {
        /// The name until now.
        from: Text,
        /// The name from now on.
        to: Text,
    },
    /// It was closed: nothing more is recorded in it.
    #[serde(rename = "account.closed")]
    Closed {},
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "account.opened",
            Self::Renamed { .. } => "account.renamed",
            Self::Closed { .. } => "account.closed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
