//! What can have happened to a transaction.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Origin, Posting};
use crate::values::{BookId, CategoryId, Date, ImportId, PostingId, Text, TransactionId};

/// One posting's amount until now and from now on, in minor units of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountChange {
    /// The posting.
    pub posting: PostingId,
    /// The amount until now.
    pub from_minor: i64,
    /// The amount from now on.
    pub to_minor: i64,
}

/// Why a transaction was voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VoidCause {
    /// A person said so.
    Person {},
    /// The import that brought it was reverted; the same line accepted again restores it.
    ImportReverted {
        /// The import.
        import: ImportId,
    },
}

/// Events of the stream `transaction`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum TransactionEvent {
    /// The transaction was recorded.
    #[serde(rename = "transaction.recorded")]
    Recorded {
        /// The new transaction.
        transaction: TransactionId,
        /// The book that it belongs to.
        book: BookId,
        /// The day it happened in the world.
        #[schemars(extend("x-open" = true))]
        booked_on: Date,
        /// Whom the money went to or came from.
        merchant: Option<Text>,
        /// What somebody wrote to it.
        note: Option<Text>,
        /// Its postings: two or more, summing to zero in each currency.
        postings: Vec<Posting>,
        /// What it was recorded from.
        origin: Origin,
    },
    /// Amounts were corrected; the postings sum to zero again.
    #[serde(rename = "transaction.amount_corrected")]
    AmountCorrected {
        /// The postings that changed.
        changes: Vec<AmountChange>,
    },
    /// The day was corrected.
    #[serde(rename = "transaction.date_corrected")]
    DateCorrected {
        /// The day until now.
        #[schemars(extend("x-open" = true))]
        from: Date,
        /// The day from now on.
        #[schemars(extend("x-open" = true))]
        to: Date,
    },
    /// The merchant was corrected.
    #[serde(rename = "transaction.merchant_corrected")]
    MerchantCorrected {
        /// The merchant until now.
        from: Option<Text>,
        /// The merchant from now on.
        to: Option<Text>,
    },
    /// A posting was moved from one category to another.
    #[serde(rename = "transaction.categorised")]
    Categorised {
        /// The posting.
        posting: PostingId,
        /// Its category until now.
        from: CategoryId,
        /// Its category from now on.
        to: CategoryId,
    },
    /// The note was written, changed or removed.
    #[serde(rename = "transaction.noted")]
    Noted {
        /// The note until now.
        from: Option<Text>,
        /// The note from now on.
        to: Option<Text>,
    },
    /// It counts no longer.
    #[serde(rename = "transaction.voided")]
    Voided {
        /// Why.
        cause: VoidCause,
    },
    /// It counts again.
    #[serde(rename = "transaction.restored")]
    Restored {
        /// The import that brought it back, where one did: reverting that import voids it again.
        import: Option<ImportId>,
    },
}

impl DomainEvent for TransactionEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Recorded { .. } => "transaction.recorded",
            Self::AmountCorrected { .. } => "transaction.amount_corrected",
            Self::DateCorrected { .. } => "transaction.date_corrected",
            Self::MerchantCorrected { .. } => "transaction.merchant_corrected",
            Self::Categorised { .. } => "transaction.categorised",
            Self::Noted { .. } => "transaction.noted",
            Self::Voided { .. } => "transaction.voided",
            Self::Restored { .. } => "transaction.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
