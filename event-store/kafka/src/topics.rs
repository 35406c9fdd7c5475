//! Which topic is the current one, how it is made, and who reads it.

use std::{collections::HashMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use spendlog_event_store::Database;
use sqlx::PgExecutor;

use crate::{KafkaConfig, TransportError};

/// How long the brokers may take to make a topic, or to say what they have.
const PATIENCE: Duration = Duration::from_secs(10);

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
    const CURRENT: &str = "SELECT topic, generation, partitions, position FROM es.kafka_topics WHERE family = $1
        ORDER BY generation DESC LIMIT 1";
    let row: Option<(String, i32, i32, i64)> = sqlx::query_as(CURRENT).bind(family).fetch_optional(db.pool()).await?;
    Ok(row.map(|(topic, generation, partitions, position)| Topic {
        topic,
        generation,
        partitions,
        position,
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

/// The topic that is in use, which the brokers have: the first is made, and one that was lost is made again and filled anew.
pub(crate) async fn ensure(db: &Database, kafka: &KafkaConfig) -> Result<Topic, TransportError> {
    let topic = current(db, &kafka.topic).await?.unwrap_or_else(|| Topic {
        topic: kafka.topic.clone(),
        generation: 1,
        partitions: kafka.partitions,
        position: 0,
    });
    let there = partitions(kafka).await?;
    if !there.contains_key(&kafka.dead_letters()) {
        make(kafka, &kafka.dead_letters(), 1).await?;
    }
    let topic = match there.get(&topic.topic) {
        Some(found) if *found < topic.partitions => {
            let why = format!("it has {found} partitions, and is to have {}", topic.partitions);
            return Err(TransportError::Topic {
                topic: topic.topic,
                why,
            });
        }
        Some(_) => topic,
        None => {
            // What stood in it is gone: before there is a new one, we have published nothing.
            const EMPTY: &str = "UPDATE es.kafka_topics SET position = 0 WHERE topic = $1";
            sqlx::query(EMPTY).bind(&topic.topic).execute(db.pool()).await?;
            make(kafka, &topic.topic, topic.partitions).await?;
            Topic { position: 0, ..topic }
        }
    };
    const RECORD: &str = "INSERT INTO es.kafka_topics (family, generation, topic, partitions) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    let record = sqlx::query(RECORD).bind(&kafka.topic).bind(topic.generation);
    record
        .bind(&topic.topic)
        .bind(topic.partitions)
        .execute(db.pool())
        .await?;
    Ok(topic)
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
