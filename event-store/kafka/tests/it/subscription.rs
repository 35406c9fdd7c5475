//! Subscriptions through Kafka: groups, marks, dead letters.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jsonschema::{Retrieve, Uri, Validator};
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use serde_json::{Value, json};
use spendlog_event_store::{
    Outcome, parked, subscription_position,
    testing::contract::{self, Recorder, until, write},
};
use spendlog_kafka_broker::Broker;

use crate::stage::{OnKafka, client, delete_topic, send_garbage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_work_and_a_third_of_it_moves_when_one_joins() {
    let stage = OnKafka::new().await;
    let (first, second) = (
        contract::journal(&stage.database).await,
        contract::journal(&stage.database).await,
    );
    let (one, other) = (
        Recorder::new(2, |_, _| Outcome::Done),
        Recorder::new(2, |_, _| Outcome::Done),
    );
    let (stop_one, task_one) = one.start(&stage.feed(&first));
    write(&first, 30, 0..5).await;
    until("the first alone", async || one.done() == 150).await;
    let (stop_other, task_other) = other.start(&stage.feed(&second));
    // Until the second one has a part of the work, and some more.
    let mut version = 5;
    until("the second one's part", async || {
        write(&first, 30, version..version + 1).await;
        version += 1;
        other.done() > 50
    })
    .await;
    let all = 30 * usize::try_from(version).unwrap();
    until("all of it", async || one.done() + other.done() >= all).await;
    stop_one.cancel();
    stop_other.cancel();
    task_one.await.unwrap();
    task_other.await.unwrap();
    let mut done: Vec<i64> = one
        .all()
        .iter()
        .chain(&other.all())
        .map(|(position, _)| *position)
        .collect();
    done.sort_unstable();
    assert_eq!(
        done,
        (1..=i64::try_from(all).unwrap()).collect::<Vec<_>>(),
        "each event once, with one of them"
    );
    stage.relay.end().await;
}

/// More than a subscription takes in hand at once, and for longer than it waits before it has fetching stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_held_back_while_a_handler_took_long_comes_once() {
    const EVENTS: usize = 2500;
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 100, 0..25).await;
    let opens = Instant::now() + Duration::from_secs(5);
    let recorder = Recorder::new(1, move |_, _| {
        std::thread::sleep(opens.saturating_duration_since(Instant::now()));
        Outcome::Done
    });
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("all of them", async || recorder.done() == EVENTS).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once());
    assert!(Instant::now() > opens);
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_twice_is_handled_once() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let recorder = Recorder::new(4, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 10, 0..6).await;
    until("the first sixty", async || recorder.done() == 60).await;
    let OnKafka { database, kafka, relay } = stage;
    // As after a crash in which the checkpoint was lost.
    relay.end().await;
    let back = "UPDATE es.kafka_topics SET position = 13";
    sqlx::query(back).execute(database.database().pool()).await.unwrap();
    let relay = crate::stage::Running::start(&journal, &kafka);
    let stage = OnKafka { database, kafka, relay };
    write(&journal, 10, 6..8).await;
    until("all eighty", async || recorder.distinct() == 80).await;
    stage.published(80).await;
    assert_eq!(stage.records(&stage.kafka.topic).await.len(), 80 + 60 - 13);
    // Where the offsets are lost as well, the marks still say what is done.
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once());
    if Broker::shared().await.is_some() {
        let admin: AdminClient<DefaultClientContext> = client(&stage.kafka);
        let group = format!("{}.recorder", stage.kafka.topic);
        let gone = admin.delete_groups(&[&group], &AdminOptions::new()).await.unwrap();
        assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    }
    let again = Recorder::new(4, |_, _| Outcome::Done);
    let (stop, task) = again.start(&stage.feed(&journal));
    write(&journal, 10, 8..9).await;
    until("ten more", async || again.done() >= 10).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(again.done(), 10);
    stage.relay.end().await;
}

/// Schemas of headers, which refer to each other by their files' names.
struct Schemas;

