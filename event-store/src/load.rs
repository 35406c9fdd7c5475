//! Reading the journal: rows are fetched, opened, upcast.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt as _};
use sqlx::{Postgres, postgres::PgArguments, query::Query as Statement};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    DatabaseError, Event, KeyError, StoredEvent,
    archive::ArchiveError,
    journal::Journal,
    rows::{self, COLUMNS, Rows, position},
};

/// How many events are read at a time where all are read.
const PAGE: i64 = 1000;
/// How many such pages are read ahead.
const AHEAD: usize = 3;

/// What is to be read from the journal, in the order of positions.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only what comes after this position.
    pub after: i64,
    /// Only what comes up to this position.
    pub until: Option<i64>,
    /// Only events of these owners.
    pub owners: Option<Vec<Uuid>>,
    /// Only events of streams of these kinds.
    pub kinds: Option<Vec<String>>,
    /// So many events at most.
    pub limit: i64,
    /// Whether sealed texts are opened.
    pub texts: Texts,
}

/// What becomes of sealed texts on reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// They are opened.
    #[default]
    Opened,
    /// They are never opened: in the place of each stands `{"withheld":true}`, or `{"forgotten":true}` where its owner was
    /// forgotten.
    Withheld,
}

impl Query {
    fn sql(&self) -> String {
        let mut sql = format!("SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2");
        sql.push_str(match self.owners.as_deref() {
            // For one owner the index has the order already.
            Some([_]) => " AND e.owner_id = $4",
            Some(_) => " AND e.owner_id = ANY ($4)",
            None => "",
        });
        if self.kinds.is_some() {
            let number = if self.owners.is_some() { 5 } else { 4 };
            sql.push_str(&format!(" AND e.aggregate_type = ANY (${number})"));
        }
        sql.push_str(" ORDER BY e.position LIMIT $3");
        sql
    }

    fn bind<'q>(&'q self, sql: &'q str) -> Sql<'q> {
        let until = self.until.unwrap_or(i64::MAX);
        let statement = sqlx::query(sql).bind(self.after).bind(until).bind(self.limit);
        let statement = match self.owners.as_deref() {
            Some([owner]) => statement.bind(owner),
            Some(owners) => statement.bind(owners),
            None => statement,
        };
        match &self.kinds {
            Some(kinds) => statement.bind(kinds),
            None => statement,
        }
    }
}

/// Events could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored at this position is not what was written there.
    #[error("the event at position {position} is damaged")]
    Damaged {
        /// The event.
        position: i64,
    },
    /// An old event could not be had from its archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<KeyError> for ReadError {
    fn from(error: KeyError) -> Self {
        Self::Database(error.into())
    }
}

type Sql<'q> = Statement<'q, Postgres, PgArguments>;

impl Journal {
    /// All events of a stream, in their order; none if there is no such stream.
    pub async fn load(&self, kind: &str, id: &str) -> Result<Vec<Event>, ReadError> {
        self.load_until(kind, id, i64::MAX).await
    }

