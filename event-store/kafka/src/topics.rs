//! Which topic is the current one, how it is made, and who reads it.

use std::{collections::HashMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use spendlog_event_store::Database;
use sqlx::{PgConnection, PgExecutor, Row as _};

use crate::{KafkaConfig, TransportError};

/// How long the brokers may take to make a topic, or to say what they have.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the brokers still have the topic in use.
const CHECK: Duration = Duration::from_secs(20);

/// A topic that the journal is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// How many topics of the family there were before, and one.
    pub generation: i32,
    /// How many partitions events are spread over.
    pub partitions: i32,
    /// Everything up to here is in it.
    pub position: i64,
    /// How many records each partition has had at least; nothing is known of those that are not in it.
    pub ends: Vec<i64>,
    /// The position of the last record of each partition; 0, or nothing, where there was none.
    pub lasts: Vec<i64>,
}

impl Topic {
    /// So many records a partition has had at least.
    pub(crate) fn end(&self, partition: i32) -> i64 {
        let index = usize::try_from(partition).ok();
        index
            .and_then(|index| self.ends.get(index))
            .copied()
            .unwrap_or_default()
    }

    /// The record of this position came to this offset of a partition. False where that is not behind those that the partition
    /// has had.
    pub(crate) fn add(&mut self, position: i64, partition: i32, offset: i64) -> bool {
        let end = self.end(partition);
        follow(&mut self.lasts, partition, position);
        // The brokers don't always say where a record is that was sent to them twice.
        if offset >= 0 {
            follow(&mut self.ends, partition, end.max(offset + 1));
        }
        offset < 0 || offset >= end
    }
}

/// Puts a figure in the place of the one that a partition had, which was 0 if there was none, and is given back.
pub(crate) fn follow(figures: &mut Vec<i64>, partition: i32, figure: i64) -> i64 {
    let index = usize::try_from(partition).unwrap_or_default();
    if figures.len() <= index {
        figures.resize(index + 1, 0);
    }
    std::mem::replace(&mut figures[index], figure)
}

/// How far a subscription has come that reads a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Its name.
    pub subscription: String,
    /// Everything up to here is done or parked.
    pub position: i64,
}

/// The topic that is in use; `None` before the relay has made the first.
pub async fn current(db: &Database, family: &str) -> Result<Option<Topic>, TransportError> {
    const CURRENT: &str =
        "SELECT topic, generation, partitions, position, ends, lasts FROM es.kafka_topics WHERE family = $1
        ORDER BY generation DESC LIMIT 1";
    let row = sqlx::query(CURRENT).bind(family).fetch_optional(db.pool()).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Topic {
        topic: row.try_get("topic")?,
        generation: row.try_get("generation")?,
        partitions: row.try_get("partitions")?,
        position: row.try_get("position")?,
        ends: row.try_get("ends")?,
        lasts: row.try_get("lasts")?,
    }))
}

/// The subscriptions that read this topic.
pub async fn subscriptions(db: &Database, topic: &str) -> Result<Vec<SubscriptionState>, TransportError> {
    readers(db.pool(), topic).await
}

/// The same, in a transaction if need be.
pub(crate) async fn readers(
    executor: impl PgExecutor<'_>,
    topic: &str,
) -> Result<Vec<SubscriptionState>, TransportError> {
    const READERS: &str = "SELECT s.name, s.position FROM es.subscriptions s
        WHERE EXISTS (SELECT FROM es.kafka_marks m WHERE m.subscription = s.name AND m.topic = $1) ORDER BY s.name";
    let rows: Vec<(String, i64)> = sqlx::query_as(READERS).bind(topic).fetch_all(executor).await?;
    let states = rows
        .into_iter()
        .map(|(subscription, position)| SubscriptionState { subscription, position });
    Ok(states.collect())
}

