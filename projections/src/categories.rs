//! Categories, as they are and as they were at any position.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use spendlog_domain::{
    categories::{CategoryEvent, CategoryKind},
    values::{BookId, CategoryId, Text},
};
use spendlog_event_store::Event;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    At, ProjectionError, Reader,
    past::Past,
    rows::{Cell, Kind, Rows, Table},
    versions::Versions,
    words::{from_word, word},
    writer::{Closed, Writer},
};

/// A category at some position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// Its book.
    pub book: BookId,
    /// Where it was created: lists are in this order.
    pub created_position: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The version of its stream.
    pub version: i64,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// On which side it stands.
    pub kind: CategoryKind,
    /// What it is called.
    pub name: Text,
    /// The category that it was merged into.
    pub merged_into: Option<CategoryId>,
}

const COLUMNS: &str =
    "id, book_id, created_position, created_at, version, changed_at, kind, name, forgotten, merged_into, from_position";

const TABLE: Table = Table {
    name: "categories",
    columns: &[
        ("id", Kind::Id),
        ("from_position", Kind::Long),
        ("to_position", Kind::Long),
        ("book_id", Kind::Id),
        ("created_position", Kind::Long),
        ("created_at", Kind::Time),
        ("version", Kind::Long),
        ("changed_at", Kind::Time),
        ("kind", Kind::Text),
        ("name", Kind::Text),
        ("forgotten", Kind::Flag),
        ("merged_into", Kind::Id),
    ],
    on_conflict: "",
};

const PAST: Past = Past {
    table: TABLE.name,
    columns: COLUMNS,
};

/// A category of these books, as it is or was.
pub async fn one(reader: &Reader, books: &[Uuid], id: CategoryId, at: At) -> Result<Option<Category>, ProjectionError> {
    let row = PAST.one(reader, books, id.uuid(), at).await?;
    row.map(|row| read(&row).map(|(_, category)| category)).transpose()
}

/// The categories of a book that were created after this position, in the order of their creation.
pub async fn list(
    reader: &Reader,
    book: BookId,
    at: At,
    after: i64,
    limit: i64,
) -> Result<Vec<Category>, ProjectionError> {
    let rows = PAST
        .list(reader, "created_position", book.uuid(), at, after, limit)
        .await?;
    rows.iter().map(|row| read(row).map(|(_, category)| category)).collect()
}

fn read(row: &Row) -> Result<(i64, Category), ProjectionError> {
    let damaged = || ProjectionError::Row { table: "categories" };
    let name: Option<String> = row.try_get(7)?;
    let merged_into: Option<Uuid> = row.try_get(9)?;
    let category = Category {
        id: CategoryId::new(row.try_get(0)?),
        book: BookId::new(row.try_get(1)?),
        created_position: row.try_get(2)?,
        created_at: row.try_get(3)?,
        version: row.try_get(4)?,
        changed_at: row.try_get(5)?,
        kind: from_word(row.try_get(6)?).ok_or_else(damaged)?,
        name: name.map_or(Text::Forgotten, Text::Clear),
        merged_into: merged_into.map(CategoryId::new),
    };
    Ok((row.try_get(10)?, category))
}

/// The categories that a batch touches or names, and those that they were merged into.
#[derive(Debug, Default)]
pub(crate) struct Categories(BTreeMap<Uuid, Versions<Category>>);

impl Categories {
    /// Reads these categories and all that they were merged into.
    pub(crate) async fn load(writer: &Writer, ids: BTreeSet<Uuid>) -> Result<Self, ProjectionError> {
        let mut categories = Self::default();
        let mut wanted: Vec<Uuid> = ids.into_iter().collect();
        while !wanted.is_empty() {
            let mut next = Vec::new();
            for row in &writer.newest("categories", COLUMNS, &wanted).await? {
                let (from, category) = read(row)?;
                next.extend(category.merged_into.map(CategoryId::uuid));
                categories
                    .0
                    .insert(category.id.uuid(), Versions::stored(from, category));
            }
            next.retain(|id| !categories.0.contains_key(id));
            wanted = next;
        }
        Ok(categories)
    }

    /// Applies an event. A merge that was not applied before answers with where the category's postings go.
    pub(crate) fn apply(
        &mut self,
        id: Uuid,
        event: &Event,
        content: CategoryEvent,
    ) -> Option<(CategoryId, CategoryId)> {
        let versions = self.0.entry(id).or_default();
        let (next, merged) = match (versions.live(), content) {
            (
                None,
                CategoryEvent::Created {
                    category,
                    book,
                    name,
                    kind,
                },
            ) => {
                let created = Category {
                    id: category,
                    book,
                    created_position: event.position,
                    created_at: event.recorded_at,
                    version: event.sequence,
                    changed_at: event.recorded_at,
                    kind,
                    name,
                    merged_into: None,
                };
                (created, None)
            }
            (Some(current), content) if current.version < event.sequence => {
                let mut next = current.clone();
                let mut merged = None;
                match content {
                    CategoryEvent::Created { .. } => {}
                    CategoryEvent::Renamed { from: _, to } => next.name = to,
                    CategoryEvent::Merged { into } => {
                        next.merged_into = Some(into);
                        merged = Some((next.id, into));
                    }
                }
                next.version = event.sequence;
                next.changed_at = event.recorded_at;
                (next, merged)
            }
            _ => return None,
        };
        versions.set(event.position, next);
        merged.map(|(from, into)| (from, self.resolve(into)))
    }

    /// The category that stands for this one, after all merges so far.
    pub(crate) fn resolve(&self, category: CategoryId) -> CategoryId {
        let mut resolved = category;
        // A chain is no longer than there are categories; one that bites its tail must not hold us for ever.
        for _ in 0..=self.0.len() {
            match self
                .0
                .get(&resolved.uuid())
                .and_then(Versions::live)
                .and_then(|found| found.merged_into)
            {
                Some(into) => resolved = into,
                None => break,
            }
        }
        resolved
    }

    /// Writes what the batch changed.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let (mut added, mut closed) = (Rows::new(&TABLE), Closed::default());
        for (id, versions) in &self.0 {
            if let Some(range) = versions.closed() {
                closed.push(*id, range);
            }
            for (from, to, category) in versions.added() {
                added.push(cells(from, to, category));
            }
        }
        tokio::try_join!(writer.close("categories", &closed), writer.add(added))?;
        Ok(())
    }
}

fn cells(from: i64, to: i64, category: &Category) -> [Cell; 12] {
    [
        category.id.uuid().into(),
        from.into(),
        to.into(),
        category.book.uuid().into(),
        category.created_position.into(),
        category.created_at.into(),
        category.version.into(),
        category.changed_at.into(),
        word(category.kind).into(),
        category.name.to_clear().into(),
        (category.name == Text::Forgotten).into(),
        category.merged_into.map(CategoryId::uuid).into(),
    ]
}
