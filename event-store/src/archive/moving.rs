//! Moving old events out of the table, a file at a time: never half.
//!
//! A file is written, read back and compared before one transaction lists it and empties the rows. Killed before that
//! transaction ends, a file is left that nothing names: the next run that moves its first event removes it.

use std::collections::HashSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use sqlx::PgConnection;

use super::{Archive, Moved, file, hash};
use crate::{
    DatabaseError, Files, ReadError,
    audit::commit::{COMMIT, Commit},
    merkle::{Hash, Tree},
    rows::{self, COLUMNS},
};

/// Where the files stand in the object store.
const FOLDER: &str = "archive";
/// A file has so many events at most, unless a single commit has more: mostly about one megabyte, which is also what a reader of
/// one event fetches.
const FILE_EVENTS: i64 = 2048;
/// Held while a file is written and its events are moved.
const LOCK: i64 = 6_003_374_505_740_488_521;

/// What was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// So many events.
    pub events: i64,
    /// Into so many files.
    pub files: u64,
    /// Of so many bytes together.
    pub bytes: u64,
    /// The last position that stands in a file now; 0 where none does.
    pub until: i64,
}

/// Nothing more could be moved. What was moved before stays so.
#[derive(Debug, thiserror::Error)]
pub enum ArchivingError {
    /// There is nowhere to move to.
    #[error("there is no object store")]
    NoStore,
    /// Somebody else is moving events.
    #[error("events are being archived by another process already")]
    Busy,
    /// Some of the events are not as they were written.
    #[error("the events from position {first} to {last} are not as they were written, and stay where they are")]
    Damaged {
        /// The first of them.
        first: i64,
        /// The last.
        last: i64,
    },
    /// The file could not be made.
    #[error("the file could not be made")]
    File(#[from] parquet::errors::ParquetError),
    /// The object store failed.
    #[error("the object store failed")]
    Store(#[from] object_store::Error),
    /// What the object store gave back is not what was put there.
    #[error("the object store does not give back what was put there as {0}")]
    NotKept(String),
    /// The events could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<sqlx::Error> for ArchivingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Events that go into one file.
struct Batch {
    first: i64,
    events: Vec<Moved>,
    leaves: Vec<Hash>,
}

impl Batch {
    fn last(&self) -> i64 {
        self.first + self.events.len() as i64 - 1
    }
}

impl Archive {
    /// Which events could be moved: those after the first of these positions, up to the second, which was the newest at this time.
    pub async fn movable(&self, before: DateTime<Utc>) -> Result<(i64, i64), ReadError> {
        const EXTENT: &str = "SELECT coalesce((SELECT max(last_position) FROM es.archives), 0), es.position_at($1)";
        let extent: (i64, i64) = sqlx::query_as(EXTENT).bind(before).fetch_one(&self.0.pool).await?;
        Ok((extent.0, extent.1.max(extent.0)))
    }

    /// Moves payload and metadata of all events that were recorded up to this time to files. Tells how many events of how many
    /// are moved. Broken off at any moment, each event stands either in the table or in a file, and the next run goes on.
    pub async fn move_recorded_before(
        &self,
        time: DateTime<Utc>,
        progress: impl Fn(i64, i64),
    ) -> Result<Archived, ArchivingError> {
        let files = self.0.files.as_ref().ok_or(ArchivingError::NoStore)?;
        let (after, until) = self.movable(time).await?;
        let mut done = Archived {
            until: after,
            ..Archived::default()
        };
        progress(0, until - after);
        while done.until < until {
            let Some((events, bytes)) = self.move_next(files, until).await? else {
                break;
            };
            done.events += events;
            done.bytes += bytes;
            done.files += 1;
            done.until += events;
            progress(done.events, until - after);
        }
        if done.files > 0 {
            if let Err(error) = self.remove_orphans(&*files.store(), done.until).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "files that were left by an archiving that was broken off could not be removed"
                );
            }
            // The space of the rows as they were can be used again.
            sqlx::query("VACUUM es.events").execute(&self.0.pool).await?;
        }
        Ok(done)
    }

    /// Removes what runs have left that were broken off: files that begin with an event up to `until`, which is archived, and
    /// are not listed. Nobody can list them any more, whoever holds the lock.
    async fn remove_orphans(&self, store: &dyn ObjectStore, until: i64) -> Result<(), ArchivingError> {
        let listed: Vec<String> = sqlx::query_scalar("SELECT object FROM es.archives")
            .fetch_all(&self.0.pool)
            .await?;
        let listed: HashSet<Path> = listed.into_iter().map(Path::from).collect();
        let mut found = store.list(Some(&Path::from(FOLDER)));
        while let Some(file) = found.try_next().await? {
            let first = file.location.filename().and_then(|name| name.split_once('-'));
            let begins = first.and_then(|(first, _)| first.parse::<i64>().ok());
            if begins.is_some_and(|first| first <= until) && !listed.contains(&file.location) {
                store.delete(&file.location).await?;
            }
        }
        Ok(())
    }

    /// Moves the next events up to `until`, as many as fit into a file: how many, and how large the file is.
    async fn move_next(&self, files: &Files, until: i64) -> Result<Option<(i64, u64)>, ArchivingError> {
        let mut transaction = self.0.pool.begin().await?;
        let held: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *transaction)
            .await?;
        if !held {
            return Err(ArchivingError::Busy);
        }
        let after: i64 = sqlx::query_scalar("SELECT coalesce(max(last_position), 0) FROM es.archives")
            .fetch_one(&mut *transaction)
            .await?;
        let Some(batch) = collect(&mut transaction, after, until).await? else {
            return Ok(None);
        };
        let (object, content) = write(&*files.store(), &batch).await?;
        const LIST: &str =
            "INSERT INTO es.archives (first_position, last_position, object, bytes, hash) VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(LIST)
            .bind(batch.first)
            .bind(batch.last())
            .bind(&object)
            .bind(content.len() as i64)
            .bind(&hash(&content)[..])
            .execute(&mut *transaction)
            .await?;
        const EMPTY: &str = "UPDATE es.events e SET payload = NULL, metadata = NULL, leaf = m.leaf
            FROM unnest($1::bytea[]) WITH ORDINALITY m (leaf, number)
            WHERE e.position = $2 + m.number - 1 AND e.position BETWEEN $2 AND $3 AND e.leaf IS NULL";
        let leaves: Vec<&[u8]> = batch.leaves.iter().map(|leaf| &leaf[..]).collect();
        let emptied = sqlx::query(EMPTY)
            .bind(&leaves)
            .bind(batch.first)
            .bind(batch.last())
            .execute(&mut *transaction)
            .await?;
        if emptied.rows_affected() != batch.events.len() as u64 {
            let unlike = DatabaseError::Damaged("other events were moved than stand in the file");
            return Err(ReadError::Database(unlike).into());
        }
        transaction.commit().await?;
        Ok(Some((batch.events.len() as i64, content.len() as u64)))
    }
}

