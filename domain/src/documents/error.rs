//! Why something asked of a document is refused.

use super::{FieldName, Step};

/// Rules of [`Document`](super::Document).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Another file was uploaded under this id.
    #[error("document exists already")]
    AlreadyUploaded,
    /// Nothing was uploaded under this id.
    #[error("document does not exist")]
    NotUploaded,
    /// A file is not named by a hash.
    #[error("not a reference to a file")]
    InvalidFile,
    /// Not of the form `type/subtype`.
    #[error("not a media type")]
    InvalidMediaType,
    /// The name under which it was uploaded is empty.
    #[error("a document has a name")]
    InvalidName,
    /// It waits for no password.
    #[error("document is not locked")]
    NotLocked,
    /// Not 1 to 1000 characters.
    #[error("a password has 1 to 1000 characters")]
    InvalidPassword,
    /// An engine or rule is not named by a code of 1 to 64 letters, digits and `. _ - / + :`.
    #[error("not the name of an engine or rule")]
    InvalidEngine,
    /// More than 1000 per mille.
    #[error("a confidence lies between 0 and 1000")]
    InvalidConfidence,
    /// A step of the pipeline came before one that it needs.
    #[error("another step comes first")]
    OutOfOrder {
        /// The step that is due.
        due: Step,
    },
    /// The same field twice.
    #[error("the same field twice")]
    FieldTwice {
        /// The field.
        field: FieldName,
    },
    /// The value is of another kind than the field: a day for an amount.
    #[error("value does not fit the field")]
    WrongValue {
        /// The field.
        field: FieldName,
    },
    /// A text that is empty or too long, or a day outside the years 1900 to 9999.
    #[error("value is out of range")]
    ValueOutOfRange {
        /// The field.
        field: FieldName,
    },
    /// The same check twice.
    #[error("the same check twice")]
    CheckTwice,
    /// It was not validated yet, so there is nothing to confirm.
    #[error("document is not validated yet")]
    NotValidated,
    /// A field that a transaction needs is not known.
    #[error("a field is missing")]
    FieldMissing {
        /// The field.
        field: FieldName,
    },
    /// The total has more digits than its currency, is zero, or beyond 10^15 minor units.
    #[error("total is no amount that can be recorded")]
    UnusableTotal,
    /// The day lies outside the years 1900 to 9999.
    #[error("date is no day that can be recorded")]
    UnusableDate,
    /// A transaction needs a category.
    #[error("a category is missing")]
    CategoryMissing,
    /// A statement has no category: each of its lines has.
    #[error("a statement has no category")]
    CategoryOfStatement,
    /// It is confirmed: what follows from it is corrected there.
    #[error("document is confirmed")]
    Confirmed,
    /// It is rejected.
    #[error("document is rejected")]
    Rejected,
    /// It can't be processed: it can be rejected, and nothing else.
    #[error("document has failed")]
    Failed,
    /// Not a text of 1 to 4000 characters.
    #[error("a reason has 1 to 4000 characters")]
    InvalidReason,
}
