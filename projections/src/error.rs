//! What can go wrong between the journal and the read tables.

use std::sync::Arc;

use spendlog_event_store::{DatabaseError, ReadError};

use crate::Group;

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
    /// Another process took over the projection, or moved its checkpoint.
    #[error("the projection is run by another process")]
    TakenOver,
}

impl ProjectionError {
    /// Whether it was a query that took longer than any may.
    pub fn is_broken_off(&self) -> bool {
        match self {
            Self::Statement(error) => error.code() == Some(&tokio_postgres::error::SqlState::QUERY_CANCELED),
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
}
