//! Old events whose payload and metadata were moved to files of the object store, found again where they are read.
//!
//! A file has all events of a range of positions. What is read is kept for a while, since whoever reads one event mostly reads its
//! neighbours. Each file is held against the hash that it was listed with before anything looks into it.

mod file;
mod moving;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, path::Path};
use ring::digest;
use sqlx::{PgPool, postgres::PgRow};

use crate::{
    Database, Files, ReadError,
    merkle::{Entry, Hash},
    rows,
};

use file::Moved;
pub use moving::{Archived, ArchivingError};

/// So many bytes of files are kept in memory at most, one file at least.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Payload and metadata of an archived event can't be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// This process was not told where files are.
    #[error("the event at position {position} is archived, and there is no object store to read it from")]
    NoStore {
        /// The event.
        position: i64,
    },
    /// The event says that it was moved, but no file has it.
    #[error("the event at position {position} has no payload, and no archive has it")]
    Unlisted {
        /// The event.
        position: i64,
    },
    /// The object store did not give the file.
    #[error("the archive {object} can't be read")]
    Unreadable {
        /// The file.
        object: String,
        /// Why.
        #[source]
        source: Arc<object_store::Error>,
    },
    /// The file is not what was put there.
    #[error("the archive {object} is damaged: it is not the file that was written")]
    Damaged {
        /// The file.
        object: String,
    },
}

/// A file, as the table lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) first_position: i64,
    pub(crate) last_position: i64,
    pub(crate) object: String,
    bytes: i64,
    hash: Vec<u8>,
}

/// A file's content, in memory.
#[derive(Debug)]
pub(crate) struct Chunk {
    listed: Listed,
    events: Vec<Moved>,
}

impl Chunk {
    fn entry<'a>(&'a self, row: &'a PgRow) -> Result<Entry<'a>, ReadError> {
        let at = rows::position(row)? - self.listed.first_position;
        let moved = usize::try_from(at).ok().and_then(|at| self.events.get(at));
        let moved = moved.ok_or(rows::UNEXPECTED)?;
        rows::entry(row, Some((&moved.payload, &moved.metadata)))
    }

    fn has(&self, position: i64) -> bool {
        (self.listed.first_position..=self.listed.last_position).contains(&position)
    }
}

/// A row of the table, with what of it was moved.
pub(crate) struct StoredRow {
    row: PgRow,
    chunk: Option<Arc<Chunk>>,
}

impl StoredRow {
    /// The columns as they were written.
    pub(crate) fn entry(&self) -> Result<Entry<'_>, ReadError> {
        match &self.chunk {
            None => rows::entry(&self.row, None),
            Some(chunk) => chunk.entry(&self.row),
        }
    }

    /// A row whose payload and metadata stand in this file.
    pub(crate) fn with(row: PgRow, chunk: Arc<Chunk>) -> Self {
        let chunk = Some(chunk);
        Self { row, chunk }
    }
}

/// Reads what was archived. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    files: Option<Files>,
    /// The one that was asked for last is the last.
    chunks: Mutex<VecDeque<Arc<Chunk>>>,
}

impl Archive {
    /// That of this database, with its files. Without files whatever was archived can't be read.
    pub fn new(database: &Database, files: Option<Files>) -> Self {
        Self(Arc::new(Inner {
            pool: database.pool().clone(),
            files,
            chunks: Mutex::default(),
        }))
    }

    /// The row with what of it was moved.
    pub(crate) async fn complete(&self, row: PgRow) -> Result<StoredRow, ReadError> {
        let chunk = match rows::is_moved(&row)? {
            true => Some(self.chunk(rows::position(&row)?).await?),
            false => None,
        };
        Ok(StoredRow { row, chunk })
    }

    /// The leaf of the event in a row.
    pub(crate) async fn leaf(&self, row: &PgRow) -> Result<Hash, ReadError> {
        let mut buffer = Vec::new();
        Ok(match rows::is_moved(row)? {
            true => self.chunk(rows::position(row)?).await?.entry(row)?.leaf(&mut buffer),
            false => rows::entry(row, None)?.leaf(&mut buffer),
        })
    }

