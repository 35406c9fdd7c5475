//! What can be asked about accounts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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

/// Opens an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200, example = "Checking")]
    pub name: String,
    /// What it is.
    pub kind: AccountKind,
    /// The one currency that it is kept in, as in ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: String,
    /// The bank's number for it (IBAN or the like), by which statements are told to be its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub number: Option<String>,
    /// The book that it is opened in; the first one unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<String>,
}

/// Changes an account.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccount {
    /// The name from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
}
