//! The mirror: what stands in it, and what happens when it can't be written.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use spendlog_event_store::{
    Journal,
    testing::{
        TestDatabase,
        contract::{self, until, write},
    },
};
use spendlog_eventstoredb::event_id;

use crate::{
    messages::{Empty, ExpectedStreamRevision, ProposedMessage},
    server::Server,
    stage::{Stage, relay},
    store::Store,
};

async fn checkpoint(database: &TestDatabase) -> i64 {
    let sql = "SELECT position FROM es.subscriptions WHERE name = 'relay eventstoredb'";
    let position = sqlx::query_scalar(sql)
        .fetch_optional(database.database().pool())
        .await
        .unwrap();
    position.unwrap_or_default()
}

async fn set_checkpoint(database: &TestDatabase, position: i64) {
    let sql = "UPDATE es.subscriptions SET position = $1 WHERE name = 'relay eventstoredb'";
    let set = sqlx::query(sql)
        .bind(position)
        .execute(database.database().pool())
        .await;
    assert_eq!(set.unwrap().rows_affected(), 1);
}

/// The server has each of the journal's events once, in their order.
async fn check_mirror(server: &Server, journal: &Journal) {
    let ids: Vec<_> = server.store().log.iter().map(|kept| kept.id).collect();
    let stored = journal.stored(0, 100).await.unwrap();
    assert_eq!(ids, stored.iter().map(event_id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mirror_has_each_event_as_it_is_stored() {
    let stage = Stage::new().await;
    write(&stage.journal, 3, 0..10).await;
    stage.mirrored(30).await;
    until("the checkpoint", async || checkpoint(&stage.database).await == 30).await;
    let stored = stage.journal.stored(0, 100).await.unwrap();
    let store = stage.server.store();
    assert_eq!(store.log.len(), 30);
    for (kept, event) in store.log.iter().zip(&stored) {
        assert_eq!(kept.stream, format!("note-{}", event.stream));
        assert_eq!(kept.revision as i64, event.sequence - 1);
        assert_eq!(kept.metadata["type"], "note.written");
        assert_eq!(kept.metadata["content-type"], "application/json");
        assert_eq!(kept.data, event.payload.as_bytes());
        assert!(event.payload.contains("sealed:") && !event.payload.contains("bread"));
        assert_eq!(kept.id, event_id(event));
        let custom: Value = serde_json::from_slice(&kept.custom_metadata).unwrap();
        let expected = json!({
            "$correlationId": "00000000-0000-0000-0000-000000000007", "position": event.position, "kind": "note", "version": "1",
            "owner": event.owner, "command_id": event.command_id, "recorded_at_us": event.recorded_at_us,
            "metadata": event.metadata,
        });
        assert_eq!(custom, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_appended_before_the_checkpoint_was_lost_is_not_appended_again() {
    let (database, server) = (TestDatabase::new().await, Server::start().await);
    let journal = contract::journal(&database).await;
    let (stop, task) = relay(&journal, &server);
    write(&journal, 1, 0..3).await;
    until("the first three", async || server.store().log.len() == 3).await;
    stop.cancel();
    task.await.unwrap();
    // Of the run of six that comes now, half is there.
    write(&journal, 1, 3..6).await;
    set_checkpoint(&database, 0).await;
    let (stop, task) = relay(&journal, &server);
    until("the checkpoint", async || checkpoint(&database).await == 6).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(server.shared.refused.load(Ordering::SeqCst), 1);
    // And a run that is there as a whole.
    set_checkpoint(&database, 3).await;
    let (stop, task) = relay(&journal, &server);
    until("the checkpoint", async || checkpoint(&database).await == 6).await;
    stop.cancel();
    task.await.unwrap();
    check_mirror(&server, &journal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_everything_is_filled_again() {
    let (database, server) = (TestDatabase::new().await, Server::start().await);
    let journal = contract::journal(&database).await;
    let (stop, task) = relay(&journal, &server);
    write(&journal, 3, 0..4).await;
    until("the mirror", async || server.store().log.len() == 12).await;
    *server.store() = Store::default();
    write(&journal, 3, 4..6).await;
    until("the mirror", async || server.store().log.len() == 18).await;
    until("the checkpoint", async || checkpoint(&database).await == 18).await;
    stop.cancel();
    task.await.unwrap();
    check_mirror(&server, &journal).await;
    // Where nothing is written either.
    *server.store() = Store::default();
    let (stop, task) = relay(&journal, &server);
    until("the mirror", async || server.store().log.len() == 18).await;
    stop.cancel();
    task.await.unwrap();
    check_mirror(&server, &journal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_somebody_else_has_written_to_stops_the_relay() {
    let (database, server) = (TestDatabase::new().await, Server::start().await);
    let journal = contract::journal(&database).await;
    let theirs = ProposedMessage {
        id: Some(crate::messages::Uuid {
            value: Some(crate::messages::UuidValue::String(
                "00000000-0000-0000-0000-000000000001".to_owned(),
            )),
        }),
        metadata: [("type".to_owned(), "other".to_owned())].into(),
        custom_metadata: Vec::new(),
        data: b"{}".to_vec(),
    };
    let empty = ExpectedStreamRevision::NoStream(Empty {});
    server.store().append("note-s1", empty, vec![theirs]).unwrap();
    write(&journal, 1, 0..2).await;
    let (stop, task) = relay(&journal, &server);
    until("the two before it", async || checkpoint(&database).await == 2).await;
    journal.append(contract::note(1, 0)).await.unwrap();
    until("a refusal", async || server.shared.refused.load(Ordering::SeqCst) > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(checkpoint(&database).await, 2);
    assert_eq!(server.store().stream("note-s1").len(), 1);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_relay_at_a_time_works_and_another_takes_over() {
    let (database, server) = (TestDatabase::new().await, Server::start().await);
    let (first, second) = (contract::journal(&database).await, contract::journal(&database).await);
    let (stop, task) = relay(&first, &server);
    let (other_stop, other_task) = relay(&second, &server);
    write(&first, 4, 0..10).await;
    until("the mirror", async || server.store().log.len() == 40).await;
    stop.cancel();
    task.await.unwrap();
    write(&second, 4, 10..20).await;
    until("the rest", async || server.store().log.len() == 80).await;
    other_stop.cancel();
    other_task.await.unwrap();
    assert_eq!(server.shared.refused.load(Ordering::SeqCst), 0);
    check_mirror(&server, &first).await;
}
