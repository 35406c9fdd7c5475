//! Reading.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::Value;

use super::*;
use crate::{
    Archive, Keyring, MasterKey, Reading,
    sample::{MASTER, OWNER, Sample, note, plans, written},
};

async fn positions(journal: &Journal, query: Query) -> Vec<i64> {
    journal
        .read(&query)
        .await
        .unwrap()
        .iter()
        .map(|event| event.position)
        .collect()
}

#[tokio::test]
async fn a_query_limits_by_position_owner_and_kind() {
    let sample = Sample::new().await;
    let (journal, other) = (&sample.journal, Uuid::from_u128(0xB));
    for n in 0..6 {
        let mut append = note(&format!("n{n}"), 0);
        append.streams[0].owner = if n % 2 == 0 { OWNER } else { other };
        append.streams[0].stream.kind = if n < 3 { "note" } else { "letter" };
        journal.append(append).await.unwrap();
    }
    let all = || Query {
        limit: 100,
        ..Query::default()
    };
    assert_eq!(positions(journal, all()).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        positions(
            journal,
            Query {
                after: 2,
                until: Some(4),
                ..all()
            }
        )
        .await,
        [3, 4]
    );
    assert_eq!(
        positions(
            journal,
            Query {
                after: 1,
                limit: 2,
                ..Query::default()
            }
        )
        .await,
        [2, 3]
    );
    assert_eq!(
        positions(
            journal,
            Query {
                owners: Some(vec![other]),
                ..all()
            }
        )
        .await,
        [2, 4, 6]
    );
    assert_eq!(
        positions(
            journal,
            Query {
                kinds: Some(vec!["letter".to_owned()]),
                ..all()
            }
        )
        .await,
        [4, 5, 6]
    );
    let both = Query {
        owners: Some(vec![OWNER]),
        kinds: Some(vec!["letter".to_owned()]),
        after: 1,
        ..all()
    };
    assert_eq!(positions(journal, both).await, [5]);
    assert_eq!(
        positions(
            journal,
            Query {
                owners: Some(vec![]),
                ..all()
            }
        )
        .await,
        [0_i64; 0]
    );
}

#[tokio::test]
async fn streams_are_loaded_together_and_as_they_were() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    for (id, version) in [("a", 0), ("b", 0), ("a", 1), ("a", 2)] {
        journal.append(note(id, version)).await.unwrap();
    }
    let ids = ["a", "b", "c", "a"].map(str::to_owned);
    let streams = journal.load_many("note", &ids).await.unwrap();
    let lengths = |id: &str| {
        streams
            .get(id)
            .map(|events| events.iter().map(|event| event.sequence).collect::<Vec<_>>())
    };
    assert_eq!(
        (lengths("a"), lengths("b"), lengths("c")),
        (Some(vec![1, 2, 3]), Some(vec![1]), None)
    );
    assert_eq!(journal.load_until("note", "a", 3).await.unwrap().len(), 2);
    assert_eq!(journal.load_until("note", "a", 0).await.unwrap().len(), 0);
    assert_eq!(journal.load("letter", "a").await.unwrap().len(), 0);
}

#[tokio::test]
async fn all_is_read_by_pages() {
    use futures_util::StreamExt as _;
    let sample = Sample::new().await;
    let mut append = note("a", 0);
    append.streams[0].events = (0..2500).map(|_| written("x", "y")).collect();
    sample.journal.append(append).await.unwrap();
    for (after, limit, expected) in [
        (0, 9999, 2500),
        (10, 2000, 2000),
        (0, 0, 0),
        (2499, 1, 1),
        (2500, 10, 0),
    ] {
        let mut pages = sample.journal.pages(Query {
            after,
            limit,
            ..Query::default()
        });
        let mut next = after + 1;
        while let Some(page) = pages.next().await {
            for event in page.unwrap() {
                assert_eq!(event.position, next);
                next += 1;
            }
        }
        assert_eq!(next - after - 1, expected);
    }
}

#[tokio::test]
async fn a_time_finds_its_position() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    assert_eq!(
        journal
            .position_at(DateTime::from_timestamp_micros(0).unwrap())
            .await
            .unwrap(),
        0
    );
    let mut times = Vec::new();
    for n in 0..30 {
        let mut append = note(&format!("n{n}"), 0);
        append.streams[0].events = (0..1 + n % 3).map(|_| written("x", "y")).collect();
        let appended = journal.append(append).await.unwrap();
        times.push((appended.recorded_at, appended.position));
    }
    for pair in times.windows(2) {
        let [(time, position), (next, _)] = pair else {
            unreachable!()
        };
        assert!(time < next, "each has a time of its own, or this test says nothing");
        assert_eq!(journal.position_at(*time).await.unwrap(), *position);
        let before = *time - chrono::TimeDelta::microseconds(1);
        assert!(journal.position_at(before).await.unwrap() < *position);
    }
    let last = times.last().unwrap();
    assert_eq!(
        journal.position_at(last.0 + chrono::TimeDelta::days(9)).await.unwrap(),
        last.1
    );
}

/// From version 1, where a note had a `text`, to version 2, where it has a `body`.
struct Renamed;

impl EventUpcaster for Renamed {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == "note.written" && event_version == "1"
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        let note = event.payload["note.written"].as_object_mut().unwrap();
        let text = note.remove("text").unwrap();
        note.insert("body".to_owned(), text);
        event.event_version = "2".to_owned();
        event
    }
}

#[tokio::test]
async fn old_versions_are_brought_up_after_opening() {
    let sample = Sample::new().await;
    sample.journal.append(note("a", 0)).await.unwrap();
    let db = sample.database.database();
    let keyring = Keyring::open(db, MasterKey::from_hex(MASTER).unwrap()).await.unwrap();
    let reading = Reading {
        upcasters: vec![Box::new(Renamed)],
        archive: Archive::new(db, None),
        snapshot_events: None,
    };
    let journal = Journal::open_with(db.clone(), keyring, plans(), reading).await.unwrap();
    let event = journal.load("note", "a").await.unwrap().remove(0);
    assert_eq!(event.version, "2");
    let payload: Value = event.decode().unwrap();
    assert_eq!(payload["note.written"]["body"], "bread and butter");
}

#[tokio::test]
async fn texts_that_are_withheld_are_never_opened() {
    let sample = Sample::new().await;
    let (journal, gone) = (&sample.journal, Uuid::from_u128(0xB));
    let mut theirs = note("theirs", 0);
    theirs.streams[0].owner = gone;
    for append in [note("n", 0), theirs] {
        journal.append(append).await.unwrap();
    }
    journal.forget(&[gone]).await.unwrap();
    let query = Query {
        limit: 10,
        texts: Texts::Withheld,
        ..Query::default()
    };
    let pages: Vec<_> = journal.pages(query.clone()).try_collect().await.unwrap();
    for events in [journal.read(&query).await.unwrap(), pages.concat()] {
        let payloads: Vec<Value> = events.iter().map(|event| event.decode().unwrap()).collect();
        let mark = |name: &str| serde_json::json!({ name: true });
        assert_eq!(payloads[0]["note.written"]["id"], "n", "what is open stays");
        assert_eq!(payloads[0]["note.written"]["text"], mark("withheld"));
        assert_eq!(payloads[0]["note.written"]["tags"][0], mark("withheld"));
        assert_eq!(payloads[1]["note.written"]["text"], mark("forgotten"));
    }
}
