//! A load by way of a snapshot says what a load without one says, whatever has happened.

use std::{collections::BTreeMap, num::NonZero};

use cqrs_es::event_sink::EventSink;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Archive, Keyring, MasterKey, Reading,
    sample::{MASTER, NoteEvent, OWNER, Sample, note, plans, written},
};

/// All texts that were written, and how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Diary {
    texts: BTreeMap<String, u32>,
    last: Option<String>,
}

impl Aggregate for Diary {
    const TYPE: &'static str = "note";
    type Command = ();
    type Event = NoteEvent;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, event: NoteEvent) {
        let NoteEvent::Written { text, .. } = event;
        *self.texts.entry(text.clone()).or_default() += 1;
        self.last = Some(text);
    }
}

async fn journal(sample: &Sample, every: u32) -> Journal {
    let db = sample.database.database();
    let keyring = Keyring::open(db, MasterKey::from_hex(MASTER).unwrap()).await.unwrap();
    let reading = Reading {
        upcasters: vec![],
        archive: Archive::new(db, None),
        snapshot_events: NonZero::new(every),
    };
    Journal::open_with(db.clone(), keyring, plans(), reading).await.unwrap()
}

async fn write(journal: &Journal, id: &str, texts: &[&str]) {
    let version = journal.load("note", id).await.unwrap().len();
    let mut append = note(id, i64::try_from(version).unwrap());
    append.streams[0].events = texts.iter().map(|text| written(id, text)).collect();
    journal.append(append).await.unwrap();
}

async fn load(journal: &Journal, form: i32, id: &str) -> Loaded<Diary> {
    journal.load_state(form, id, i64::MAX).await.unwrap()
}

async fn folded(journal: &Journal, id: &str) -> Loaded<Diary> {
    Loaded::fold(&journal.load("note", id).await.unwrap()).unwrap()
}

/// Stream, sequence and form of each snapshot.
async fn kept(journal: &Journal) -> Vec<(String, i64, i32)> {
    sqlx::query_as("SELECT aggregate_id, sequence, form FROM es.snapshots ORDER BY 1")
        .fetch_all(journal.database().pool())
        .await
        .unwrap()
}

async fn execute(journal: &Journal, sql: &str) {
    sqlx::raw_sql(sql).execute(journal.database().pool()).await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Write { stream: usize, texts: Vec<u8> },
    Load { stream: usize, form: i32, back: i64 },
    Forget,
}

#[test]
fn a_load_is_the_same_with_and_without_a_snapshot() {
    let step = prop_oneof![
        4 => (0..3_usize, vec(0..9_u8, 1..6)).prop_map(|(stream, texts)| Step::Write { stream, texts }),
        4 => (0..3_usize, 1..3, 0..8_i64).prop_map(|(stream, form, back)| Step::Load { stream, form, back }),
        1 => Just(Step::Forget),
    ];
    let histories = (1..6_u32, vec(step, 1..40));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let count = std::cell::Cell::new(0_u128);
    let sample = runtime.block_on(Sample::new());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let ran = runner.run(&histories, |(every, steps)| {
        runtime.block_on(async {
            count.set(count.get() + 1);
            let count = count.get();
            let (journal, owner) = (journal(&sample, every).await, Uuid::from_u128(0xF000 + count));
            let id = |stream: usize| format!("{count}-{stream}");
            let mut forgotten = false;
            for step in steps {
                match step {
                    Step::Write { stream, texts } if !forgotten => {
                        let version = journal.load("note", &id(stream)).await.unwrap().len();
                        let mut append = note(&id(stream), i64::try_from(version).unwrap());
                        append.streams[0].owner = owner;
                        append.streams[0].events =
                            texts.iter().map(|text| written("x", &format!("text {text}"))).collect();
                        journal.append(append).await.unwrap();
                    }
                    Step::Write { .. } => {}
                    Step::Load { stream, form, back } => {
                        let events = journal.load("note", &id(stream)).await.unwrap();
                        let newest = events.last().map_or(0, |event| event.position);
                        for until in [i64::MAX, newest - back] {
                            let found = journal.load_state::<Diary>(form, &id(stream), until).await;
                            let before = journal.load_until("note", &id(stream), until).await.unwrap();
                            // What is forgotten is no text any more: both say so.
                            match Loaded::<Diary>::fold(&before) {
                                Ok(expected) => prop_assert_eq!(found.unwrap(), expected),
                                Err(_) => prop_assert!(found.is_err()),
                            }
                        }
                    }
                    Step::Forget => {
                        journal.forget(&[owner]).await.unwrap();
                        forgotten = true;
                    }
                }
            }
            Ok(())
        })
    });
    ran.unwrap();
}

