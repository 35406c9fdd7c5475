//! Statements read from documents, as they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spendlog_domain::{
    imports::{ImportEvent, ImportStatus},
    values::{AccountId, BookId, Currency, DocumentId, FileRef, ImportId},
};
use spendlog_event_store::Event;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    ProjectionError, Reader,
    rows::{Kind, Rows, Table},
    words::word,
    writer::Writer,
};

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Its book.
    pub book: BookId,
    /// The document that the statement came as.
    pub document: DocumentId,
    /// Where it was read: lists are in this order.
    pub read_position: i64,
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The version of its stream.
    pub version: i64,
    /// Where it stands.
    pub status: ImportStatus,
    /// The account that it was accepted into, or before that the one whose number the statement names.
    pub account: Option<AccountId>,
    /// The currency that the statement names.
    pub currency: Option<Currency>,
    /// The lines, in a file.
    pub lines: FileRef,
    /// How many lines there are.
    pub lines_count: u32,
    /// How many lines became new transactions when it was accepted last.
    pub new_count: u32,
    /// How many were there before.
    pub there_count: u32,
    /// How many count again.
    pub restored_count: u32,
    /// How many were voided when it was reverted last.
    pub voided_count: u32,
}

const TABLE: Table = Table {
    name: "imports",
    columns: &[
        ("id", Kind::Id),
        ("book_id", Kind::Id),
        ("document_id", Kind::Id),
        ("read_position", Kind::Long),
        ("position", Kind::Long),
        ("status", Kind::Text),
        ("body", Kind::Text),
    ],
    on_conflict: "ON CONFLICT (id) DO UPDATE SET position = excluded.position, status = excluded.status, \
                  body = excluded.body WHERE t.position < excluded.position",
};

/// An import of one of these books.
pub async fn one(reader: &Reader, books: &[Uuid], id: ImportId) -> Result<Option<Import>, ProjectionError> {
    let sql = "SELECT body FROM read.imports WHERE id = $1 AND book_id = ANY ($2)";
    let rows = reader.query(sql, &[&id.uuid(), &books]).await?;
    rows.first().map(read).transpose()
}

/// The imports of a book, newest first, that were read before this position.
pub async fn list(reader: &Reader, book: BookId, before: i64, limit: i64) -> Result<Vec<Import>, ProjectionError> {
    let sql =
        "SELECT body FROM read.imports WHERE book_id = $1 AND read_position < $2 ORDER BY read_position DESC LIMIT $3";
    let rows = reader.query(sql, &[&book.uuid(), &before, &limit]).await?;
    rows.iter().map(read).collect()
}

/// The imports that came as this document, in the order of the statements in it.
pub async fn of_document(reader: &Reader, document: DocumentId) -> Result<Vec<ImportId>, ProjectionError> {
    let sql = "SELECT id FROM read.imports WHERE document_id = $1 ORDER BY read_position LIMIT 1000";
    let rows = reader.query(sql, &[&document.uuid()]).await?;
    rows.iter().map(|row| Ok(ImportId::new(row.try_get(0)?))).collect()
}

fn read(row: &Row) -> Result<Import, ProjectionError> {
    parse(row.try_get(0)?)
}

fn parse(body: &str) -> Result<Import, ProjectionError> {
    serde_json::from_str(body).map_err(|_| ProjectionError::Row { table: "imports" })
}

/// The imports that a batch touches, with the position of the last event applied.
#[derive(Debug, Default)]
pub(crate) struct Imports(BTreeMap<Uuid, (i64, Import)>);

impl Imports {
    pub(crate) async fn load(writer: &Writer, ids: Vec<Uuid>) -> Result<Self, ProjectionError> {
        let mut imports = Self::default();
        if !ids.is_empty() {
            let sql = format!(
                "SELECT position, body FROM {}.imports WHERE id = ANY ($1)",
                writer.schema
            );
            for row in writer.query(sql, &[&ids]).await? {
                let import = parse(row.try_get(1)?)?;
                imports.0.insert(import.id.uuid(), (row.try_get(0)?, import));
            }
        }
        Ok(imports)
    }

    pub(crate) fn apply(&mut self, id: Uuid, event: &Event, content: ImportEvent) {
        match (self.0.get_mut(&id), content) {
            (
                None,
                ImportEvent::Read {
                    import,
                    book,
                    document,
                    account,
                    currency,
                    lines,
                    lines_count,
                },
            ) => {
                let read = Import {
                    id: import,
                    book,
                    document,
                    read_position: event.position,
                    read_at: event.recorded_at,
                    changed_at: event.recorded_at,
                    version: event.sequence,
                    status: ImportStatus::Read,
                    account,
                    currency,
                    lines,
                    lines_count,
                    new_count: 0,
                    there_count: 0,
                    restored_count: 0,
                    voided_count: 0,
                };
                self.0.insert(id, (event.position, read));
            }
            (Some((position, import)), content) if *position < event.position => {
                match content {
                    ImportEvent::Read { account, currency, .. } => {
                        import.status = ImportStatus::Read;
                        import.account = account;
                        import.currency = currency;
                    }
                    ImportEvent::Accepted {
                        account,
                        new_count,
                        there_count,
                        restored_count,
                    } => {
                        import.status = ImportStatus::Accepted;
                        import.account = Some(account);
                        import.new_count = new_count;
                        import.there_count = there_count;
                        import.restored_count = restored_count;
                    }
                    ImportEvent::Reverted { voided_count } => {
                        import.status = ImportStatus::Reverted;
                        import.voided_count = voided_count;
                    }
                }
                import.version = event.sequence;
                import.changed_at = event.recorded_at;
                *position = event.position;
            }
            _ => {}
        }
    }

    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let mut rows = Rows::new(&TABLE);
        for (id, (position, import)) in &self.0 {
            let body = serde_json::to_string(import).map_err(|_| ProjectionError::Row { table: "imports" })?;
            rows.push([
                (*id).into(),
                import.book.uuid().into(),
                import.document.uuid().into(),
                import.read_position.into(),
                (*position).into(),
                word(import.status).into(),
                body.into(),
            ]);
        }
        writer.add(rows).await
    }
}