    /// The file that has this event, as the table lists it.
    pub(crate) async fn listed(&self, position: i64) -> Result<Option<Listed>, ReadError> {
        const FIND: &str = "SELECT first_position, last_position, object, bytes, hash FROM es.archives
            WHERE first_position <= $1 ORDER BY first_position DESC LIMIT 1";
        let found: Option<(i64, i64, String, i64, Vec<u8>)> =
            sqlx::query_as(FIND).bind(position).fetch_optional(&self.0.pool).await?;
        let found = found.filter(|(_, last_position, ..)| *last_position >= position);
        Ok(
            found.map(|(first_position, last_position, object, bytes, hash)| Listed {
                first_position,
                last_position,
                object,
                bytes,
                hash,
            }),
        )
    }

    /// The file that has this event.
    pub(crate) async fn chunk(&self, position: i64) -> Result<Arc<Chunk>, ReadError> {
        if let Some(chunk) = self.cached(position) {
            return Ok(chunk);
        }
        let listed = self.listed(position).await?;
        let listed = listed.ok_or(ArchiveError::Unlisted { position })?;
        let content = self.fetch(&listed).await?;
        let damaged = || ArchiveError::Damaged {
            object: listed.object.clone(),
        };
        if hash(&content)[..] != listed.hash {
            return Err(damaged().into());
        }
        let chunk = decode(&listed, content).await.ok_or_else(damaged)?;
        let chunk = Arc::new(chunk);
        self.keep(&chunk);
        Ok(chunk)
    }

    async fn fetch(&self, listed: &Listed) -> Result<Bytes, ArchiveError> {
        let position = listed.first_position;
        let files = self.0.files.as_ref().ok_or(ArchiveError::NoStore { position })?;
        let unreadable = |source| ArchiveError::Unreadable {
            object: listed.object.clone(),
            source: Arc::new(source),
        };
        let found = files.store().get(&Path::from(listed.object.as_str())).await;
        let found = found.map_err(unreadable)?;
        // One that was made larger is not read.
        if i64::try_from(found.meta.size) != Ok(listed.bytes) {
            return Err(ArchiveError::Damaged {
                object: listed.object.clone(),
            });
        }
        found.bytes().await.map_err(unreadable)
    }

    /// For finding out what was changed: what a file says that is not what was written. `None` where it can't be understood.
    pub(crate) async fn damaged(&self, listed: &Listed) -> Option<Arc<Chunk>> {
        let content = self.fetch(listed).await.ok()?;
        decode(listed, content).await.map(Arc::new)
    }

    fn cached(&self, position: i64) -> Option<Arc<Chunk>> {
        let mut chunks = self.0.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = chunks.iter().rposition(|chunk| chunk.has(position))?;
        let found = chunks.remove(at)?;
        chunks.push_back(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, chunk: &Arc<Chunk>) {
        let size = |chunk: &Arc<Chunk>| -> usize { chunk.events.iter().map(Moved::size).sum() };
        let mut chunks = self.0.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.retain(|other| !other.has(chunk.listed.first_position));
        chunks.push_back(Arc::clone(chunk));
        let mut bytes: usize = chunks.iter().map(size).sum();
        while bytes > CACHE_BYTES && chunks.len() > 1 {
            bytes -= chunks.pop_front().as_ref().map_or(0, size);
        }
    }
}

fn hash(content: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, content).as_ref());
    hash
}

/// The events of a file, in a thread of its own: whatever a damaged file does to the decoder, it does it there.
async fn decode(listed: &Listed, content: Bytes) -> Option<Chunk> {
    let first = listed.first_position;
    let count = usize::try_from(listed.last_position - first + 1).ok()?;
    let decoded = tokio::task::spawn_blocking(move || file::decode(content, first, count)).await;
    Some(Chunk {
        listed: listed.clone(),
        events: decoded.ok()??,
    })
}

#[cfg(test)]
mod tests;