/// The events of whole commits after a position, up to another, if they are as they were written.
async fn collect(connection: &mut PgConnection, after: i64, until: i64) -> Result<Option<Batch>, ArchivingError> {
    const LAST: &str = "SELECT coalesce(
        (SELECT max(size) FROM es.commits WHERE size > $1 AND size <= least($2, $1 + $3)),
        (SELECT min(size) FROM es.commits WHERE size > $1 AND size <= $2))";
    let last: Option<i64> = sqlx::query_scalar(LAST)
        .bind(after)
        .bind(until)
        .bind(FILE_EVENTS)
        .fetch_one(&mut *connection)
        .await?;
    let Some(last) = last else { return Ok(None) };
    let damaged = || ArchivingError::Damaged { first: after + 1, last };
    let mut tree = match after {
        0 => Tree::default(),
        _ => commit(connection, after)
            .await?
            .and_then(|commit| commit.tree())
            .ok_or_else(damaged)?,
    };
    let sql =
        format!("SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position");
    let stored = sqlx::query(&sql)
        .bind(after)
        .bind(last)
        .fetch_all(&mut *connection)
        .await?;
    let mut batch = Batch {
        first: after + 1,
        events: Vec::with_capacity(stored.len()),
        leaves: Vec::with_capacity(stored.len()),
    };
    let mut buffer = Vec::new();
    for row in &stored {
        let entry = rows::entry(row, None)?;
        let leaf = entry.leaf(&mut buffer);
        tree.push(leaf);
        batch.leaves.push(leaf);
        batch.events.push(Moved {
            payload: entry.payload.to_owned(),
            metadata: entry.metadata.to_owned(),
        });
    }
    let commit = commit(connection, last).await?.and_then(|commit| commit.root());
    if batch.last() != last || commit != Some(tree.root()) {
        return Err(damaged());
    }
    Ok(Some(batch))
}

async fn commit(connection: &mut PgConnection, size: i64) -> Result<Option<Commit>, ReadError> {
    let sql = format!("SELECT {COMMIT} FROM es.commits WHERE size = $1");
    let row = sqlx::query(&sql).bind(size).fetch_optional(connection).await?;
    row.as_ref().map(Commit::of).transpose()
}

/// Writes the file, and makes sure that it is there, whole: its name and content.
async fn write(store: &dyn ObjectStore, batch: &Batch) -> Result<(String, Bytes), ArchivingError> {
    let content = Bytes::from(file::encode(batch.first, &batch.events)?);
    let hash = hex::encode(&hash(&content)[..8]);
    let object = format!("{FOLDER}/{:019}-{:019}-{hash}.parquet", batch.first, batch.last());
    let path = Path::from(object.as_str());
    store.put(&path, content.clone().into()).await?;
    let kept = store.get(&path).await?.bytes().await?;
    if file::decode(kept, batch.first, batch.events.len()).as_ref() != Some(&batch.events) {
        return Err(ArchivingError::NotKept(object));
    }
    Ok((object, content))
}