#[tokio::test]
async fn a_long_stream_is_kept_and_read_on_from_there() {
    let sample = Sample::new().await;
    let journal = journal(&sample, 3).await;
    write(&journal, "a", &["1", "2"]).await;
    load(&journal, 1, "a").await;
    assert_eq!(kept(&journal).await, [], "it is not long yet");
    write(&journal, "a", &["3", "4"]).await;
    load(&journal, 1, "a").await;
    assert_eq!(kept(&journal).await, [("a".to_owned(), 4, 1)]);
    write(&journal, "a", &["5", "6"]).await;
    let loaded = load(&journal, 1, "a").await;
    assert_eq!((loaded.version, loaded.position, loaded.state.texts.len()), (6, 6, 6));
    assert_eq!(kept(&journal).await[0].1, 4, "two more are too few");
    write(&journal, "a", &["7"]).await;
    load(&journal, 1, "a").await;
    assert_eq!(kept(&journal).await[0].1, 7);
    assert_eq!(load(&journal, 1, "nobody").await.version, 0);

    // It is used: the events before it are not looked at.
    execute(&journal, "UPDATE es.events SET payload = '{}' WHERE position = 2").await;
    assert_eq!(load(&journal, 1, "a").await.version, 7);
    assert!(journal.load_state::<Diary>(1, "a", 6).await.is_err());
}

#[tokio::test]
async fn a_snapshot_is_trusted_no_more_than_its_stream() {
    let sample = Sample::new().await;
    let journal = journal(&sample, 3).await;
    for id in ["a", "b"] {
        write(&journal, id, &["1", "2", "3", "4"]).await;
        load(&journal, 1, id).await;
    }
    let whole = folded(&journal, "a").await;
    let changed = [
        // The snapshot.
        "UPDATE es.snapshots SET state = overlay(state placing '\\x00' from 20) WHERE aggregate_id = 'a'",
        "UPDATE es.snapshots SET state = (SELECT state FROM es.snapshots WHERE aggregate_id = 'b') WHERE aggregate_id = 'a'",
        "UPDATE es.snapshots SET sequence = 3 WHERE aggregate_id = 'a'",
        "UPDATE es.snapshots SET sequence = 9 WHERE aggregate_id = 'a'",
        // The event that it was made after.
        "UPDATE es.events SET recorded_at = recorded_at + interval '1 microsecond' WHERE position = 4",
    ];
    for sql in changed {
        execute(&journal, sql).await;
        assert_eq!(load(&journal, 1, "a").await, whole, "{sql}");
        // And it is made anew.
        execute(&journal, "DELETE FROM es.snapshots WHERE sequence = 9").await;
        assert_eq!(load(&journal, 1, "a").await, whole, "{sql}");
        assert_eq!(kept(&journal).await[0], ("a".to_owned(), 4, 1), "{sql}");
    }
    execute(&journal, "DELETE FROM es.events WHERE position = 4").await;
    assert_eq!(load(&journal, 1, "a").await.version, 3);
}

#[tokio::test]
async fn a_state_of_another_form_is_ignored_and_made_anew() {
    let sample = Sample::new().await;
    let journal = journal(&sample, 2).await;
    write(&journal, "a", &["1", "2", "3"]).await;
    load(&journal, 1, "a").await;
    assert_eq!(load(&journal, 2, "a").await, folded(&journal, "a").await);
    assert_eq!(kept(&journal).await, [("a".to_owned(), 3, 2)]);
}

#[tokio::test]
async fn a_snapshot_is_sealed_and_goes_with_its_owner() {
    let sample = Sample::new().await;
    let journal = journal(&sample, 1).await;
    write(&journal, "a", &["Zwetschgenknödel"]).await;
    load(&journal, 1, "a").await;
    let state: Vec<u8> = sqlx::query_scalar("SELECT state FROM es.snapshots")
        .fetch_one(journal.database().pool())
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&state).contains("Zwetsch"));
    journal.forget(&[OWNER]).await.unwrap();
    assert_eq!(kept(&journal).await, []);
    let _forgotten = journal.load_state::<Diary>(1, "a", i64::MAX).await;
    assert_eq!(kept(&journal).await, [], "it never comes back");
}