impl Retrieve for Schemas {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/kafka");
        let text = fs::read_to_string(folder.join(uri.path().as_str().trim_start_matches('/')))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// What `schemas/asyncapi.yaml` says of a dead letter's headers.
fn dead_letter_headers() -> Validator {
    let schema = json!({"$ref": "dead-letter-headers.json"});
    jsonschema::options()
        .with_retriever(Schemas)
        .build(&schema)
        .expect("they are schemas")
}

#[test]
fn what_is_no_dead_letter_is_found() {
    assert!(!dead_letter_headers().is_valid(&json!({"subscription": "a", "reason": "b", "attempts": "1"})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisonous_event_becomes_a_dead_letter_and_can_be_replayed() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    let mended = Arc::new(AtomicBool::new(false));
    let whole = mended.clone();
    let recorder = Recorder::new(2, move |event, _| {
        if event.position == 7 && !whole.load(Ordering::SeqCst) {
            Outcome::Park("it is poisonous".to_owned())
        } else {
            Outcome::Done
        }
    });
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 5, 0..4).await;
    until("all others", async || recorder.done() == 19).await;
    let dead = stage.kafka.dead_letters();
    until("the dead letter", async || stage.records(&dead).await.len() == 1).await;
    let letter = &stage.records(&dead).await[0];
    assert_eq!(letter.position(), 7);
    let header = |name: &str| letter.headers[name].as_str();
    assert_eq!(
        (header("subscription"), header("reason"), header("attempts")),
        ("recorder", "it is poisonous", "1")
    );
    let headers = serde_json::to_value(&letter.headers).unwrap();
    let faults: Vec<String> = dead_letter_headers()
        .iter_errors(&headers)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?} in {headers}");
    assert!(letter.value.contains("sealed:"), "it is sealed as the event is");
    // It holds up nothing: the subscription's position goes past it.
    let position = "SELECT position FROM es.subscriptions WHERE name = 'recorder'";
    until("the position", async || {
        let position: i64 = sqlx::query_scalar(position)
            .fetch_one(stage.database.database().pool())
            .await
            .unwrap();
        position == 20
    })
    .await;
    mended.store(true, Ordering::SeqCst);
    assert_eq!(parked::replay(stage.database.database(), None).await.unwrap(), 1);
    until("the last one", async || recorder.done() == 20).await;
    until("nothing parked", async || {
        parked::list(stage.database.database(), None).await.unwrap().is_empty()
    })
    .await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_dead_letters_that_was_deleted_is_made_again() {
    // The imitation makes no topics.
    if Broker::shared().await.is_none() {
        return;
    }
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..1).await;
    stage.published(5).await;
    let dead = stage.kafka.dead_letters();
    delete_topic(&stage.kafka, &dead).await;
    let recorder = Recorder::new(1, |event, _| match event.position {
        3 => Outcome::Park("it is poisonous".to_owned()),
        _ => Outcome::Done,
    });
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("the position", async || {
        let db = stage.database.database();
        subscription_position(db, "recorder").await.unwrap() == 5
    })
    .await;
    assert_eq!(stage.records(&dead).await[0].position(), 3);
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_others_are_passed_over() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..2).await;
    stage.published(10).await;
    let producer: FutureProducer = client(&stage.kafka);
    let genuine = stage.records(&stage.kafka.topic).await;
    let nobody = uuid::Uuid::from_u128(4711).to_string();
    let headers = |position: &str, owner: Option<&str>| {
        let own = genuine[0].headers.iter().filter(|(name, _)| name.as_str() != "ce_id");
        let headers = own.fold(OwnedHeaders::new(), |headers, (key, value)| {
            let value = match (key.as_str(), owner) {
                ("ce_partitionkey", Some(owner)) => owner,
                _ => value.as_str(),
            };
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        headers.insert(Header {
            key: "ce_id",
            value: Some(position),
        })
    };
    // Garbage; an event that the journal will perhaps have one day; another owner, who has no key, in the place of one that it has,
    // and another text.
    for (headers, value) in [
        (OwnedHeaders::new(), "\u{0}garbage"),
        (headers("4611686018427387904", None), genuine[0].value.as_str()),
        (headers("10", Some(nobody.as_str())), genuine[0].value.as_str()),
        (headers("11", None), "{\"note.written\":{\"text\":\"sealed:AAAA\"}}"),
    ] {
        for partition in 0..3 {
            let record = FutureRecord::to(&stage.kafka.topic).partition(partition);
            let record = record.key("x").payload(value).headers(headers.clone());
            let sent = producer.send(record, std::time::Duration::from_secs(10)).await;
            sent.map_err(|(error, _)| error).unwrap();
        }
    }
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    write(&journal, 5, 2..4).await;
    until("all that is ours", async || recorder.distinct() == 20).await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_others_at_the_end_of_the_partitions_hold_up_nothing() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..2).await;
    stage.published(10).await;
    send_garbage(&stage.kafka).await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed(&journal));
    until("the position", async || {
        let db = stage.database.database();
        subscription_position(db, "recorder").await.unwrap() == 10
    })
    .await;
    stop.cancel();
    task.await.unwrap();
    stage.relay.end().await;
}
