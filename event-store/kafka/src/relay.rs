//! The relay: publishes what the journal stored, in the order of positions, exactly what is after its checkpoint.

use std::{collections::VecDeque, time::Duration};

use futures_util::FutureExt as _;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, future_producer::Delivery},
};
use spendlog_event_store::{DatabaseError, Journal, Lease, ReadError, Share, StoredEvent, persevere};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{KafkaConfig, Record, Topic, TransportError, partition_of, record::PREVIOUS, topics};

/// So many events are read at a time.
const PAGE: i64 = 500;
/// So many events are under way at most before no more are read.
const WINDOW: usize = 4000;
/// The checkpoint is written down at most so often.
const CHECKPOINT: Duration = Duration::from_millis(100);
/// How often it is looked whether somebody wants the relay to rest, and whether its topic is still the one in use.
const LOOK: Duration = Duration::from_millis(500);
/// How long it rests then before it looks again: long enough for the other one to come first.
const REST: Duration = Duration::from_secs(3);
/// How long what is under way may take after a stop.
const GRACE: Duration = Duration::from_secs(5);

/// The lock of whoever publishes to the topics of this family.
pub(crate) fn relay_lock(family: &str) -> String {
    format!("relay {family}")
}

/// The lock of whoever wants the relay to rest.
pub(crate) fn rest_lock(family: &str) -> String {
    format!("relay {family} rests")
}

/// Publishes the journal to Kafka. Of all processes that run it one does the work; another takes over when it ends.
#[derive(Clone, Debug)]
pub struct Relay {
    journal: Journal,
    kafka: KafkaConfig,
}

/// Why a session ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopped,
    Resting,
    /// Another topic is in use.
    Replaced,
}

impl Relay {
    /// The relay of this journal.
    pub fn new(journal: Journal, kafka: KafkaConfig) -> Self {
        metrics::describe_gauge!(
            "spendlog_relay_lag_events",
            "Events of the journal that are not in Kafka yet."
        );
        metrics::describe_counter!("spendlog_relay_published_total", "Events that were published to Kafka.");
        metrics::describe_counter!(
            "spendlog_relay_failures_total",
            "How often publishing had to begin again."
        );
        Self { journal, kafka }
    }

    /// Publishes until it is stopped. While the broker is away, nothing is; when it is back, publishing goes on after the
    /// checkpoint. After any failure a new producer sends again what the checkpoint does not cover.
    pub async fn run(&self, stop: CancellationToken) {
        persevere("the relay to Kafka", &stop, || Box::pin(self.work(&stop))).await;
    }

    async fn work(&self, stop: &CancellationToken) -> Result<(), TransportError> {
        loop {
            let ended = self.session(stop).await.inspect_err(|_| {
                metrics::counter!("spendlog_relay_failures_total").increment(1);
            });
            match ended? {
                End::Stopped => return Ok(()),
                End::Resting => {
                    let _stopped = stop.run_until_cancelled(tokio::time::sleep(REST)).await;
                }
                End::Replaced => {}
            }
        }
    }

    async fn session(&self, stop: &CancellationToken) -> Result<End, TransportError> {
        let lock = relay_lock(&self.kafka.topic);
        let lease = Lease::take(self.journal.database(), "spendlog-relay", &lock, Share::Alone, stop).await?;
        let Some(lease) = lease else {
            return Ok(End::Stopped);
        };
        // A checkpoint that is lost in a crash only means that some events are published again.
        let quick = "SET synchronous_commit = off";
        lease.client().batch_execute(quick).await.map_err(DatabaseError::from)?;
        let topic = tokio::select! {
            topic = topics::ensure(self.journal.database(), &self.kafka) => topic?,
            () = stop.cancelled() => return Ok(End::Stopped),
        };
        let (name, position) = (&topic.topic, topic.position);
        tracing::info!(topic = name, position, "the relay to Kafka runs");
        let mut session = Session {
            relay: self,
            lease,
            producer: self.kafka.producer().create()?,
            sent: topic.position,
            delivered: topic.position,
            saved: topic.position,
            lasts: topic.lasts.clone(),
            topic,
            page: VecDeque::new(),
            full: false,
            under_way: VecDeque::new(),
        };
        let ended = session.run(stop).await;
        if let Err(TransportError::Lost(_)) = &ended {
            topics::replace(self.journal.database(), &self.kafka, &session.topic).await?;
        }
        ended
    }
}

/// One relay with one producer.
struct Session<'a> {
    relay: &'a Relay,
    lease: Lease,
    producer: FutureProducer,
    topic: Topic,
    /// Everything up to here was given to the producer.
    sent: i64,
    /// The position of the last record of each partition that was given to the producer.
    lasts: Vec<i64>,
    /// Everything up to here is in Kafka.
    delivered: i64,
    /// The checkpoint as it is written down.
    saved: i64,
    /// What was read and not given to the producer yet.
    page: VecDeque<StoredEvent>,
    /// The producer takes no more until something was delivered.
    full: bool,
    /// What was sent and is not known to be in Kafka, by positions.
    under_way: VecDeque<(i64, DeliveryFuture)>,
}

