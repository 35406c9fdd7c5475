//! What can go wrong between the journal and the read tables.

use std::sync::Arc;

use spendlog_event_store::{DatabaseError, ReadError};
use tokio_postgres::error::SqlState;

use crate::{Group, RunBy};

/// A projection or a query could not do its work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProjectionError {
    /// A statement failed.
    #[error("the read tables failed")]
    Statement(#[source] Arc<tokio_postgres::Error>),
    /// The database can't be reached.
    #[error("the read tables can't be reached")]
    Unreachable(#[source] Arc<DatabaseError>),
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Journal(#[source] Arc<ReadError>),
    /// An event of the journal is not what its name says.
    #[error("event {event_type} at position {position} can't be understood")]
    Event {
        /// Its position.
        position: i64,
        /// Its name.
        event_type: String,
        /// What the parser said.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// A read row is not what it should be; a rebuild makes it again.
    #[error("a row of {table} can't be understood")]
    Row {
        /// The table.
        table: &'static str,
    },
    /// The code that applies events failed where nothing can.
    #[error("applying events panicked")]
    Panicked,
    /// Another process took over the projection, or moved its checkpoint.
    #[error("the projection's checkpoint was moved by another process")]
    TakenOver,
    /// The group is being rebuilt or verified already.
    #[error("the projection {} is being rebuilt or verified already{}", .group.name(), said(.by.as_ref()))]
    Busy {
        /// The group.
        group: Group,
        /// The process that does it, where that is known.
        by: Option<RunBy>,
    },
    /// Somebody else's long transaction kept the new tables from taking over.
    #[error("somebody reads the tables of {} without an end (a dump, perhaps), so the new ones could not take over", .0.name())]
    InUse(Group),
    /// A worker of a rebuild broke down.
    #[error("a worker broke down")]
    Worker,
}

fn said(process: Option<&RunBy>) -> String {
    process.map_or_else(String::new, |process| format!(", by {process}"))
}

impl ProjectionError {
    /// Whether a lock was not to be had, in time or at all.
    pub(crate) fn is_locked_out(&self) -> bool {
        match self {
            Self::Statement(error) => {
                error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
                    || error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED)
            }
            _ => false,
        }
    }

    /// Whether it was a query that took longer than any may.
    pub fn is_broken_off(&self) -> bool {
        match self {
            Self::Statement(error) => error.code() == Some(&SqlState::QUERY_CANCELED),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for ProjectionError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(Arc::new(error))
    }
}

impl From<DatabaseError> for ProjectionError {
    fn from(error: DatabaseError) -> Self {
        Self::Unreachable(Arc::new(error))
    }
}

impl From<ReadError> for ProjectionError {
    fn from(error: ReadError) -> Self {
        Self::Journal(Arc::new(error))
    }
}

/// The projection had not come to the position in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the projection {} has come to position {reached}, not to {wanted}", .group.name())]
pub struct Behind {
    /// The projection.
    pub group: Group,
    /// The position asked for.
    pub wanted: i64,
    /// The position that it has come to.
    pub reached: i64,
    /// Whether it is paused, so that waiting helps only once it is resumed.
    pub paused: bool,
}