    /// The events that a stream had when the journal stood at this position.
    pub async fn load_until(&self, kind: &str, id: &str, position: i64) -> Result<Vec<Event>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM es.events e WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.position <= $3
                ORDER BY e.sequence"
        );
        self.fetch(sqlx::query(&sql).bind(kind).bind(id).bind(position)).await
    }

    /// All events of several streams of one kind; streams that don't exist are left out.
    pub async fn load_many(&self, kind: &str, ids: &[String]) -> Result<HashMap<String, Vec<Event>>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT DISTINCT unnest($2::text[]) COLLATE \"C\" AS id) k
                JOIN es.events e ON e.aggregate_type = $1 AND e.aggregate_id = k.id ORDER BY e.aggregate_id, e.sequence"
        );
        let mut streams: HashMap<String, Vec<Event>> = HashMap::new();
        for event in self.fetch(sqlx::query(&sql).bind(kind).bind(ids)).await? {
            match streams.get_mut(&event.stream) {
                Some(events) => events.push(event),
                None => drop(streams.insert(event.stream.clone(), vec![event])),
            }
        }
        Ok(streams)
    }

    /// All events of a command; `None` if the journal does not know it.
    pub async fn command(&self, command_id: Uuid) -> Result<Option<Vec<Event>>, ReadError> {
        // The events of a command stand one behind the other, up to the first of the next one.
        let sql = format!(
            "WITH f AS MATERIALIZED (SELECT position, coalesce(
                    (SELECT n.position FROM es.events n WHERE n.position > f.position AND n.command_id IS NOT NULL
                        ORDER BY n.position LIMIT 1), 9223372036854775807) AS next
                FROM es.events f WHERE f.command_id = $1)
            SELECT {COLUMNS} FROM f JOIN es.events e ON e.position >= f.position AND e.position < f.next ORDER BY e.position"
        );
        let events = self.fetch(sqlx::query(&sql).bind(command_id)).await?;
        Ok(if events.is_empty() { None } else { Some(events) })
    }

    /// The event at this position, if there is one.
    pub async fn event(&self, position: i64) -> Result<Option<Event>, ReadError> {
        let query = Query {
            after: position - 1,
            until: Some(position),
            limit: 1,
            ..Query::default()
        };
        Ok(self.read(&query).await?.pop())
    }

    /// The events after this position as they are stored, at most so many, in the order of their positions.
    pub async fn stored(&self, after: i64, limit: i64) -> Result<Vec<StoredEvent>, ReadError> {
        let query = Query {
            after,
            limit,
            ..Query::default()
        };
        let sql = query.sql();
        let rows = query.bind(&sql).fetch_all(self.database().pool()).await?;
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(StoredEvent::of(&self.archive().complete(row).await?.entry()?));
        }
        Ok(stored)
    }

    /// Opens events that were stored here and came back another way.
    pub async fn open_stored(&self, stored: &[StoredEvent]) -> Result<Vec<Event>, ReadError> {
        self.rows(Texts::Opened).open(stored).await
    }

    /// As [`Journal::open_stored`]; where what a transport delivered is damaged, the journal's own events instead, as far as it
    /// has them.
    pub async fn open_delivered(&self, stored: &[StoredEvent]) -> Result<Vec<Event>, ReadError> {
        match self.open_stored(stored).await {
            Err(ReadError::Damaged { position }) => {
                tracing::error!(position, "what was delivered is damaged: the journal is read instead");
                let mut events = Vec::new();
                for event in stored {
                    events.extend(self.event(event.position).await?);
                }
                Ok(events)
            }
            opened => opened,
        }
    }

    /// The newest position. Where `claimed` is ahead of what this process has heard, the database is asked. What claims to be
    /// ahead of that too is of another journal, as after an older backup was restored.
    pub async fn newest(&self, claimed: i64) -> Result<i64, DatabaseError> {
        let known = *self.head().borrow();
        if claimed <= known {
            return Ok(known);
        }
        let newest = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM es.commits");
        Ok(newest.fetch_one(self.database().pool()).await?)
    }

    /// The events that the query asks for, in the order of their positions.
    pub async fn read(&self, query: &Query) -> Result<Vec<Event>, ReadError> {
        Ok(self.read_wanted(query, |_, _| true).await?.0)
    }

    /// All events that the query asks for, in the order of their positions, some at a time. While they are worked on, the next are
    /// opened already and those behind them fetched, each in a task of its own: this is the fastest way through many events.
    /// After an error nothing follows.
    pub fn pages(&self, mut query: Query) -> impl Stream<Item = Result<Vec<Event>, ReadError>> + Send + Unpin + use<> {
        let (sender, pages) = mpsc::channel(AHEAD);
        let journal = self.clone();
        tokio::spawn(async move {
            let mut left = query.limit;
            while left > 0 {
                query.limit = left.min(PAGE);
                let sql = query.sql();
                let page = query.bind(&sql).fetch_all(journal.database().pool()).await;
                // A page that is not full is the last.
                let last = match &page {
                    Ok(rows) if rows.is_empty() => return,
                    Ok(rows) if rows.len() as i64 == query.limit => rows.last().and_then(|row| position(row).ok()),
                    _ => None,
                };
                let (opener, texts) = (journal.clone(), query.texts);
                let opening = tokio::spawn(async move {
                    let mut rows = opener.rows(texts);
                    for row in page? {
                        rows.take(row)?;
                    }
                    rows.events().await
                });
                // A reader that has gone away wants no more.
                let (Ok(()), Some(last)) = (sender.send(opening).await, last) else {
                    return;
                };
                (query.after, left) = (last, left - query.limit);
            }
        });
        Box::pin(futures_util::stream::unfold(Some(pages), async |pages| {
            let mut pages = pages?;
            let opening = pages.recv().await?;
            let broken_off = |_| Err(DatabaseError::Damaged("reading was broken off").into());
            let page = opening.await.unwrap_or_else(broken_off);
            let more = page.is_ok().then_some(pages);
            Some((page, more))
        }))
    }

    /// As [`Journal::read`], but only those that are wanted by kind and event type are opened; and the last position that was
    /// looked at.
    pub(crate) async fn read_wanted(
        &self,
        query: &Query,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<(Vec<Event>, Option<i64>), ReadError> {
        let sql = query.sql();
        self.fetch_wanted(query.bind(&sql), query.texts, wanted).await
    }

    /// The last position that was recorded at or before this time; 0 before the first event.
    pub async fn position_at(&self, time: DateTime<Utc>) -> Result<i64, ReadError> {
        Ok(sqlx::query_scalar("SELECT es.position_at($1)")
            .bind(time)
            .fetch_one(self.database().pool())
            .await?)
    }

    pub(crate) fn rows(&self, texts: Texts) -> Rows<'_> {
        Rows::new(self.keyring(), self.archive(), self.upcasters(), texts)
    }

    async fn fetch(&self, statement: Sql<'_>) -> Result<Vec<Event>, ReadError> {
        Ok(self.fetch_wanted(statement, Texts::Opened, |_, _| true).await?.0)
    }

    /// Opens each row while Postgres sends the next.
    async fn fetch_wanted(
        &self,
        statement: Sql<'_>,
        texts: Texts,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<(Vec<Event>, Option<i64>), ReadError> {
        let mut rows = self.rows(texts);
        let mut last = None;
        {
            let mut stored = statement.fetch(self.database().pool());
            while let Some(row) = stored.try_next().await? {
                last = Some(position(&row)?);
                let (kind, event_type) = rows::names(&row)?;
                if wanted(kind, event_type) {
                    rows.take(row)?;
                }
            }
        }
        Ok((rows.events().await?, last))
    }
}

#[cfg(test)]
mod tests;