/// The topic that is in use, which the brokers have: the first is made, and another one takes the place of one that was lost,
/// or that lost records.
pub(crate) async fn ensure(db: &Database, kafka: &KafkaConfig) -> Result<Topic, TransportError> {
    ensure_dead_letters(kafka).await?;
    let there = partitions(kafka).await?;
    let Some(topic) = current(db, &kafka.topic).await? else {
        return first(db, kafka, there.get(&kafka.topic).copied()).await;
    };
    if is_whole(kafka, &topic, &there).await? {
        return Ok(topic);
    }
    replace(db, kafka, &topic).await
}

/// Makes the topic of dead letters, where the brokers don't have it.
pub(crate) async fn ensure_dead_letters(kafka: &KafkaConfig) -> Result<(), TransportError> {
    let name = kafka.dead_letters();
    if !partitions(kafka).await?.contains_key(&name) {
        make(kafka, &name, 1).await?;
    }
    Ok(())
}

/// Whether the brokers, which have these topics, have this one with as many records as were published to it.
async fn is_whole(kafka: &KafkaConfig, topic: &Topic, there: &HashMap<String, i32>) -> Result<bool, TransportError> {
    if there.get(&topic.topic).is_none_or(|found| *found < topic.partitions) {
        return Ok(false);
    }
    let ends = ends(kafka, topic).await?;
    Ok((0..).zip(ends).all(|(partition, end)| end >= topic.end(partition)))
}

/// Comes to an end when the topic of this name is in use, and lost. That the brokers don't answer says nothing.
pub(crate) async fn lost(db: Database, kafka: KafkaConfig, name: String) {
    loop {
        tokio::time::sleep(CHECK).await;
        match is_lost(&db, &kafka, &name).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "the brokers don't say what they have");
            }
        }
    }
}

async fn is_lost(db: &Database, kafka: &KafkaConfig, name: &str) -> Result<bool, TransportError> {
    // First what must be there, then what is there, which may be more by then.
    let topic = current(db, &kafka.topic).await?.filter(|topic| topic.topic == name);
    let Some(topic) = topic else { return Ok(false) };
    Ok(!is_whole(kafka, &topic, &partitions(kafka).await?).await?)
}

/// Puts an empty topic in the place of one that was lost.
pub(crate) async fn replace(db: &Database, kafka: &KafkaConfig, topic: &Topic) -> Result<Topic, TransportError> {
    tracing::error!(
        topic = topic.topic,
        "the topic, or some of it, is lost: another one takes its place"
    );
    let next = make_next(kafka, topic, topic.partitions).await?;
    let mut transaction = db.pool().begin().await?;
    put_in_use(&mut transaction, kafka, &next).await?;
    // The same owners are in the same partitions, so the marks hold.
    const MOVE: &str = "UPDATE es.kafka_marks SET topic = $2 WHERE topic = $1";
    let moved = sqlx::query(MOVE).bind(&topic.topic).bind(&next.topic);
    moved.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(next)
}

/// The first topic of the family. Where there is one of its name already, it must be as we would have made it.
async fn first(db: &Database, kafka: &KafkaConfig, found: Option<i32>) -> Result<Topic, TransportError> {
    let topic = Topic {
        topic: kafka.topic.clone(),
        generation: 1,
        partitions: kafka.partitions,
        position: 0,
        ends: Vec::new(),
        lasts: Vec::new(),
    };
    let wrong = match found {
        None => {
            make(kafka, &topic.topic, topic.partitions).await?;
            None
        }
        Some(found) if found != topic.partitions => {
            Some(format!("it has {found} partitions, not {}", topic.partitions))
        }
        Some(_) => {
            // Nothing was ever written to it.
            let empty = ends(kafka, &topic).await?.iter().all(|end| *end == 0);
            (!empty).then(|| "it has records already, though this journal has published nothing".to_owned())
        }
    };
    if let Some(why) = wrong {
        let why = format!("{why}; delete it, or name another one in SPENDLOG_KAFKA_TOPIC");
        return Err(TransportError::Topic {
            topic: topic.topic,
            why,
        });
    }
    let mut connection = db.pool().acquire().await?;
    put_in_use(&mut connection, kafka, &topic).await?;
    Ok(topic)
}

