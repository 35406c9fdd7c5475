//! Why the transport came to a stop.

use spendlog_event_store::{DatabaseError, ReadError};

/// The transport came to a stop. Nothing is lost: it begins again where it was.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server failed, or refused.
    #[error("EventStoreDB failed")]
    Server(#[from] eventstore::Error),
    /// The server, or our client of it, ended a subscription.
    #[error("EventStoreDB dropped the subscription")]
    Dropped,
    /// An event could not be read, or opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Somebody else wrote to the mirror, or it is of another journal.
    #[error(
        "the stream {stream} of EventStoreDB has another event at revision {revision} than the journal: the mirror is of another \
         journal, or somebody else has written to it; it must be given an empty server"
    )]
    Foreign {
        /// The stream.
        stream: String,
        /// Where it differs.
        revision: u64,
    },
    /// What was appended is there no more.
    #[error("EventStoreDB has lost events of the stream {stream}: everything is mirrored again from the beginning")]
    Lost {
        /// The stream.
        stream: String,
    },
}

impl From<sqlx::Error> for TransportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
