//! Books as they are, and whose they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spendlog_domain::{
    books::{BookEvent, ConfirmationPolicy},
    values::{BookId, Text, UserId},
};
use spendlog_event_store::Event;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    ProjectionError, Reader,
    rows::{Kind, Rows, Table},
    writer::Writer,
};

/// A book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Its id.
    pub id: BookId,
    /// Whose it is.
    pub user: UserId,
    /// What it is called.
    pub name: Text,
    /// Who confirms documents.
    pub policy: ConfirmationPolicy,
    /// Where it was opened: lists are in this order, and the first is the user's default.
    pub opened_position: i64,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// The version of its stream.
    pub version: i64,
}

const TABLE: Table = Table {
    name: "books",
    columns: &[
        ("id", Kind::Id),
        ("user_id", Kind::Id),
        ("opened_position", Kind::Long),
        ("position", Kind::Long),
        ("body", Kind::Text),
    ],
    on_conflict: "ON CONFLICT (id) DO UPDATE SET position = excluded.position, body = excluded.body \
                  WHERE t.position < excluded.position",
};

/// The books that a user may see, the first one first.
pub async fn of_user(reader: &Reader, user: UserId) -> Result<Vec<BookId>, ProjectionError> {
    let sql = "SELECT id FROM read.books WHERE user_id = $1 ORDER BY opened_position";
    let rows = reader.query(sql, &[&user.uuid()]).await?;
    rows.iter().map(|row| Ok(BookId::new(row.try_get(0)?))).collect()
}

/// A book of a user.
pub async fn one(reader: &Reader, user: UserId, id: BookId) -> Result<Option<Book>, ProjectionError> {
    let sql = "SELECT body FROM read.books WHERE id = $1 AND user_id = $2";
    let rows = reader.query(sql, &[&id.uuid(), &user.uuid()]).await?;
    rows.first().map(read).transpose()
}

/// The books of a user that were opened after this position, in the order of their opening.
pub async fn list(reader: &Reader, user: UserId, after: i64, limit: i64) -> Result<Vec<Book>, ProjectionError> {
    let sql =
        "SELECT body FROM read.books WHERE user_id = $1 AND opened_position > $2 ORDER BY opened_position LIMIT $3";
    let rows = reader.query(sql, &[&user.uuid(), &after, &limit]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Book, ProjectionError> {
    parse(row.try_get(0)?)
}

fn parse(body: &str) -> Result<Book, ProjectionError> {
    serde_json::from_str(body).map_err(|_| ProjectionError::Row { table: "books" })
}

/// The books that a batch touches, with the position of the last event applied.
#[derive(Debug, Default)]
pub(crate) struct Books(BTreeMap<Uuid, (i64, Book)>);

impl Books {
    pub(crate) async fn load(writer: &Writer, ids: Vec<Uuid>) -> Result<Self, ProjectionError> {
        let mut books = Self::default();
        if !ids.is_empty() {
            let sql = format!("SELECT position, body FROM {}.books WHERE id = ANY ($1)", writer.schema);
            for row in writer.query(sql, &[&ids]).await? {
                let book = parse(row.try_get(1)?)?;
                books.0.insert(book.id.uuid(), (row.try_get(0)?, book));
            }
        }
        Ok(books)
    }

    pub(crate) fn apply(&mut self, id: Uuid, event: &Event, content: BookEvent) {
        if let (
            None,
            BookEvent::Opened {
                book,
                user,
                name,
                policy,
            },
        ) = (self.0.get(&id), &content)
        {
            let opened = Book {
                id: *book,
                user: *user,
                name: name.clone(),
                policy: *policy,
                opened_position: event.position,
                opened_at: event.recorded_at,
                version: event.sequence,
            };
            self.0.insert(id, (event.position, opened));
        }
        let Some((position, book)) = self.0.get_mut(&id).filter(|(position, _)| *position < event.position) else {
            return;
        };
        match content {
            // Whose row goes with the batch that forgets it.
            BookEvent::Forgotten {} => {}
            BookEvent::Opened { .. } => {}
            BookEvent::Renamed { from: _, to } => book.name = to,
            BookEvent::PolicyChanged { from: _, to } => book.policy = to,
        }
        *position = event.position;
        book.version = event.sequence;
    }

    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let mut rows = Rows::new(&TABLE);
        for (id, (position, book)) in &self.0 {
            let body = serde_json::to_string(book).map_err(|_| ProjectionError::Row { table: "books" })?;
            let cells = [
                (*id).into(),
                book.user.uuid().into(),
                book.opened_position.into(),
                (*position).into(),
                body.into(),
            ];
            rows.push(cells);
        }
        writer.add(rows).await
    }
}
