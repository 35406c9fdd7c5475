//! Events that somebody has to look at, in a topic of their own.

use std::time::Duration;

use rdkafka::{
    error::KafkaError,
    producer::{FutureProducer, FutureRecord},
};
use spendlog_event_store::Journal;

use crate::{KafkaConfig, Record, TransportError, topics};

/// How long a record is tried before a new attempt is made of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the next attempt is put off.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes dead letters.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    journal: Journal,
    kafka: KafkaConfig,
    producer: FutureProducer,
}

/// Why an event is one.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    pub(crate) position: i64,
    pub(crate) subscription: &'static str,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
}

impl DeadLetters {
    pub(crate) fn new(journal: Journal, kafka: &KafkaConfig) -> Result<Self, KafkaError> {
        let mut config = kafka.producer();
        // One that is refused must not refuse the others.
        let config = config
            .set("enable.gapless.guarantee", "false")
            .set("message.timeout.ms", "10000");
        Ok(Self {
            journal,
            kafka: kafka.clone(),
            producer: config.create()?,
        })
    }

    /// Publishes the event as it is stored, with the reason, however long that takes.
    pub(crate) async fn send(&self, letter: DeadLetter) {
        loop {
            match self.attempt(&letter).await {
                Ok(()) => return,
                Err(error) => not_yet(&letter, &error),
            }
            tokio::time::sleep(PAUSE).await;
            // Somebody may have deleted the topic. What its loss looks like to a producer is not always the same.
            if let Err(error) = topics::ensure_dead_letters(&self.kafka).await {
                not_yet(&letter, &error);
            }
        }
    }

    async fn attempt(&self, letter: &DeadLetter) -> Result<(), TransportError> {
        let stored = self.journal.stored(letter.position - 1, 1).await?;
        let Some(record) = stored.first().and_then(|event| Record::of(event).ok()) else {
            return Ok(());
        };
        let attempts = letter.attempts.to_string();
        let more = [
            ("subscription", letter.subscription),
            ("reason", letter.reason.as_str()),
            ("attempts", attempts.as_str()),
        ];
        let topic = self.kafka.dead_letters();
        let dead = FutureRecord::to(&topic)
            .key(&record.key)
            .payload(&record.value)
            .headers(record.kafka_headers(&more));
        self.producer.send(dead, PATIENCE).await.map_err(|(error, _)| error)?;
        Ok(())
    }
}

fn not_yet(letter: &DeadLetter, error: &TransportError) {
    let (position, error): (i64, &dyn std::error::Error) = (letter.position, error);
    tracing::warn!(position, error, "a dead letter could not be sent yet");
}
