//! The broker away, and processes that are killed.

use spendlog_event_store::{
    Feed as _, Outcome,
    testing::contract::{self, Recorder, until, write},
};
use spendlog_kafka::KafkaFeed;
use spendlog_kafka_broker::Broker;
use tokio_util::sync::CancellationToken;

use crate::stage::{OnKafka, Running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_nothing_else_stops_and_nothing_is_lost() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let stage = OnKafka::at(broker.address()).await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(2, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 10, 0..5).await;
    until("the first fifty", async || recorder.done() == 50).await;
    broker.stop().await;
    write(&journal, 10, 5..10).await;
    broker.restart().await;
    until("the next fifty", async || recorder.distinct() == 100).await;
    // In the middle of the work, as a failing machine.
    let writing = {
        let journal = journal.clone();
        tokio::spawn(async move { write(&journal, 10, 10..110).await })
    };
    until("some of it", async || recorder.distinct() > 300).await;
    broker.kill().await;
    writing.await.unwrap();
    broker.restart().await;
    until("all of it", async || recorder.distinct() == 1100).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once(), "what came again was known by the marks");
    stage.relay.end().await;
}

/// A runtime that is thrown away with all that runs in it, at any moment: like a process that is killed, but for its sockets.
fn thrown_away(work: impl Future<Output = ()> + Send + 'static) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.spawn(work);
    runtime
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_are_killed_lose_nothing_and_their_repetitions_are_dropped() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(4, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    let OnKafka { database, kafka, relay } = stage;
    // The first one makes the topic.
    write(&journal, 1, 0..1).await;
    until("the first event", async || recorder.done() == 1).await;
    relay.end().await;
    let writing = {
        let journal = journal.clone();
        tokio::spawn(async move {
            for stream in 1..=40 {
                for version in 0..25 {
                    journal.append(contract::note(stream, version)).await.unwrap();
                }
            }
        })
    };
    while !writing.is_finished() {
        let (url, kafka) = (database.url().to_owned(), kafka.clone());
        let victim = thrown_away(async move {
            let relay = spendlog_kafka::Relay::new(contract::journal_at(&url).await, kafka);
            relay.run(CancellationToken::new()).await;
        });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        victim.shutdown_background();
    }
    writing.await.unwrap();
    let relay = Running::start(&journal, &kafka);
    until("all of them", async || recorder.distinct() == 1001).await;
    assert!(recorder.once());
    stop.cancel();
    task.await.unwrap();
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_killed_is_replaced_and_nothing_is_left_out() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(2, |_, _| Outcome::Done);
    write(&journal, 20, 0..20).await;
    for round in 1..4 {
        let (url, kafka, handler) = (stage.database.url().to_owned(), stage.kafka.clone(), recorder.clone());
        let victim = thrown_away(async move {
            let feed = KafkaFeed::new(contract::journal_at(&url).await, kafka);
            feed.subscribe(handler, CancellationToken::new()).await;
        });
        until("some progress", async || recorder.distinct() >= round * 50).await;
        victim.shutdown_background();
    }
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("all of them", async || recorder.distinct() == 400).await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}
