//! Backups: the journal, the keys and the files, in a place of their own, and back again.
//!
//! A target is a folder or a bucket that holds all backups of one journal. They share what never changes:
//!
//! - `events/` and `commits/`: ranges of positions, each written once; a backup adds the range that is new;
//! - `files/`: the sealed files under their own names; a backup adds those that are new;
//! - `backups/<name>/`: the small tables as they were, the list of the files that were added, the signed head, and the
//!   manifest, which names every part with its length and hash, is signed, and is written last: what has none is no backup.
//!
//! What may change is kept once for all of them, so that forgetting reaches every backup of the target:
//!
//! - `keys/`: the owners' keys, wrapped by the master key (which is in no backup). The newest set holds, and has a tombstone
//!   in the place of each key that was destroyed since. The files of the forgotten are destroyed here too.
//!
//! Parts are what Postgres's COPY writes as text, with the names of the columns in the first line, compressed by gzip:
//! without this program `zcat part | psql -c "COPY es.events (…) FROM STDIN (HEADER)"` reads them.

mod check;
mod files;
mod keys;
mod load;
mod make;
mod manifest;
mod part;
mod target;
mod walk;

pub use check::{Checked, check};
pub use files::put_back;
pub use keys::Keys;
pub use load::{finish, is_empty, is_unfinished, load};
pub use make::{Made, make};
pub use manifest::{Backup, Manifest};
pub use target::Target;

use std::time::Duration;

use sqlx::PgConnection;

use crate::{DatabaseError, FileError, KeyError, ReadError};

/// Makes it known how far it has come.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64, u64) + Send + Sync);

/// What is being done, and in what it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Events are written, read or loaded.
    Events,
    /// Files are looked at or copied.
    Files,
}

/// No backup was made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Keys could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file of the ledger's could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The target failed.
    #[error("the place of the backups failed")]
    Store(#[from] object_store::Error),
    /// The target's disk failed.
    #[error("the place of the backups can't be written")]
    Io(#[from] std::io::Error),
    /// Something in the target is not what was written there.
    #[error("{name} is not as it was written: {why}")]
    Altered {
        /// The object.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The target has no backup, or not this one.
    #[error("there is no such backup; `spendlog restore --from … --list` shows which there are")]
    NotThere,
    /// There is nothing to back up.
    #[error("the journal has no events yet")]
    NothingYet,
    /// Somebody else is at it.
    #[error("another backup of this database is being made")]
    Busy,
    /// The target belongs to something else.
    #[error(
        "the place holds backups of another journal, or of what this one had become before an older backup was restored: \
         begin a new place, and keep that one as it is"
    )]
    OtherJournal,
    /// The journal is ahead of the head that was to be backed up, and its archive too.
    #[error("events that are newer than this backup were archived while it was made; make it again")]
    ArchivedMeanwhile,
    /// Keys that a backup has are gone from the database.
    #[error(
        "{missing} keys that stand in the backup are missing in the database: somebody removed them. Nothing was written; \
         restore the backup"
    )]
    KeysLost {
        /// How many.
        missing: usize,
    },
    /// The database has a ledger already.
    #[error(
        "the database is not empty: a backup is restored into a new one, beside or instead of which nothing is lost"
    )]
    NotEmpty,
    /// Somebody uses the database.
    #[error("a server, or another command, is running on this database: stop it first")]
    InUse,
    /// The backup is of a time that we know nothing of.
    #[error("the backup was made by a newer Spendlog ({made_by}): take that one, or a newer, to restore it")]
    Newer {
        /// Its version.
        made_by: String,
    },
    /// The backup was signed by somebody else.
    #[error("{name} is signed by another key than the journal's in this backup: it was not made by it")]
    Forged {
        /// The manifest.
        name: String,
    },
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Takes a lock by this statement. Whoever was killed while they had it may have it for a moment longer.
async fn lock(connection: &mut PgConnection, statement: &str, key: i64) -> Result<bool, BackupError> {
    for _ in 0..20 {
        if sqlx::query_scalar(statement)
            .bind(key)
            .fetch_one(&mut *connection)
            .await?
        {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

/// A number of events, to be shown.
fn count(events: i64) -> u64 {
    u64::try_from(events).unwrap_or(0)
}

fn altered(name: impl Into<String>, why: impl Into<String>) -> BackupError {
    BackupError::Altered {
        name: name.into(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests;
