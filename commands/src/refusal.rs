//! Which problem each refusal is. Every rule of the domain stands in exactly one `match` here, none behind a wildcard.

use cqrs_es::Aggregate;
use spendlog_domain::{
    accounts::{Account, AccountError},
    books::{Book, BookError},
    categories::{Category, CategoryError},
    documents::{Document, DocumentError},
    imports::{Import, ImportError},
    transactions::{Transaction, TransactionError},
    users::{EmailReservation, User, UserError},
};
use spendlog_event_store::{AppendError, ArchiveError, FileError, KeyError, ReadError};
use spendlog_web::{Code, Problem};

/// An aggregate that the dispatch can work with.
pub trait Stateful: Aggregate + Clone + std::fmt::Debug + 'static {
    /// Whether its states are worth remembering.
    const REMEMBERED: bool;
    /// The form of its state, for snapshots of long streams: one more whenever the same events come to another state, or to one that
    /// is written in another way. A test holds it to `schemas/states`.
    const FORM: i32;

    /// What happens on a command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The problem that a refusal is.
    fn refusal(error: &Self::Error) -> Problem;
}

macro_rules! stateful {
    ($($aggregate:ident form $form:literal remembered $remembered:literal by $refusal:ident;)*) => {$(
        impl Stateful for $aggregate {
            const REMEMBERED: bool = $remembered;
            const FORM: i32 = $form;

            fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error> {
                $aggregate::decide(self, command)
            }

            fn refusal(error: &Self::Error) -> Problem {
                $refusal(error)
            }
        }
    )*};
}

stateful! {
    User form 1 remembered true by user;
    EmailReservation form 1 remembered false by user;
    Book form 1 remembered true by book;
    Account form 1 remembered true by account;
    Category form 1 remembered true by category;
    Transaction form 1 remembered false by transaction;
    Document form 1 remembered true by document;
    Import form 1 remembered false by import;
}

/// A problem whose detail is the rule, in the rule's own words: they hold nothing that anybody wrote.
fn rule(code: Code, error: &impl std::error::Error) -> Problem {
    Problem::new(code, error.to_string())
}

fn value(pointer: &str, error: &impl std::error::Error) -> Problem {
    Problem::field(pointer, error.to_string())
}

fn user(error: &UserError) -> Problem {
    match error {
        UserError::AlreadyRegistered => rule(Code::AlreadyExists, error),
        UserError::NotRegistered => Code::NotFound.into(),
        UserError::EmailTaken => rule(Code::EmailTaken, error),
        UserError::InvalidEmail => value("/email", error),
        UserError::InvalidName => value("/name", error),
        UserError::InvalidEmailKey | UserError::InvalidPasswordHash => Problem::internal(*error),
    }
}

fn book(error: &BookError) -> Problem {
    match error {
        BookError::AlreadyOpened => rule(Code::AlreadyExists, error),
        BookError::NotOpened => Code::NotFound.into(),
        BookError::Forgotten => rule(Code::OwnerForgotten, error),
        BookError::InvalidName => value("/name", error),
    }
}

fn account(error: &AccountError) -> Problem {
    match error {
        AccountError::AlreadyOpened => rule(Code::AlreadyExists, error),
        AccountError::NotOpened => Code::NotFound.into(),
        AccountError::Closed => rule(Code::AccountClosed, error),
        AccountError::InvalidName => value("/name", error),
        AccountError::InvalidNumber => value("/number", error),
    }
}

fn category(error: &CategoryError) -> Problem {
    match error {
        CategoryError::AlreadyCreated => rule(Code::AlreadyExists, error),
        CategoryError::NotCreated => Code::NotFound.into(),
        CategoryError::Merged => rule(Code::CategoryMerged, error),
        CategoryError::InvalidName => value("/name", error),
        CategoryError::UncategorisedStays | CategoryError::KindMismatch => rule(Code::CategoryFixed, error),
        CategoryError::IntoItself => value("/into", error),
    }
}

fn transaction(error: &TransactionError) -> Problem {
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

fn document(error: &DocumentError) -> Problem {
    match error {
        DocumentError::AlreadyUploaded => rule(Code::AlreadyExists, error),
        DocumentError::NotUploaded => Code::NotFound.into(),
        DocumentError::InvalidName => value("/file", error),
        DocumentError::NotLocked => rule(Code::DocumentNotLocked, error),
        DocumentError::InvalidPassword => value("/password", error),
        DocumentError::OutOfOrder { .. } | DocumentError::NotValidated => rule(Code::DocumentNotReady, error),
        DocumentError::WrongValue { field } | DocumentError::ValueOutOfRange { field } => {
            value(&format!("/{}", crate::documents::field_name(*field)), error)
        }
        DocumentError::FieldMissing { field } => {
            let pointer = format!("/{}", crate::documents::field_name(*field));
            rule(Code::DocumentIncomplete, error).and_field(pointer, error.to_string())
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

fn import(error: &ImportError) -> Problem {
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
