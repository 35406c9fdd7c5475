//! What can be asked about transactions.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::{Change, present};

/// Records a transaction: either `account` and `amount` (one amount, one category), or `postings`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordTransaction {
    /// The account that the money leaves (negative amount) or enters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The amount, as a decimal number with at most the currency's digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^-?[0-9]{1,18}(\\.[0-9]{1,9})?$", example = "-12.50")]
    pub amount: Option<String>,
    /// The amount's currency, which must be the account's; the account's unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Option<String>,
    /// What it was for; uncategorised unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The postings, where one amount and one category do not say it: two or more, summing to zero in each currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 2, max_items = 100)]
    pub postings: Option<Vec<NewPosting>>,
    /// The day it happened.
    pub booked_on: NaiveDate,
    /// Whom the money went to or came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub merchant: Option<String>,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4000)]
    pub note: Option<String>,
}

/// A posting of a new transaction: either an account or a category.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPosting {
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How much goes there, as a decimal number; negative leaves it.
    #[schema(pattern = "^-?[0-9]{1,18}(\\.[0-9]{1,9})?$", example = "12.50")]
    pub amount: String,
    /// The amount's currency.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: String,
}

/// Records many transactions: all or none.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordTransactions {
    /// The transactions.
    #[schema(min_items = 1, max_items = 1000)]
    pub transactions: Vec<RecordTransaction>,
}

/// Corrects a transaction: either `amount` and `category`, or `postings`. What is absent stays, `null` removes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectTransaction {
    /// The amount from now on, of a transaction of two postings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^-?[0-9]{1,18}(\\.[0-9]{1,9})?$", example = "-13.50")]
    pub amount: Option<String>,
    /// The day from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_on: Option<NaiveDate>,
    /// The merchant from now on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub merchant: Change<String>,
    /// The category from now on, of a transaction with one category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The note from now on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub note: Change<String>,
    /// What is corrected in single postings, each named once. All of them must sum to zero in each currency again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub postings: Option<Vec<CorrectPosting>>,
}

/// Corrects a posting; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectPosting {
    /// The posting's id, as the transaction tells it.
    #[schema(example = "pst_5f8c2a1e9b3d8e4fa6c7d0b1e2f34a56")]
    pub id: String,
    /// The amount from now on, as a decimal number with at most the digits of the posting's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^-?[0-9]{1,18}(\\.[0-9]{1,9})?$", example = "13.50")]
    pub amount: Option<String>,
    /// The category from now on, of a posting that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// The answer to recording many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedTransactions {
    /// The new transactions, in the order of the request.
    pub ids: Vec<String>,
    /// The journal's position of the last one.
    pub position: i64,
}
