//! What is handed to the journal to be appended, and what it answers.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::DatabaseError;

/// The most bytes that an event may have as stored, payload and metadata together.
pub(crate) const EVENT_LIMIT: usize = 64 * 1024;
/// The most bytes that all events of one append may have.
pub(crate) const APPEND_LIMIT: usize = 64 * 1024 * 1024;
/// The most bytes of a stream's id.
pub(crate) const ID_LIMIT: usize = 256;

/// Names a stream: the history of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// What kind of thing: the aggregate's type.
    pub kind: &'static str,
    /// Which one.
    pub id: String,
}

/// An event that is to be appended, in clear.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its stable name: `transaction.recorded`.
    pub event_type: String,
    /// The version of its shape: `1`.
    pub version: String,
    /// Its content.
    pub payload: serde_json::Value,
}

impl NewEvent {
    /// The event of an aggregate.
    pub fn of<E: cqrs_es::DomainEvent>(event: &E) -> Result<Self, serde_json::Error> {
        Ok(Self {
            event_type: event.event_type(),
            version: event.event_version(),
            payload: serde_json::to_value(event)?,
        })
    }
}

/// What an append expects of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// That it has exactly so many events; 0: that it does not exist.
    Version(i64),
    /// That it does not exist. If it does, it is left as it is, and the rest of the append holds nevertheless.
    AbsentElseSkip,
}

/// Events for one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamId,
    /// The book or user whose events these are: whose key seals them.
    pub owner: Uuid,
    /// What is expected of it.
    pub expect: Expect,
    /// The events, in their order.
    pub events: Vec<NewEvent>,
}

/// A stream that was only read for the decision: if it has moved on, nothing is written.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The stream.
    pub stream: StreamId,
    /// The version that was seen; 0: it did not exist.
    pub version: i64,
}

/// Who did it, and why.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The user (`usr_…`), the processor (`processor:documents`) or `operator`. Never a name or an address.
    pub actor: String,
    /// What belongs together, from the first request on.
    pub correlation: Uuid,
    /// Position of the event that it is a reaction to.
    pub causation: Option<i64>,
    /// Keyed fingerprint of the request's body, by which another request under the same key is told apart.
    pub request: Option<String>,
}

/// One command's events: written all or none, once.
#[derive(Clone, Debug)]
pub struct Append {
    /// The command. It is unique in the journal.
    pub command_id: Uuid,
    /// Who did it, and why.
    pub origin: Origin,
    /// What is written.
    pub streams: Vec<StreamAppend>,
    /// What was only read.
    pub guards: Vec<Guard>,
}

/// An append that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of its last event; the head, where nothing had to be written.
    pub position: i64,
    /// The streams that were there already ([`Expect::AbsentElseSkip`]).
    pub skipped: Vec<StreamId>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// Why nothing was appended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream, or a guard's stream, is not at the expected version.
    #[error("stream {} {} is at version {actual}, not {expected}", .stream.kind, .stream.id)]
    Conflict {
        /// The first stream that is not as expected.
        stream: StreamId,
        /// The version that was expected.
        expected: i64,
        /// The version that it has.
        actual: i64,
    },
    /// The command is in the journal already: its events tell what came of it.
    #[error("the command is in the journal already")]
    Duplicate,
    /// An event is larger than 64 KiB, an append larger than 64 MiB, or an id longer than 256 bytes.
    #[error("too large: {bytes} bytes")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// There is no schema for an event, so nobody knows what in it must be sealed.
    #[error("there is no schema for event {event_type} version {version}")]
    UnknownEvent {
        /// The event's name.
        event_type: String,
        /// The version of its shape.
        version: String,
    },
    /// The owner was forgotten: nothing can be sealed for them any more.
    #[error("the owner was forgotten")]
    OwnerForgotten,
    /// The database failed. The command may be tried again with the same id: if it was committed after all, it is a duplicate.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The journal is shutting down.
    #[error("the journal is closed")]
    Closed,
}

impl From<crate::KeyError> for AppendError {
    fn from(error: crate::KeyError) -> Self {
        match error {
            crate::KeyError::Forgotten => Self::OwnerForgotten,
            other => Self::Database(other.into()),
        }
    }
}
