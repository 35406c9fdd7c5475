//! Why the transport came to a stop.

use rdkafka::error::KafkaError;
use spendlog_event_store::{DatabaseError, ReadError};

/// The transport came to a stop. Nothing is lost: it begins again where it was.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Kafka failed, or refused.
    #[error("Kafka failed")]
    Kafka(#[from] KafkaError),
    /// An event could not be read, or opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The topic can't be used as it is.
    #[error("the topic {topic} can't be used: {why}")]
    Topic {
        /// Its name.
        topic: String,
        /// What is wrong with it.
        why: String,
    },
    /// The topic, or some of its records, is there no more.
    #[error("the topic {0} has lost records: another one takes its place, and is filled from the first event on")]
    Lost(String),
    /// Somebody wants the work that only one may do at a time.
    #[error("another process is at work: {0}")]
    Busy(&'static str),
    /// The thread that polls Kafka has ended.
    #[error("the consumer ended by itself")]
    Ended,
}

impl From<sqlx::Error> for TransportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
