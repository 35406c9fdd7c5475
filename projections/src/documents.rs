//! Documents as they are: where they stand, their fields and where these came from, their checks, why they failed.
//!
//! How a document came to be so is in its stream. Passwords are never copied here.

mod fold;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spendlog_domain::{
    documents::{
        Check, Confidence, Confirmation, DocumentEvent, DocumentKind, DocumentStatus, EngineChoice, FailureReason,
        Field, FieldName, FieldValue, Lines, Step,
    },
    values::{AccountId, BookId, DocumentId, FileRef, Text},
};
use spendlog_event_store::Event;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{ProjectionError, Reader, ledger::content, words::word};

pub(crate) use fold::Documents;

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its book.
    pub book: BookId,
    /// Where it was uploaded: lists are in this order.
    pub uploaded_position: i64,
    /// When it was uploaded.
    pub uploaded_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The version of its stream.
    pub version: i64,
    /// The name that it was uploaded under.
    pub name: Text,
    /// The original.
    pub file: FileRef,
    /// Its type by content.
    pub media_type: String,
    /// The account that it was uploaded for.
    pub account: Option<AccountId>,
    /// The engine asked for.
    pub engine: Option<EngineChoice>,
    /// Where it stands.
    pub status: DocumentStatus,
    /// Whether a password was tried and found wrong.
    pub password_tried: bool,
    /// The recognised text.
    pub text: Option<TextFile>,
    /// What it is taken for, and how sure that is.
    pub kind: Option<(DocumentKind, Confidence)>,
    /// What was read.
    pub extracted: Vec<Field>,
    /// What persons corrected: none where they said that there is no such thing on the document.
    pub corrections: BTreeMap<FieldName, Option<FieldValue>>,
    /// The least confidence of the fields that a transaction needs.
    pub confidence: Option<Confidence>,
    /// Items or movements.
    pub lines: Option<Lines>,
    /// The checks of the last validation.
    pub checks: Vec<Check>,
    /// How it was confirmed.
    pub confirmation: Option<Confirmation>,
    /// Why it was rejected.
    pub rejected_because: Option<Text>,
    /// Why it can't be processed.
    pub failure: Option<Failure>,
    /// The steps that are done.
    pub steps: Vec<FinishedStep>,
}

/// The recognised text of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFile {
    /// Words and lines with their boxes, as JSON.
    pub file: FileRef,
    /// How many pages, sheets or tables.
    pub pages: u32,
    /// How many words.
    pub words: u32,
    /// How sure the engine is on the whole.
    pub confidence: Confidence,
}

/// Why a document can't be processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub reason: FailureReason,
    /// What the reader said.
    pub detail: Option<Text>,
}

/// A step that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedStep {
    /// The step.
    pub step: Step,
    /// What did it.
    pub engine: String,
    /// How long it took.
    pub took_ms: u64,
}

impl Document {
    /// The fields that hold: what was read, and above it what persons corrected.
    pub fn fields(&self) -> Vec<Field> {
        let read = self
            .extracted
            .iter()
            .filter(|field| !self.corrections.contains_key(&field.name));
        let corrected = self
            .corrections
            .iter()
            .filter_map(|(name, value)| Some(Field::by_person(*name, value.clone()?)));
        let mut fields: Vec<Field> = read.cloned().chain(corrected).collect();
        fields.sort_by_key(|field| field.name);
        fields
    }

    /// What read its text, and by that its lines; none before it was read.
    pub fn read_by(&self) -> Option<&str> {
        let read = self.steps.iter().find(|done| done.step == Step::Recognise);
        read.map(|done| done.engine.as_str())
    }

    /// Whether nothing more will happen by itself.
    pub fn is_final(&self) -> bool {
        is_final(self.status)
    }
}

/// Whether nothing more happens by itself to a document that stands here.
pub fn is_final(status: DocumentStatus) -> bool {
    matches!(
        status,
        DocumentStatus::Confirmed | DocumentStatus::Rejected | DocumentStatus::Failed
    )
}

/// Where a document stands after an event of its stream, having stood at `before`.
pub fn standing_after(before: DocumentStatus, event: &Event) -> Result<DocumentStatus, ProjectionError> {
    Ok(match content(event)? {
        DocumentEvent::Uploaded { .. } | DocumentEvent::Unlocked { .. } => DocumentStatus::Processing,
        DocumentEvent::PasswordRequired { .. } => DocumentStatus::PasswordRequired,
        DocumentEvent::Validated { .. } => DocumentStatus::InReview,
        DocumentEvent::Confirmed { .. } => DocumentStatus::Confirmed,
        DocumentEvent::Rejected { .. } => DocumentStatus::Rejected,
        DocumentEvent::Failed { .. } => DocumentStatus::Failed,
        DocumentEvent::TextRecognised { .. }
        | DocumentEvent::Classified { .. }
        | DocumentEvent::FieldsExtracted { .. }
        | DocumentEvent::FieldCorrected { .. } => before,
    })
}

/// A document of one of these books.
pub async fn one(reader: &Reader, books: &[Uuid], id: DocumentId) -> Result<Option<Document>, ProjectionError> {
    let sql = "SELECT body FROM read.documents WHERE id = $1 AND book_id = ANY ($2)";
    let rows = reader.query(sql, &[&id.uuid(), &books]).await?;
    rows.first().map(read).transpose()
}

/// The documents of a book, newest first, that were uploaded before this position.
pub async fn list(
    reader: &Reader,
    book: BookId,
    status: Option<DocumentStatus>,
    before: i64,
    limit: i64,
) -> Result<Vec<Document>, ProjectionError> {
    let rows = match status.and_then(word) {
        None => {
            let sql = "SELECT body FROM read.documents WHERE book_id = $1 AND uploaded_position < $2 \
                       ORDER BY uploaded_position DESC LIMIT $3";
            reader.query(sql, &[&book.uuid(), &before, &limit]).await?
        }
        Some(status) => {
            let sql = "SELECT body FROM read.documents WHERE book_id = $1 AND uploaded_position < $2 AND status = $4 \
                       ORDER BY uploaded_position DESC LIMIT $3";
            reader.query(sql, &[&book.uuid(), &before, &limit, &status]).await?
        }
    };
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Document, ProjectionError> {
    parse(row.try_get(0)?)
}

fn parse(body: &str) -> Result<Document, ProjectionError> {
    serde_json::from_str(body).map_err(|_| ProjectionError::Row { table: "documents" })
}
