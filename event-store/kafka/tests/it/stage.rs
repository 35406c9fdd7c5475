//! A database and a topic of a test's own, with a relay between them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    config::FromClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    message::Headers as _,
    mocking::MockCluster,
    producer::{FutureProducer, FutureRecord},
};
use spendlog_event_store::{
    Feed, Journal,
    testing::{
        TestDatabase,
        contract::{self, Stage, until},
    },
};
use spendlog_kafka::{KafkaConfig, KafkaFeed, Relay, current};
use spendlog_kafka_broker::Broker;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct OnKafka {
    pub(crate) database: TestDatabase,
    pub(crate) kafka: KafkaConfig,
    pub(crate) relay: Running,
}

/// A relay that runs.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(journal: &Journal, kafka: &KafkaConfig) -> Self {
        let (relay, stop) = (Relay::new(journal.clone(), kafka.clone()), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { relay.run(stopped).await });
        Self { stop, task }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("the relay ends");
    }
}

/// A record as it stands in a topic.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Found {
    pub(crate) fn position(&self) -> i64 {
        self.headers["ce_id"].parse().expect("an id is a position")
    }
}

impl OnKafka {
    /// On the broker that all tests share, or on an imitation.
    pub(crate) async fn new() -> Self {
        match Broker::shared().await {
            Some(broker) => Self::at(broker.address()).await,
            None => {
                let cluster = imitation();
                let stage = Self::at(&cluster.bootstrap_servers()).await;
                for topic in [stage.kafka.topic.clone(), stage.kafka.dead_letters()] {
                    let made = cluster.create_topic(&topic, stage.kafka.partitions, 1);
                    made.expect("the imitation makes topics");
                }
                stage
            }
        }
    }

    /// On these brokers.
    pub(crate) async fn at(brokers: &str) -> Self {
        let database = TestDatabase::new().await;
        let kafka = KafkaConfig {
            brokers: brokers.to_owned(),
            topic: format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)),
            partitions: 3,
            replication: None,
        };
        let relay = Running::start(&contract::journal(&database).await, &kafka);
        Self { database, kafka, relay }
    }

    pub(crate) fn feed(&self, journal: &Journal) -> Arc<dyn Feed> {
        Arc::new(KafkaFeed::new(journal.clone(), self.kafka.clone()))
    }

    /// Waits until everything up to here is published.
    pub(crate) async fn published(&self, position: i64) {
        until("publishing", async || {
            let topic = current(self.database.database(), &self.kafka.topic)
                .await
                .expect("it can be asked");
            topic.is_some_and(|topic| topic.position >= position)
        })
        .await;
    }

    /// All records of a topic that are there now.
    pub(crate) async fn records(&self, topic: &str) -> Vec<Found> {
        let (brokers, topic) = (self.kafka.brokers.clone(), topic.to_owned());
        let reading = tokio::task::spawn_blocking(move || read(&brokers, &topic));
        reading.await.expect("the topic can be read")
    }
}

#[async_trait]
impl Stage for OnKafka {
    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn feed(&self, journal: &Journal) -> Arc<dyn Feed> {
        Self::feed(self, journal)
    }
}

/// An admin's client, or a producer, with no settings of its own.
pub(crate) fn client<T: FromClientConfig>(kafka: &KafkaConfig) -> T {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.brokers)
        .create()
        .expect("a client")
}

/// Deletes a topic, as somebody might.
pub(crate) async fn delete_topic(kafka: &KafkaConfig, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = client(kafka);
    let gone = admin.delete_topics(&[topic], &AdminOptions::new()).await;
    let gone = gone.expect("it is deleted");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
}

/// Sends a record that is none of the journal's to each partition of the topic, as somebody might.
pub(crate) async fn send_garbage(kafka: &KafkaConfig) {
    let producer: FutureProducer = client(kafka);
    for partition in 0..kafka.partitions {
        let record = FutureRecord::to(&kafka.topic).partition(partition);
        let record = record.key("x").payload("\u{0}garbage");
        let sent = producer.send(record, Duration::from_secs(10)).await;
        assert!(sent.is_ok(), "{sent:?}");
    }
}

/// librdkafka's imitation of a cluster, which lasts as long as this process.
pub(crate) fn imitation() -> &'static MockCluster<'static, rdkafka::producer::DefaultProducerContext> {
    Box::leak(Box::new(MockCluster::new(1).expect("the imitation starts")))
}

fn read(brokers: &str, topic: &str) -> Vec<Found> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "spectator")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer can be made");
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("the topic is known");
    let (mut list, mut left) = (TopicPartitionList::new(), 0);
    for partition in metadata.topics()[0].partitions() {
        let marks = consumer.fetch_watermarks(topic, partition.id(), PATIENCE);
        left += marks.expect("a partition has an end").1;
        let added = list.add_partition_offset(topic, partition.id(), Offset::Beginning);
        added.expect("a partition can be named");
    }
    consumer.assign(&list).expect("partitions can be assigned");
    let mut found = Vec::new();
    while left > 0 {
        let Some(message) = consumer.poll(PATIENCE) else {
            panic!("{left} records of {topic} don't come")
        };
        let message = message.expect("a record can be read");
        left -= 1;
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        let headers = message.headers().expect("a record has headers").iter();
        found.push(Found {
            partition: message.partition(),
            key: text(message.key()),
            value: text(message.payload()),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value)))
                .collect(),
        });
    }
    found
}
