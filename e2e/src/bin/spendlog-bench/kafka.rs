//! The way through Kafka: from the journal by the relay to a handler, beside Kafka's own tools.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_trait::async_trait;
use spendlog_event_store::{Event, Feed as _, Handler, Journal, Outcome};
use spendlog_kafka::{KafkaConfig, KafkaFeed, Record, Relay};
use spendlog_kafka_broker::Broker;
use tokio_util::sync::CancellationToken;

use crate::{fixture, fixture::BOOKS, in_turns, report::Measured};

/// How many events a round has.
const EVENTS: u64 = 100_000;
/// How many partitions the topics have.
const PARTITIONS: i32 = 12;

/// Counts what it is given.
struct Count(Arc<AtomicU64>);

#[async_trait]
impl Handler for Count {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn wants(&self, kind: &str, _: &str) -> bool {
        kind == "transaction"
    }

    fn concurrency(&self) -> usize {
        16
    }

    async fn handle(&self, _: &Event) -> Outcome {
        self.0.fetch_add(1, Ordering::Relaxed);
        Outcome::Done
    }
}

/// Events that stand in the journal are published by a relay and handled by a subscription that was waiting for them; beside,
/// the slower one of Kafka's own two performance tools, with records of the same size and a producer with the same promises.
pub(crate) async fn relay(name: &str) -> anyhow::Result<Measured> {
    let broker = Broker::start()
        .await
        .context("Apache Kafka is not installed: scripts/kafka.sh fetches it")?;
    let fixture = fixture().await?;
    let kafka = KafkaConfig {
        brokers: broker.address().to_owned(),
        topic: "bench".to_owned(),
        partitions: PARTITIONS,
        replication: Some(1),
    };
    let handled = Arc::new(AtomicU64::new(0));
    let stop = CancellationToken::new();
    let reading = {
        let (feed, stop, handled) = (
            KafkaFeed::new(fixture.journal.clone(), kafka.clone()),
            stop.clone(),
            handled.clone(),
        );
        tokio::spawn(async move { feed.subscribe(Arc::new(Count(handled)), stop).await })
    };
    // One round that does not count: the topic is made, and the group has met.
    let mut written = BOOKS;
    fixture.fill(written).await?;
    publish(&fixture.journal, &kafka, &handled, written).await?;
    let bytes = record_bytes(&fixture.journal).await?;
    let mut round = 0;
    let ours = async || {
        fixture.fill(EVENTS).await?;
        written += EVENTS;
        let seconds = publish(&fixture.journal, &kafka, &handled, written).await?;
        Ok(EVENTS as f64 / seconds)
    };
    let beside = async || {
        round += 1;
        kafkas_own(&broker, &format!("own-{round}"), bytes).await
    };
    let (ours, beside) = in_turns(ours, beside).await?;
    stop.cancel();
    reading.await?;
    fixture.stop().await?;
    Ok(Measured::of(
        name,
        "events/s",
        "records/s by Kafka's own tools",
        &ours,
        &beside,
    ))
}

/// The seconds that a relay takes from its start until all of them are handled.
async fn publish(journal: &Journal, kafka: &KafkaConfig, handled: &AtomicU64, all: u64) -> anyhow::Result<f64> {
    let stop = CancellationToken::new();
    let (relay, stopped) = (Relay::new(journal.clone(), kafka.clone()), stop.clone());
    let begun = Instant::now();
    let relaying = tokio::spawn(async move { relay.run(stopped).await });
    while handled.load(Ordering::Relaxed) < all {
        anyhow::ensure!(
            begun.elapsed() < Duration::from_secs(120),
            "events don't come through Kafka"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    stop.cancel();
    relaying.await?;
    Ok(seconds)
}

/// Bytes of a record: key, value and headers.
async fn record_bytes(journal: &Journal) -> anyhow::Result<usize> {
    let stored = journal.stored(1, 1).await?;
    let event = stored.first().context("there is an event")?;
    let record = Record::of(event).map_err(|what| anyhow::anyhow!("{what} makes no sense"))?;
    let headers: usize = record.headers.iter().map(|(key, value)| key.len() + value.len()).sum();
    Ok(record.key.len() + record.value.len() + headers)
}

/// Records per second by Kafka's own producer and consumer, whichever is slower.
async fn kafkas_own(broker: &Broker, topic: &str, bytes: usize) -> anyhow::Result<f64> {
    let at = format!("--bootstrap-server {} --topic {topic}", broker.address());
    tool(
        broker,
        "TopicCommand",
        &format!("{at} --create --partitions {PARTITIONS}"),
    )
    .await?;
    let records = format!("--num-records {EVENTS} --record-size {bytes} --throughput -1");
    let promises = "--command-property acks=all enable.idempotence=true compression.type=lz4 linger.ms=2";
    let said = tool(broker, "ProducerPerformance", &format!("{at} {records} {promises}")).await?;
    // `100000 records sent, 84602.368866 records/sec (…`
    let last = said.lines().rfind(|line| line.contains("records sent"));
    let rate = last.and_then(|line| line.split(", ").nth(1)?.split(' ').next());
    let produced: f64 = rate
        .with_context(|| format!("the producer says no rate: {said}"))?
        .parse()?;
    let said = tool(broker, "ConsumerPerformance", &format!("{at} --num-records {EVENTS}")).await?;
    // A head and a line; its last column is `fetch.nMsg.sec`, without the time that the group takes to meet.
    let rate = said
        .lines()
        .rfind(|line| line.starts_with("20"))
        .and_then(|line| line.rsplit(", ").next());
    let consumed: f64 = rate
        .with_context(|| format!("the consumer says no rate: {said}"))?
        .parse()?;
    Ok(produced.min(consumed))
}

async fn tool(broker: &Broker, class: &str, arguments: &str) -> anyhow::Result<String> {
    let mut tool = broker.tool(&format!("org.apache.kafka.tools.{class}"));
    let ended = tool.args(arguments.split(' ')).output().await?;
    let (said, complained) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    anyhow::ensure!(ended.status.success(), "{class}: {said}{complained}");
    Ok(said.into_owned())
}
