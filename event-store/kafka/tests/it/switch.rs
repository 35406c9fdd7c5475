//! More partitions, and a topic that was lost.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use spendlog_event_store::{
    Journal, Outcome,
    testing::{
        TestDatabase,
        contract::{self, Recorder, until, write},
    },
};
use spendlog_kafka::{KafkaConfig, current, switch};
use spendlog_kafka_broker::Broker;

use crate::stage::{OnKafka, Running, client, delete_topic, send_garbage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_switch_each_event_comes_once_and_in_order_and_the_new_topic_has_all() {
    // The imitation makes no topics.
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(3, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 20, 0..10).await;
    let writing = {
        let journal = journal.clone();
        tokio::spawn(async move { write(&journal, 20, 10..40).await })
    };
    let mut kafka = stage.kafka.clone();
    kafka.partitions = 7;
    let db = stage.database.database();
    let switched = switch(db, &kafka, true, |_, _| ()).await.unwrap();
    assert_eq!((switched.from.partitions, switched.to.partitions), (3, 7));
    assert_eq!(switched.to.topic, format!("{}.2", stage.kafka.topic));
    writing.await.unwrap();
    until("all of them", async || recorder.done() >= 800).await;
    stage.published(800).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once());
    let mut last = BTreeMap::new();
    for (position, stream) in recorder.all() {
        assert!(last.insert(stream, position).is_none_or(|before| before < position));
    }
    let records = stage.records(&switched.to.topic).await;
    assert_eq!(records.len(), 800);
    let mut last = BTreeMap::new();
    for record in &records {
        assert!(
            last.insert(record.partition, record.position())
                .is_none_or(|before| before < record.position())
        );
    }
    assert_eq!(last.len(), 7, "all partitions are used");
    // Who comes new reads everything.
    let late = Recorder::new(3, |_, _| Outcome::Done);
    sqlx::query("UPDATE es.subscriptions SET position = 0")
        .execute(db.pool())
        .await
        .unwrap();
    sqlx::query("DELETE FROM es.kafka_marks")
        .execute(db.pool())
        .await
        .unwrap();
    let again = switch(db, &kafka, false, |_, _| ()).await.unwrap();
    assert_eq!(again.to.generation, 3);
    let (stop, task) = late.start(&stage.feed(&journal));
    until("everything once more", async || late.done() == 800).await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

/// A subscription that was stopped, with ten events done and ten before it: nobody drains the topic.
async fn stopped_half_way(stage: &OnKafka, journal: &Journal) -> Arc<Recorder> {
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(journal));
    write(journal, 5, 0..2).await;
    until("the first ten", async || recorder.done() == 10).await;
    stop.cancel();
    task.await.expect("it comes to an end");
    write(journal, 5, 2..4).await;
    stage.published(20).await;
    recorder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_is_broken_off_changes_nothing() {
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = stopped_half_way(&stage, &journal).await;
    let waiting = switch(stage.database.database(), &stage.kafka, true, |_, _| ());
    let broken_off = tokio::time::timeout(Duration::from_secs(6), waiting).await;
    assert!(broken_off.is_err(), "it waits for whoever reads the topic");
    // The relay goes on by itself, to the same topic.
    write(&journal, 5, 4..6).await;
    stage.published(30).await;
    let topic = current(stage.database.database(), &stage.kafka.topic)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((topic.generation, topic.partitions), (1, 3));
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("all thirty", async || recorder.done() == 30).await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_loses_its_locks_is_broken_off() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    stopped_half_way(&stage, &journal).await;
    let (db, draining) = (stage.database.database(), AtomicBool::new(false));
    let switching = switch(db, &stage.kafka, true, |_, _| draining.store(true, Ordering::SeqCst));
    let cutting = async {
        until("the drain", async || draining.load(Ordering::SeqCst)).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'spendlog-switch'";
        sqlx::query(cut).execute(db.pool()).await.unwrap();
    };
    let both = async { tokio::join!(switching, cutting) };
    let (switched, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    assert!(switched.is_err(), "{switched:?}");
    write(&journal, 5, 4..6).await;
    stage.published(30).await;
    let topic = current(db, &stage.kafka.topic).await.unwrap().unwrap();
    assert_eq!(topic.generation, 1);
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_topic_takes_the_place_of_one_that_was_lost() {
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 5, 0..4).await;
    until("the first twenty", async || recorder.done() == 20).await;
    delete_topic(&stage.kafka, &stage.kafka.topic).await;
    write(&journal, 5, 4..6).await;
    until("all thirty", async || recorder.done() >= 30).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once(), "the marks went along");
    stage.published(30).await;
    let topic = current(stage.database.database(), &stage.kafka.topic)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((topic.generation, topic.partitions), (2, 3));
    assert_eq!(stage.records(&topic.topic).await.len(), 30);
    stage.relay.end().await;
}

/// Deletes the topic, and makes an empty one of its name, as somebody might who wants to mend something.
async fn make_anew(kafka: &KafkaConfig) {
    let (admin, options): (AdminClient<DefaultClientContext>, _) = (client(kafka), AdminOptions::new());
    delete_topic(kafka, &kafka.topic).await;
    until("an empty topic", async || {
        let topic = NewTopic::new(&kafka.topic, kafka.partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics(&[topic], &options).await.expect("it is made");
        made.iter().all(Result::is_ok)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_a_topic_for_read_that_somebody_made_anew() {
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..4).await;
    stage.published(20).await;
    let OnKafka { database, kafka, relay } = stage;
    relay.end().await;
    make_anew(&kafka).await;
    let relay = Running::start(&journal, &kafka);
    let stage = OnKafka { database, kafka, relay };
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("all twenty", async || recorder.done() == 20).await;
    stop.cancel();
    task.await.unwrap();
    let topic = current(stage.database.database(), &stage.kafka.topic)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((topic.generation, topic.partitions), (2, 3));
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_runs_notices_that_the_topic_was_made_anew() {
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..4).await;
    stage.published(20).await;
    make_anew(&stage.kafka).await;
    // The twenty are in no topic any more. Who takes what is behind them for the next never hears of them.
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 5, 4..5).await;
    until("all of them", async || recorder.distinct() == 25).await;
    stop.cancel();
    task.await.unwrap();
    stage.published(25).await;
    let topic = current(stage.database.database(), &stage.kafka.topic)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(topic.generation, 2);
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_behind_deleted_records_is_taken_before_they_are_there_again() {
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..4).await;
    stage.published(20).await;
    let admin: AdminClient<DefaultClientContext> = client(&stage.kafka);
    let mut all = TopicPartitionList::new();
    for partition in 0..stage.kafka.partitions {
        all.add_partition_offset(&stage.kafka.topic, partition, Offset::End)
            .unwrap();
    }
    admin.delete_records(&all, &AdminOptions::new()).await.unwrap();
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 5, 4..5).await;
    stage.published(25).await;
    // Nor does what is none of ours, behind them, make a partition count as read.
    send_garbage(&stage.kafka).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(recorder.distinct(), 0, "the first twenty are not there");
    switch(stage.database.database(), &stage.kafka, false, |_, _| {})
        .await
        .unwrap();
    until("all of them", async || recorder.distinct() == 25).await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_with_records_of_another_journal_is_left_alone() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..4).await;
    stage.published(20).await;
    let other = TestDatabase::new().await;
    let journal = contract::journal(&other).await;
    let intruder = Running::start(&journal, &stage.kafka);
    write(&journal, 5, 0..2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(current(other.database(), &stage.kafka.topic).await.unwrap(), None);
    assert_eq!(stage.records(&stage.kafka.topic).await.len(), 20);
    intruder.end().await;
    stage.relay.end().await;
}
