//! Events to documents.

use std::collections::BTreeMap;

use spendlog_domain::documents::{Confirmation, DocumentEvent, DocumentStatus, Step};
use spendlog_event_store::Event;
use uuid::Uuid;

use super::{Document, Failure, FinishedStep, TextFile, parse};
use crate::{
    ProjectionError,
    rows::{Kind, Rows, Table},
    words::word,
    writer::Writer,
};

const TABLE: Table = Table {
    name: "documents",
    columns: &[
        ("id", Kind::Id),
        ("book_id", Kind::Id),
        ("uploaded_position", Kind::Long),
        ("position", Kind::Long),
        ("status", Kind::Text),
        ("kind", Kind::Text),
        ("body", Kind::Text),
    ],
    on_conflict: "ON CONFLICT (id) DO UPDATE SET position = excluded.position, status = excluded.status, \
                  kind = excluded.kind, body = excluded.body WHERE t.position < excluded.position",
};

/// The documents that a batch touches, with the position of the last event applied.
#[derive(Debug, Default)]
pub(crate) struct Documents(BTreeMap<Uuid, (i64, Document)>);

impl Documents {
    pub(crate) async fn load(writer: &Writer, ids: Vec<Uuid>) -> Result<Self, ProjectionError> {
        let mut documents = Self::default();
        if !ids.is_empty() {
            let sql = format!(
                "SELECT position, body FROM {}.documents WHERE id = ANY ($1)",
                writer.schema
            );
            for row in writer.query(sql, &[&ids]).await? {
                let document = parse(row.try_get(1)?)?;
                documents.0.insert(document.id.uuid(), (row.try_get(0)?, document));
            }
        }
        Ok(documents)
    }

    pub(crate) fn apply(&mut self, id: Uuid, event: &Event, content: DocumentEvent) {
        match self.0.get_mut(&id) {
            None => {
                if let Some(document) = uploaded(event, content) {
                    self.0.insert(id, (event.position, document));
                }
            }
            Some((position, document)) if *position < event.position => {
                change(document, content);
                document.version = event.sequence;
                document.changed_at = event.recorded_at;
                *position = event.position;
            }
            Some(_) => {}
        }
    }

    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let mut rows = Rows::new(&TABLE);
        for (id, (position, document)) in &self.0 {
            let body = serde_json::to_string(document).map_err(|_| ProjectionError::Row { table: "documents" })?;
            rows.push([
                (*id).into(),
                document.book.uuid().into(),
                document.uploaded_position.into(),
                (*position).into(),
                word(document.status).into(),
                document.kind.and_then(|(kind, _)| word(kind)).into(),
                body.into(),
            ]);
        }
        writer.add(rows).await
    }
}

fn uploaded(event: &Event, content: DocumentEvent) -> Option<Document> {
    let DocumentEvent::Uploaded {
        document,
        book,
        file,
        media_type,
        name,
        account,
        engine,
    } = content
    else {
        return None;
    };
    Some(Document {
        id: document,
        book,
        uploaded_position: event.position,
        uploaded_at: event.recorded_at,
        changed_at: event.recorded_at,
        version: event.sequence,
        name,
        file,
        media_type,
        account,
        engine,
        status: DocumentStatus::Processing,
        password_tried: false,
        text: None,
        kind: None,
        extracted: Vec::new(),
        corrections: BTreeMap::new(),
        confidence: None,
        lines: None,
        checks: Vec::new(),
        confirmation: None,
        rejected_because: None,
        failure: None,
        steps: Vec::new(),
    })
}

fn change(document: &mut Document, content: DocumentEvent) {
    match content {
        DocumentEvent::Uploaded { .. } => {}
        DocumentEvent::PasswordRequired { tried } => {
            document.status = DocumentStatus::PasswordRequired;
            document.password_tried = tried;
        }
        DocumentEvent::Unlocked { password: _ } => document.status = DocumentStatus::Processing,
        DocumentEvent::TextRecognised {
            text,
            pages,
            words,
            engine,
            confidence,
            took_ms,
        } => {
            document.text = Some(TextFile {
                file: text,
                pages,
                words,
                confidence,
            });
            done(document, Step::Recognise, engine, took_ms);
        }
        DocumentEvent::Classified {
            kind,
            engine,
            confidence,
            took_ms,
        } => {
            document.kind = Some((kind, confidence));
            done(document, Step::Classify, engine, took_ms);
        }
        DocumentEvent::FieldsExtracted {
            fields,
            lines,
            engine,
            confidence,
            took_ms,
        } => {
            document.extracted = fields;
            document.lines = lines;
            document.confidence = Some(confidence);
            done(document, Step::Extract, engine, took_ms);
        }
        DocumentEvent::Validated {
            checks,
            engine,
            confidence: _,
            took_ms,
        } => {
            document.checks = checks;
            document.status = DocumentStatus::InReview;
            done(document, Step::Validate, engine, took_ms);
        }
        DocumentEvent::FieldCorrected { field, from: _, to } => {
            document.corrections.insert(field, to);
        }
        DocumentEvent::Confirmed { by, account, category } => {
            document.confirmation = Some(Confirmation { by, account, category });
            document.status = DocumentStatus::Confirmed;
        }
        DocumentEvent::Rejected { reason } => {
            document.rejected_because = reason;
            document.status = DocumentStatus::Rejected;
        }
        DocumentEvent::Failed { step, reason, detail } => {
            document.failure = Some(Failure { step, reason, detail });
            document.status = DocumentStatus::Failed;
        }
    }
}

/// A step that is done again (the checks, after a correction) stands for its earlier self.
fn done(document: &mut Document, step: Step, engine: String, took_ms: u64) {
    document.steps.retain(|done| done.step != step);
    document.steps.push(FinishedStep { step, engine, took_ms });
}