/// Makes an empty topic with a name of its own, which can take the place of this one.
pub(crate) async fn make_next(kafka: &KafkaConfig, topic: &Topic, count: i32) -> Result<Topic, TransportError> {
    let there = partitions(kafka).await?;
    // One that was left behind by somebody who was broken off may have another number of partitions.
    let next = (topic.generation + 1..)
        .map(|generation| (generation, format!("{}.{generation}", kafka.topic)))
        .find(|(_, name)| !there.contains_key(name));
    let (generation, name) = next.unwrap_or_default();
    make(kafka, &name, count).await?;
    Ok(Topic {
        topic: name,
        generation,
        partitions: count,
        position: 0,
        ends: Vec::new(),
        lasts: Vec::new(),
    })
}

/// Writes down that this is the topic in use from now on.
pub(crate) async fn put_in_use(
    connection: &mut PgConnection,
    kafka: &KafkaConfig,
    topic: &Topic,
) -> Result<(), TransportError> {
    const USE: &str = "INSERT INTO es.kafka_topics (family, generation, topic, partitions) VALUES ($1, $2, $3, $4)";
    let put = sqlx::query(USE).bind(&kafka.topic).bind(topic.generation);
    put.bind(&topic.topic)
        .bind(topic.partitions)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a topic, unless there is one of this name. Records are kept for ever: who comes later reads all of them.
pub(crate) async fn make(kafka: &KafkaConfig, name: &str, partitions: i32) -> Result<(), TransportError> {
    let admin: AdminClient<DefaultClientContext> = kafka.client().create()?;
    let replication = TopicReplication::Fixed(kafka.replication.unwrap_or(-1));
    let topic = NewTopic::new(name, partitions, replication)
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1");
    let options = AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE));
    for made in admin.create_topics(&[topic], &options).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(TransportError::Topic {
                    topic,
                    why: code.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// The topics that the brokers have, and how many partitions each has.
pub(crate) async fn partitions(kafka: &KafkaConfig) -> Result<HashMap<String, i32>, TransportError> {
    let kafka = kafka.clone();
    let asked = tokio::task::spawn_blocking(move || -> Result<_, TransportError> {
        let admin: AdminClient<DefaultClientContext> = kafka.client().create()?;
        // All topics: asking for one by its name would make it where the brokers are told to do so.
        let metadata = admin.inner().fetch_metadata(None, PATIENCE)?;
        let count = |partitions: usize| i32::try_from(partitions).unwrap_or(i32::MAX);
        let topics = metadata.topics().iter();
        Ok(topics
            .map(|topic| (topic.name().to_owned(), count(topic.partitions().len())))
            .collect())
    });
    asked.await.map_err(|_| TransportError::Ended)?
}

/// How many records the partitions of a topic have had.
async fn ends(kafka: &KafkaConfig, topic: &Topic) -> Result<Vec<i64>, TransportError> {
    let (kafka, topic) = (kafka.clone(), topic.clone());
    let asked = tokio::task::spawn_blocking(move || -> Result<Vec<i64>, TransportError> {
        let admin: AdminClient<DefaultClientContext> = kafka.client().create()?;
        let mut ends = Vec::new();
        for partition in 0..topic.partitions {
            ends.push(admin.inner().fetch_watermarks(&topic.topic, partition, PATIENCE)?.1);
        }
        Ok(ends)
    });
    asked.await.map_err(|_| TransportError::Ended)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_not_behind_the_others_says_that_some_are_lost() {
        let mut topic = Topic {
            topic: "t".to_owned(),
            generation: 1,
            partitions: 3,
            position: 0,
            ends: vec![0, 5],
            lasts: Vec::new(),
        };
        assert!(topic.add(11, 1, 5) && topic.add(12, 1, 6) && topic.add(13, 2, 3) && topic.add(14, 0, 0));
        assert_eq!(topic.ends, [1, 7, 4]);
        // Nothing is known of where it is.
        assert!(topic.add(15, 1, -1001));
        assert!(!topic.add(16, 1, 6), "this offset had another record");
        assert_eq!((topic.ends.as_slice(), topic.end(3)), ([1, 7, 4].as_slice(), 0));
        assert_eq!(topic.lasts, [14, 16, 13]);
    }
}
