//! What can be asked of a document.

use super::{
    Check, Confidence, ConfirmedBy, DocumentKind, EngineChoice, FailureReason, Field, FieldName, FieldValue, Lines,
    Step,
};
use crate::values::{AccountId, BookId, CategoryId, DocumentId, FileRef, Text};

/// Commands of [`Document`](super::Document).
///
/// Those of the pipeline change nothing where the step is done already: a processor may send them twice.
#[derive(Clone, Debug)]
pub enum DocumentCommand {
    /// Uploads the document.
    Upload {
        /// The new document's id.
        document: DocumentId,
        /// The book that it belongs to.
        book: BookId,
        /// The original.
        file: FileRef,
        /// Its type by content.
        media_type: String,
        /// The name that it was uploaded under.
        name: Text,
        /// The account that it was uploaded for.
        account: Option<AccountId>,
        /// The engine asked for.
        engine: Option<EngineChoice>,
    },
    /// Says that it needs a password, or another one than was given.
    RequirePassword,
    /// Gives a password.
    Unlock {
        /// The password.
        password: Text,
    },
    /// Brings the recognised text.
    RecogniseText {
        /// The text with its boxes and scores.
        text: FileRef,
        /// How many pages, sheets or tables it has.
        pages: u32,
        /// How many words.
        words: u32,
        /// What read it.
        engine: String,
        /// How sure the engine is on the whole.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// Says what it is.
    Classify {
        /// What it is taken for.
        kind: DocumentKind,
        /// What decided.
        engine: String,
        /// How sure it is.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// Brings fields and lines.
    ExtractFields {
        /// The fields.
        fields: Vec<Field>,
        /// Items or movements.
        lines: Option<Lines>,
        /// What read them.
        engine: String,
        /// How long it took.
        took_ms: u64,
    },
    /// Brings the checks.
    Validate {
        /// All checks.
        checks: Vec<Check>,
        /// What checked them.
        engine: String,
        /// How long it took.
        took_ms: u64,
    },
    /// Corrects a field.
    CorrectField {
        /// The field.
        field: FieldName,
        /// What it says from now on.
        value: Option<FieldValue>,
    },
    /// Confirms it.
    Confirm {
        /// Who confirms.
        by: ConfirmedBy,
        /// The account that it was paid from, or whose statement it is.
        account: AccountId,
        /// The category that the money went to.
        category: Option<CategoryId>,
    },
    /// Rejects it.
    Reject {
        /// Why.
        reason: Option<Text>,
    },
    /// Gives it up.
    Fail {
        /// The step that failed.
        step: Step,
        /// Why.
        reason: FailureReason,
        /// What the reader said.
        detail: Option<Text>,
    },
}
