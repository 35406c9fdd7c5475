//! Which problem each refusal is. Every rule of the domain stands in exactly one `match` here, none behind a wildcard.

use spendlog_domain::{
    accounts::AccountError, books::BookError, categories::CategoryError, documents::DocumentError,
    imports::ImportError, transactions::TransactionError, users::UserError,
};
use spendlog_event_store::{AppendError, ArchiveError, FileError, KeyError, ReadError};
use spendlog_web::{Code, Problem};

/// A problem whose detail is the rule, in the rule's own words: they hold nothing that anybody wrote.
fn rule(code: Code, error: &impl std::error::Error) -> Problem {
    Problem::new(code, error.to_string())
}

fn value(pointer: &str, error: &impl std::error::Error) -> Problem {
    Problem::field(pointer, error.to_string())
}

pub(crate) fn user(error: &UserError) -> Problem {
    match error {
        UserError::AlreadyRegistered => rule(Code::AlreadyExists, error),
        UserError::NotRegistered => Code::NotFound.into(),
        UserError::EmailTaken => rule(Code::EmailTaken, error),
        UserError::InvalidEmail => value("/email", error),
        UserError::InvalidName => value("/name", error),
        UserError::InvalidEmailKey | UserError::InvalidPasswordHash => Problem::internal(*error),
    }
}

pub(crate) fn book(error: &BookError) -> Problem {
    match error {
        BookError::AlreadyOpened => rule(Code::AlreadyExists, error),
        BookError::NotOpened => Code::NotFound.into(),
        BookError::Forgotten => rule(Code::OwnerForgotten, error),
        BookError::InvalidName => value("/name", error),
    }
}

pub(crate) fn account(error: &AccountError) -> Problem {
    match error {
        AccountError::AlreadyOpened => rule(Code::AlreadyExists, error),
        AccountError::NotOpened => Code::NotFound.into(),
        AccountError::Closed => rule(Code::AccountClosed, error),
        AccountError::InvalidName => value("/name", error),
        AccountError::InvalidNumber => value("/number", error),
    }
}

pub(crate) fn category(error: &CategoryError) -> Problem {
    match error {
        CategoryError::AlreadyCreated => rule(Code::AlreadyExists, error),
        CategoryError::NotCreated => Code::NotFound.into(),
        CategoryError::Merged => rule(Code::CategoryMerged, error),
        CategoryError::InvalidName => value("/name", error),
        CategoryError::UncategorisedStays | CategoryError::KindMismatch => rule(Code::CategoryFixed, error),
        CategoryError::IntoItself => value("/into", error),
    }
}

pub(crate) fn transaction(error: &TransactionError) -> Problem {
    match error {
        TransactionError::AlreadyRecorded => rule(Code::AlreadyExists, error),
        TransactionError::NotRecorded | TransactionError::UnknownPosting { .. } => Code::NotFound.into(),
        TransactionError::Voided => rule(Code::TransactionVoided, error),
        TransactionError::TooFewPostings
        | TransactionError::TooManyPostings
        | TransactionError::PostingTwice { .. }
        | TransactionError::NoAccount
        | TransactionError::NotACategory { .. } => value("/postings", error),
        TransactionError::ZeroAmount | TransactionError::AmountOutOfRange => value("/amount", error),
        TransactionError::Unbalanced { .. } => rule(Code::Unbalanced, error),
        TransactionError::NotSimple | TransactionError::NoCategory | TransactionError::SeveralCategories => {
            rule(Code::TransactionNotSimple, error)
        }
        TransactionError::CurrencyMismatch { .. } => rule(Code::CurrencyMismatch, error),
        TransactionError::StaleAmount { .. } => rule(Code::Stale, error),
        TransactionError::InvalidDate => value("/booked_on", error),
        TransactionError::InvalidMerchant => value("/merchant", error),
        TransactionError::InvalidNote => value("/note", error),
    }
}

