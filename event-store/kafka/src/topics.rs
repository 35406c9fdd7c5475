//! Which topic is the current one, how it is made, and who reads it.

use std::{collections::HashMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use spendlog_event_store::Database;
use sqlx::{PgConnection, PgExecutor};

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

/// The topic that is in use, which the brokers have: the first is made, and another one takes the place of one that was lost.
pub(crate) async fn ensure(db: &Database, kafka: &KafkaConfig) -> Result<Topic, TransportError> {
    let there = partitions(kafka).await?;
    if !there.contains_key(&kafka.dead_letters()) {
        make(kafka, &kafka.dead_letters(), 1).await?;
    }
    let Some(topic) = current(db, &kafka.topic).await? else {
        return first(db, kafka, there.get(&kafka.topic).copied()).await;
    };
    if there.get(&topic.topic).is_some_and(|found| *found >= topic.partitions) {
        return Ok(topic);
    }
    tracing::error!(topic = topic.topic, "the topic is lost: another one takes its place");
    let next = make_next(kafka, &topic, topic.partitions).await?;
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
            let empty = is_empty(kafka, &topic).await?;
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

/// Whether nothing was ever written to a topic.
async fn is_empty(kafka: &KafkaConfig, topic: &Topic) -> Result<bool, TransportError> {
    let (kafka, topic) = (kafka.clone(), topic.clone());
    let asked = tokio::task::spawn_blocking(move || -> Result<bool, TransportError> {
        let admin: AdminClient<DefaultClientContext> = kafka.client().create()?;
        for partition in 0..topic.partitions {
            if admin.inner().fetch_watermarks(&topic.topic, partition, PATIENCE)?.1 > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    });
    asked.await.map_err(|_| TransportError::Ended)?
}