impl Session<'_> {
    async fn run(&mut self, stop: &CancellationToken) -> Result<End, TransportError> {
        let mut head = self.relay.journal.head();
        let (db, kafka) = (self.relay.journal.database().clone(), self.relay.kafka.clone());
        let mut lost = std::pin::pin!(topics::lost(db, kafka, self.topic.topic.clone()));
        let (mut save_at, mut look) = (Instant::now(), tokio::time::interval(LOOK));
        loop {
            let newest = *head.borrow_and_update();
            let lag = u32::try_from((newest - self.delivered).max(0)).unwrap_or(u32::MAX);
            metrics::gauge!("spendlog_relay_lag_events").set(lag);
            if self.delivered > self.saved && Instant::now() >= save_at {
                self.save().await?;
                save_at = Instant::now() + CHECKPOINT;
            }
            // While there is room, nothing is waited for.
            let room = !self.full && self.sent < newest && self.under_way.len() < WINDOW;
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish(End::Stopped).await,
                () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
                () = &mut lost => return Err(self.lost()),
                _ = look.tick() => if let Some(end) = self.look().await? {
                    return self.finish(end).await;
                },
                () = std::future::ready(()), if room => {}
                delivered = front(&mut self.under_way), if !room && !self.under_way.is_empty() => self.deliver(delivered)?,
                more = head.changed(), if !room => if more.is_err() { return self.finish(End::Stopped).await },
                () = tokio::time::sleep_until(save_at), if self.delivered > self.saved => {}
            }
            if room {
                self.send_page().await?;
            }
            while let Some((position, future)) = self.under_way.front_mut()
                && let Some(result) = future.now_or_never()
            {
                let position = *position;
                self.deliver((position, flatten(result)))?;
            }
        }
    }

    /// Why somebody else wants an end of it, if somebody does.
    async fn look(&self) -> Result<Option<End>, TransportError> {
        let Relay { journal, kafka } = self.relay;
        if self.lease.is_taken(&rest_lock(&kafka.topic)).await? {
            return Ok(Some(End::Resting));
        }
        let current = topics::current(journal.database(), &kafka.topic).await?;
        let replaced = current.is_none_or(|current| current.topic != self.topic.topic);
        Ok(replaced.then_some(End::Replaced))
    }

    /// Another topic has to take the place of this one.
    fn lost(&self) -> TransportError {
        TransportError::Lost(self.topic.topic.clone())
    }

    /// Gives the next events to the producer, as far as its buffer, which has a limit of its own, takes them.
    async fn send_page(&mut self) -> Result<(), TransportError> {
        if self.page.is_empty() {
            self.page = self.relay.journal.stored(self.sent, PAGE).await?.into();
        }
        while let Some(event) = self.page.front() {
            let position = event.position;
            let record = Record::of(event).map_err(|_| ReadError::Damaged { position })?;
            let partition = partition_of(event.owner, self.topic.partitions);
            let previous = topics::follow(&mut self.lasts, partition, position);
            let next = FutureRecord::to(&self.topic.topic)
                .partition(partition)
                .key(&record.key)
                .payload(&record.value)
                .timestamp(event.recorded_at_us / 1000)
                .headers(record.kafka_headers(&[(PREVIOUS, &previous.to_string())]));
            match self.producer.send_result(next) {
                Ok(future) => self.under_way.push_back((position, future)),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if !self.under_way.is_empty() => {
                    topics::follow(&mut self.lasts, partition, previous);
                    self.full = true;
                    return Ok(());
                }
                Err((error, _)) => return Err(error.into()),
            }
            self.sent = position;
            self.page.pop_front();
        }
        Ok(())
    }

    /// The oldest event under way is in Kafka; or else this producer is of no use any more.
    fn deliver(&mut self, (position, result): (i64, Result<Delivery, KafkaError>)) -> Result<(), TransportError> {
        let Delivery { partition, offset, .. } = result?;
        if !self.topic.add(position, partition, offset) {
            // Somebody made the topic anew, or a broker had not yet written to its disk what it took.
            return Err(self.lost());
        }
        self.under_way.pop_front();
        (self.delivered, self.full) = (position, false);
        metrics::counter!("spendlog_relay_published_total").increment(1);
        Ok(())
    }

    async fn save(&mut self) -> Result<(), TransportError> {
        const SAVE: &str = "UPDATE es.kafka_topics SET position = $2, ends = $3, lasts = $4 WHERE topic = $1";
        let Topic { topic, ends, lasts, .. } = &self.topic;
        let saved = self
            .lease
            .client()
            .execute(SAVE, &[topic, &self.delivered, ends, lasts])
            .await;
        saved.map_err(DatabaseError::from)?;
        self.saved = self.delivered;
        Ok(())
    }

    /// Waits a little for what is under way, and writes down how far it has come.
    async fn finish(&mut self, end: End) -> Result<End, TransportError> {
        let deadline = Instant::now() + GRACE;
        while !self.under_way.is_empty()
            && let Ok(delivered) = tokio::time::timeout_at(deadline, front(&mut self.under_way)).await
        {
            self.deliver(delivered)?;
        }
        self.save().await?;
        Ok(end)
    }
}

/// What becomes of the oldest event under way. It stays there, so that the waiting can be broken off.
async fn front(under_way: &mut VecDeque<(i64, DeliveryFuture)>) -> (i64, Result<Delivery, KafkaError>) {
    match under_way.front_mut() {
        Some((position, future)) => (*position, flatten(future.await)),
        None => std::future::pending().await,
    }
}

/// A producer that went away, or its refusal, or success.
fn flatten<T, M, E>(result: Result<Result<T, (KafkaError, M)>, E>) -> Result<T, KafkaError> {
    match result {
        Ok(Ok(delivered)) => Ok(delivered),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::Canceled),
    }
}
