//! More partitions: drain, then switch.
//!
//! An owner's partition follows from the number of partitions, so adding some to a topic would tear the events of owners in
//! two. Instead the relay rests until all subscriptions have read the topic to its end; then a new topic takes its place, is
//! filled from the first event on, and the subscriptions go on in it after what they have done.

use std::time::Duration;

use spendlog_event_store::{Database, DatabaseError, Lease, Share};
use sqlx::{Postgres, Transaction};
use tokio_util::sync::CancellationToken;

use crate::{
    KafkaConfig, SubscriptionState, Topic, TransportError,
    relay::{relay_lock, rest_lock},
    topics,
};

/// How often it is looked how far the subscriptions are.
const LOOK: Duration = Duration::from_millis(500);
/// How long it takes at most until somebody else rests, or turns out to be at the same thing.
const PATIENCE: Duration = Duration::from_secs(20);

/// The topics before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    /// The topic that was in use. It can be deleted.
    pub from: Topic,
    /// The topic that is in use now.
    pub to: Topic,
}

/// Puts a new topic with `kafka.partitions` partitions in the place of the one in use. `progress` hears of the events that are
/// to be drained, all subscriptions together: how many are done, and how many there are. With `drain` not set they are not
/// waited for: the subscriptions then do again what they had done beyond the slowest of their partitions.
///
/// Broken off at any moment it has changed nothing but, perhaps, left an empty topic behind.
pub async fn switch(
    db: &Database,
    kafka: &KafkaConfig,
    drain: bool,
    progress: impl Fn(u64, u64),
) -> Result<Switched, TransportError> {
    // Both go with this process, so that the relay goes on if it is killed.
    let asked = hold(db, &rest_lock(&kafka.topic), "somebody else is switching the topic").await?;
    let resting = hold(db, &relay_lock(&kafka.topic), "the relay does not come to rest").await?;
    let (transaction, switched) = tokio::select! {
        biased;
        // Without them the relay goes on, and publishes what nobody would read.
        () = asked.lost() => return Err(DatabaseError::Unreachable.into()),
        () = resting.lost() => return Err(DatabaseError::Unreachable.into()),
        prepared = prepare(db, kafka, drain, &progress) => prepared?,
    };
    transaction.commit().await?;
    Ok(switched)
}

/// Does all of it but for the commit.
async fn prepare(
    db: &Database,
    kafka: &KafkaConfig,
    drain: bool,
    progress: &impl Fn(u64, u64),
) -> Result<(Transaction<'static, Postgres>, Switched), TransportError> {
    let from = topics::current(db, &kafka.topic)
        .await?
        .ok_or_else(|| TransportError::Topic {
            topic: kafka.topic.clone(),
            why: "nothing was ever published to it; the relay makes it with as many partitions as are configured"
                .to_owned(),
        })?;
    let mut transaction = loop {
        if drain {
            drained(db, &from, progress).await?;
        }
        let mut transaction = db.pool().begin().await?;
        // From here on no subscription begins to read it; one that did in the last moment is waited for.
        const LAST: &str = "SELECT 1 FROM es.kafka_topics WHERE topic = $1 FOR UPDATE";
        sqlx::query(LAST).bind(&from.topic).execute(&mut *transaction).await?;
        let readers = topics::readers(&mut *transaction, &from.topic).await?;
        if !drain || left(&from, &readers) == 0 {
            break transaction;
        }
    };
    let to = topics::make_next(kafka, &from, kafka.partitions).await?;
    topics::put_in_use(&mut transaction, kafka, &to).await?;
    // The subscriptions' own positions say what is done; marks of the old topic say no more.
    const FORGET: &str = "DELETE FROM es.kafka_marks WHERE topic = $1";
    sqlx::query(FORGET).bind(&from.topic).execute(&mut *transaction).await?;
    Ok((transaction, Switched { from, to }))
}

/// Waits for a lock, within limits.
async fn hold(db: &Database, name: &str, otherwise: &'static str) -> Result<Lease, TransportError> {
    let stop = CancellationToken::new();
    let taking = Lease::take(db, "spendlog-switch", name, Share::Alone, &stop);
    match tokio::time::timeout(PATIENCE, taking).await {
        Ok(taken) => taken?.ok_or(TransportError::Busy(otherwise)),
        Err(_) => Err(TransportError::Busy(otherwise)),
    }
}

/// Waits until all subscriptions are done with what is in the topic.
async fn drained(db: &Database, topic: &Topic, progress: &impl Fn(u64, u64)) -> Result<(), TransportError> {
    let mut most = 0;
    loop {
        let left = left(topic, &topics::subscriptions(db, &topic.topic).await?);
        most = left.max(most);
        progress(most - left, most);
        if left == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many events of the topic these have before them, all together.
fn left(topic: &Topic, readers: &[SubscriptionState]) -> u64 {
    let left = readers.iter().map(|reader| topic.position - reader.position);
    left.map(|events| events.max(0).unsigned_abs()).sum()
}
