//! Reading the journal: rows are fetched, opened, upcast.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use sqlx::{
    Postgres, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query as Statement,
};
use uuid::Uuid;

use crate::{
    DatabaseError, Event, KeyError, Metadata, OwnerKeys,
    journal::Journal,
    keyring::Held,
    opening::{Opener, has_sealed},
    sealing,
};

/// The columns in the order in which [`Stored::of`] reads them.
const COLUMNS: &str = "e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, \
    e.metadata, e.owner_id, e.command_id, e.recorded_at";

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

/// An event as stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) event: Event,
    /// The metadata's text; that of `event` is filled in by the opening.
    metadata: String,
}

impl Stored {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        let text = |column: usize| -> Result<String, sqlx::Error> {
            let value = row.try_get_raw(column)?;
            let text = value.as_str().map_err(|source| sqlx::Error::ColumnDecode {
                index: column.to_string(),
                source,
            })?;
            Ok(text.to_owned())
        };
        let event = Event {
            position: row.try_get(0)?,
            kind: text(1)?,
            stream: text(2)?,
            sequence: row.try_get(3)?,
            event_type: text(4)?,
            version: text(5)?,
            payload: text(6)?,
            metadata: Metadata {
                actor: String::new(),
                correlation: Uuid::nil(),
                causation: None,
                request: None,
            },
            owner: row.try_get(8)?,
            command_id: row.try_get(9)?,
            recorded_at: row.try_get(10)?,
        };
        Ok(Self {
            event,
            metadata: text(7)?,
        })
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
        self.open_all(self.fetch(sqlx::query(&sql).bind(kind).bind(id).bind(position)).await?)
            .await
    }

    /// All events of several streams of one kind; streams that don't exist are left out.
    pub async fn load_many(&self, kind: &str, ids: &[String]) -> Result<HashMap<String, Vec<Event>>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT DISTINCT unnest($2::text[]) COLLATE \"C\" AS id) k
                JOIN es.events e ON e.aggregate_type = $1 AND e.aggregate_id = k.id ORDER BY e.aggregate_id, e.sequence"
        );
        let mut streams: HashMap<String, Vec<Event>> = HashMap::new();
        for event in self
            .open_all(self.fetch(sqlx::query(&sql).bind(kind).bind(ids)).await?)
            .await?
        {
            match streams.get_mut(&event.stream) {
                Some(events) => events.push(event),
                None => drop(streams.insert(event.stream.clone(), vec![event])),
            }
        }
        Ok(streams)
    }

    /// All events of a command; `None` if the journal does not know it.
    pub async fn command(&self, command_id: Uuid) -> Result<Option<Vec<Event>>, ReadError> {
        // The events of a command stand one behind the other, and the first tells how many they are.
        let sql = format!(
            "WITH f AS (SELECT position, (metadata ->> 'events')::bigint AS count FROM es.events WHERE command_id = $1)
            SELECT {COLUMNS} FROM f JOIN es.events e ON e.position >= f.position AND e.position < f.position + f.count
                ORDER BY e.position"
        );
        let events = self
            .open_all(self.fetch(sqlx::query(&sql).bind(command_id)).await?)
            .await?;
        Ok(if events.is_empty() { None } else { Some(events) })
    }

    /// The events that the query asks for, in the order of their positions.
    pub async fn read(&self, query: &Query) -> Result<Vec<Event>, ReadError> {
        self.open_all(self.read_stored(query).await?).await
    }

    /// As [`Journal::read`], but not yet opened.
    pub(crate) async fn read_stored(&self, query: &Query) -> Result<Vec<Stored>, ReadError> {
        let mut sql = format!("SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2");
        if query.owners.is_some() {
            sql.push_str(" AND e.owner_id = ANY ($4)");
        }
        if query.kinds.is_some() {
            sql.push_str(if query.owners.is_some() {
                " AND e.aggregate_type = ANY ($5)"
            } else {
                " AND e.aggregate_type = ANY ($4)"
            });
        }
        sql.push_str(" ORDER BY e.position LIMIT $3");
        let mut statement = sqlx::query(&sql)
            .bind(query.after)
            .bind(query.until.unwrap_or(i64::MAX))
            .bind(query.limit);
        if let Some(owners) = &query.owners {
            statement = statement.bind(owners);
        }
        if let Some(kinds) = &query.kinds {
            statement = statement.bind(kinds);
        }
        self.fetch(statement).await
    }

    /// The last position that was recorded at or before this time; 0 before the first event.
    pub async fn position_at(&self, time: DateTime<Utc>) -> Result<i64, ReadError> {
        Ok(sqlx::query_scalar("SELECT es.position_at($1)")
            .bind(time)
            .fetch_one(self.database().pool())
            .await?)
    }

    async fn fetch(&self, statement: Sql<'_>) -> Result<Vec<Stored>, ReadError> {
        let rows = statement.fetch_all(self.database().pool()).await?;
        Ok(rows.iter().map(Stored::of).collect::<Result<_, _>>()?)
    }

    /// Opens and upcasts.
    pub(crate) async fn open_all(&self, stored: Vec<Stored>) -> Result<Vec<Event>, ReadError> {
        let mut owners: Vec<Uuid> = Vec::new();
        for Stored { event, .. } in &stored {
            if owners.last() != Some(&event.owner) && has_sealed(&event.payload) {
                owners.push(event.owner);
            }
        }
        owners.sort_unstable();
        owners.dedup();
        let held = self.keyring().held(&owners).await?;
        let (mut opener, mut associated) = (Opener::default(), Vec::new());
        let mut events = Vec::with_capacity(stored.len());
        for Stored { mut event, metadata } in stored {
            let damaged = || ReadError::Damaged {
                position: event.position,
            };
            event.metadata = Metadata::parse(&metadata).map_err(|_| damaged())?;
            if has_sealed(&event.payload) {
                let keys: Option<&OwnerKeys> = match held.get(&event.owner) {
                    Some(Held::Keys(keys)) => Some(keys),
                    Some(Held::Forgotten) => None,
                    None => return Err(KeyError::Missing.into()),
                };
                sealing::associated(event.owner, &event.kind, &event.stream, event.sequence, &mut associated);
                event.payload = opener
                    .open(keys, &mut associated, &event.payload)
                    .map_err(|_| damaged())?;
            }
            events.push(upcast(event, self.upcasters())?);
        }
        Ok(events)
    }
}

/// Brings an event of an old version to the newest shape.
fn upcast(mut event: Event, upcasters: &[Box<dyn EventUpcaster>]) -> Result<Event, ReadError> {
    for upcaster in upcasters {
        if !upcaster.can_upcast(&event.event_type, &event.version) {
            continue;
        }
        let damaged = |_| ReadError::Damaged {
            position: event.position,
        };
        let old = SerializedEvent {
            aggregate_id: event.stream.clone(),
            sequence: usize::try_from(event.sequence).unwrap_or_default(),
            aggregate_type: event.kind.clone(),
            event_type: event.event_type.clone(),
            event_version: event.version.clone(),
            payload: serde_json::from_str(&event.payload).map_err(damaged)?,
            metadata: serde_json::Value::Null,
        };
        let new = upcaster.upcast(old);
        event.payload = new.payload.to_string();
        (event.event_type, event.version) = (new.event_type, new.event_version);
    }
    Ok(event)
}

#[cfg(test)]
mod tests;
