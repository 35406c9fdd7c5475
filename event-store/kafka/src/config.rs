//! How to reach Kafka, and what our clients there are like.

use rdkafka::ClientConfig;

/// Kafka, and what is kept there.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Where to ask first: `host:port`, several separated by commas.
    pub brokers: String,
    /// The name of the topic. Later generations are called `<topic>.2`, `<topic>.3`, …; dead letters are in `<topic>.dead`,
    /// and consumer groups are called `<topic>.<subscription>`.
    pub topic: String,
    /// How many partitions a topic is made with.
    pub partitions: i32,
    /// On how many brokers each record is kept; `None`: as the brokers are configured.
    pub replication: Option<i32>,
}

impl KafkaConfig {
    /// The topic of events that somebody has to look at.
    pub fn dead_letters(&self) -> String {
        format!("{}.dead", self.topic)
    }

    /// The consumer group of a subscription.
    pub(crate) fn group(&self, subscription: &str) -> String {
        format!("{}.{subscription}", self.topic)
    }

    /// Settings that all our clients share.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "spendlog")
            // After a broker was away we are back soon.
            .set("reconnect.backoff.max.ms", "2000")
            // A topic that was lost is missed soon.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("topic.metadata.propagation.max.ms", "5000");
        config
    }

    /// Settings of a producer that leaves no gap: what is delivered of a partition is everything up to some record. A batch
    /// that fails for good fails all that are behind it, and no batch is under way while the one before is: a broker that
    /// does not know a producer yet takes whichever of its batches comes first.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("max.in.flight.requests.per.connection", "1")
            // However long the broker is away, nothing is given up.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            .set("queue.buffering.max.kbytes", "65536");
        config
    }

    /// Settings of a consumer of this subscription.
    pub(crate) fn consumer(&self, subscription: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.group(subscription))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            // A member that has died is found out within seconds; brokers allow no less.
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "1000")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "16384")
            // Where that much is fetched ahead, a partition is soon fetched again; usual is a second.
            .set("fetch.queue.backoff.ms", "20");
        config
    }
}
