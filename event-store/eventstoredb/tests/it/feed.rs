//! Subscriptions: what every transport must hold, and what goes wrong with this one.

use std::sync::{Arc, atomic::Ordering};

use spendlog_event_store::{
    Outcome, StoredEvent,
    testing::contract::{Recorder, until, write},
};
use spendlog_eventstoredb::{EventStoreDb, event_id};

use crate::{server::End, stage::Stage, store::Kept};

spendlog_event_store::feed_contract!(Stage::new().await);

fn recorder() -> Arc<Recorder> {
    Recorder::new(2, |_, _| Outcome::Done)
}

async fn set_position(stage: &Stage, name: &str, position: i64) {
    let sql = "UPDATE es.subscriptions SET position = $2 WHERE name = $1";
    let set = sqlx::query(sql).bind(name).bind(position);
    set.execute(stage.database.database().pool()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_the_server_ends_begins_again() {
    let stage = Stage::new().await;
    let recorder = recorder();
    let (stop, task) = recorder.start(&stage.feed());
    for (round, how) in [(1, End::Dropped), (2, End::Well), (3, End::Dropped)] {
        write(&stage.journal, 5, round * 4 - 4..round * 4).await;
        let so_far = usize::try_from(round).unwrap() * 20;
        until("this round", async || recorder.done() >= so_far).await;
        stage.server.end(how);
    }
    write(&stage.journal, 5, 12..13).await;
    until("the end", async || recorder.distinct() == 65).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_nothing_is_lost() {
    let mut stage = Stage::new().await;
    let recorder = recorder();
    let (stop, task) = recorder.start(&stage.feed());
    write(&stage.journal, 5, 0..4).await;
    until("the beginning", async || recorder.done() == 20).await;
    stage.server.stop();
    write(&stage.journal, 5, 4..8).await;
    stage.server.restart().await;
    until("the end", async || recorder.distinct() == 40).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_twice_and_out_of_order_is_handled_once_and_in_order() {
    let stage = Stage::new().await;
    stage.server.shared.disorder.store(true, Ordering::SeqCst);
    write(&stage.journal, 3, 0..30).await;
    stage.mirrored(90).await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&stage.feed());
    until("the end", async || recorder.done() >= 90).await;
    write(&stage.journal, 3, 30..40).await;
    until("the rest", async || recorder.done() >= 120).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once());
    let positions: Vec<i64> = recorder.all().into_iter().map(|(position, _)| position).collect();
    assert_eq!(positions, Vec::from_iter(1..=120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_but_not_written_down_before_a_crash_is_read_from_the_journal() {
    let stage = Stage::new().await;
    let recorder = recorder();
    let (stop, task) = recorder.start(&stage.feed());
    write(&stage.journal, 5, 0..4).await;
    until("the end", async || recorder.done() == 20).await;
    stop.cancel();
    task.await.unwrap();
    // The server will not deliver these again.
    set_position(&stage, "recorder", 7).await;
    let (stop, task) = recorder.start(&stage.feed());
    until("those after the seventh again", async || recorder.done() == 33).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(recorder.distinct(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_in_the_server_or_is_not_ours_reaches_no_handler() {
    let stage = Stage::new().await;
    write(&stage.journal, 2, 0..5).await;
    stage.mirrored(10).await;
    let second = stage.journal.stored(1, 1).await.unwrap().remove(0);
    {
        let mut store = stage.server.store();
        let theirs = Kept {
            id: uuid::Uuid::from_u128(1),
            stream: "note-s0".to_owned(),
            revision: 5,
            metadata: [("type".to_owned(), "note.written".to_owned())].into(),
            custom_metadata: Vec::new(),
            data: br#"{"note.written":{"text":"not ours"}}"#.to_vec(),
        };
        store.log.insert(3, theirs);
        let altered = String::from_utf8(store.log[6].data.clone()).unwrap();
        store.log[6].data = altered.replace("sealed:", "sealed:A").into_bytes();
        // As if the journal had gone on, and an older backup of it had been restored.
        let mut copy = store.log[1].clone();
        let metadata = String::from_utf8(copy.custom_metadata).unwrap();
        copy.custom_metadata = metadata.replace("\"position\":2,", "\"position\":4000,").into_bytes();
        copy.id = event_id(&StoredEvent {
            position: 4000,
            ..second
        });
        store.log.push(copy);
    }
    // The recorder itself asserts that what it gets is what was written.
    let recorder = recorder();
    let (stop, task) = recorder.start(&stage.feed());
    until("all ten", async || recorder.done() == 10).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.once());
}

#[test]
fn a_connection_string_is_checked_and_its_password_not_shown() {
    assert!(EventStoreDb::new("http://localhost:2113").is_err());
    let error = EventStoreDb::new("esdb://admin:secret@localhost:nowhere").unwrap_err();
    assert!(!error.to_string().contains("secret"));
    let server = EventStoreDb::new("esdb://admin:secret@localhost:2113?tls=false").unwrap();
    assert_eq!(
        format!("{server:?}"),
        r#"EventStoreDb { hosts: ["localhost:2113"], .. }"#
    );
}