pub(crate) fn document(error: &DocumentError) -> Problem {
    match error {
        DocumentError::AlreadyUploaded => rule(Code::AlreadyExists, error),
        DocumentError::NotUploaded => Code::NotFound.into(),
        DocumentError::InvalidName => value("/file", error),
        DocumentError::NotLocked => rule(Code::DocumentNotLocked, error),
        DocumentError::InvalidPassword => value("/password", error),
        DocumentError::OutOfOrder { .. } | DocumentError::NotValidated => rule(Code::DocumentNotReady, error),
        DocumentError::WrongValue { field } | DocumentError::ValueOutOfRange { field } => {
            value(&format!("/{field}"), error)
        }
        DocumentError::FieldMissing { field } => {
            rule(Code::DocumentIncomplete, error).and_field(format!("/{field}"), error.to_string())
        }
        DocumentError::UnusableTotal => rule(Code::DocumentIncomplete, error).and_field("/total", error.to_string()),
        DocumentError::UnusableDate => rule(Code::DocumentIncomplete, error).and_field("/date", error.to_string()),
        DocumentError::CategoryMissing | DocumentError::CategoryOfStatement => value("/category", error),
        DocumentError::Confirmed | DocumentError::Rejected | DocumentError::Failed => {
            rule(Code::DocumentFinished, error)
        }
        DocumentError::InvalidReason => value("/reason", error),
        // Only our own pipeline and upload can get these wrong.
        DocumentError::InvalidFile
        | DocumentError::InvalidMediaType
        | DocumentError::InvalidEngine
        | DocumentError::InvalidConfidence
        | DocumentError::FieldTwice { .. }
        | DocumentError::CheckTwice => Problem::internal(*error),
    }
}

pub(crate) fn import(error: &ImportError) -> Problem {
    match error {
        ImportError::AlreadyRead => rule(Code::AlreadyExists, error),
        ImportError::NotRead => Code::NotFound.into(),
        ImportError::AcceptedElsewhere => rule(Code::ImportAccepted, error),
        ImportError::NotAccepted => rule(Code::ImportNotAccepted, error),
        ImportError::TooManyLines => rule(Code::TooLarge, error),
        ImportError::InvalidFile | ImportError::MoreThanRead => Problem::internal(*error),
    }
}

/// Why the journal did not take an append, where it is nothing that the dispatch deals with.
pub(crate) fn append(error: AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } | AppendError::Duplicate => Code::Conflict.into(),
        AppendError::TooLarge { bytes } => {
            Problem::new(Code::TooLarge, format!("it would take {bytes} bytes in the journal"))
        }
        AppendError::OwnerForgotten => Code::OwnerForgotten.into(),
        AppendError::Database(_) | AppendError::Closed => Problem::unavailable(error),
        AppendError::UnknownEvent { .. } => Problem::internal(error),
    }
}

/// Why the journal could not be read.
pub(crate) fn read(error: ReadError) -> Problem {
    match error {
        ReadError::Database(_) | ReadError::Archive(ArchiveError::Unreadable { .. }) => Problem::unavailable(error),
        ReadError::Damaged { .. } | ReadError::Archive(_) => Problem::internal(error),
    }
}

/// Why there are no keys.
pub(crate) fn key(error: KeyError) -> Problem {
    match error {
        KeyError::Forgotten => Code::OwnerForgotten.into(),
        KeyError::Database(_) => Problem::unavailable(error),
        KeyError::Missing | KeyError::WrongMasterKey | KeyError::Crypto => Problem::internal(error),
    }
}

/// Why a file could not be stored or read.
pub(crate) fn file(error: FileError) -> Problem {
    match error {
        FileError::TooLarge { limit } => Problem::new(Code::TooLarge, format!("a file may have {limit} bytes")),
        FileError::Body(cause) => {
            // Our own streams break off with problems.
            cause.downcast::<Problem>().map_or_else(
                |_| Problem::new(Code::BadRequest, "the body broke off"),
                |problem| *problem,
            )
        }
        FileError::Store(_) => Problem::unavailable(error),
        FileError::Key(error) => key(error),
        FileError::NotFound | FileError::Damaged => Problem::internal(error),
    }
}
