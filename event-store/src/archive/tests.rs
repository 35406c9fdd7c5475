//! Moved events read as they did before, are never half moved, and are found when they are changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::{ObjectStoreExt as _, memory::InMemory};

use super::*;
use crate::{
    Append, AppendError, Audit, Broken, Event, Journal, Keyring, MasterKey, Query, Reading,
    sample::{MASTER, Note, OWNER, Sample, all, note, plans, written},
};

/// When all that a test wrote is old.
fn later() -> DateTime<Utc> {
    "2100-01-01T00:00:00Z".parse().unwrap()
}

/// A journal with an object store, which moves what is older than now.
struct Shelf {
    sample: Sample,
    files: Files,
    journal: Journal,
}

impl Shelf {
    async fn new() -> Self {
        let sample = Sample::new().await;
        let files = Files::new(Arc::new(InMemory::new()));
        let journal = opened(&sample, &files).await;
        Self { sample, files, journal }
    }

    async fn archive(&self) -> Archived {
        let moved = self.journal.archive().move_recorded_before(later(), |_, _| ()).await;
        moved.unwrap()
    }

    async fn execute(&self, sql: &str) {
        sqlx::raw_sql(sql)
            .execute(self.journal.database().pool())
            .await
            .unwrap();
    }

    /// The names of the files.
    async fn objects(&self) -> Vec<String> {
        let listed: Vec<_> = self.files.store().list(None).try_collect().await.unwrap();
        let mut names: Vec<String> = listed.iter().map(|file| file.location.to_string()).collect();
        names.sort();
        names
    }

    /// What verifying finds, by a process that has read nothing yet.
    async fn broken(&self) -> Vec<Broken> {
        let archive = Archive::new(self.journal.database(), Some(self.files.clone()));
        let audit = Audit::new(self.journal.database().clone(), self.journal.keyring().clone(), archive);
        audit.verify(plans(), None, |_, _| ()).await.unwrap().broken
    }
}

use futures_util::TryStreamExt as _;

async fn opened(sample: &Sample, files: &Files) -> Journal {
    let db = sample.database.database();
    let keyring = Keyring::open(db, MasterKey::from_hex(MASTER).unwrap()).await.unwrap();
    let reading = Reading {
        upcasters: vec![],
        archive: Archive::new(db, Some(files.clone())),
        snapshot_events: None,
    };
    Journal::open_with(db.clone(), keyring, plans(), reading).await.unwrap()
}

/// A command with so many events for one stream.
fn many(id: &str, version: i64, count: usize) -> Append {
    let mut append = note(id, version);
    append.streams[0].events = (0..count)
        .map(|number| written(id, &format!("text {number}")))
        .collect();
    append
}

async fn pages(journal: &Journal) -> Vec<Event> {
    let query = Query {
        limit: i64::MAX,
        ..Query::default()
    };
    let pages: Vec<Vec<Event>> = journal.pages(query).try_collect().await.unwrap();
    pages.concat()
}

#[tokio::test]
async fn what_was_moved_reads_as_before() {
    let shelf = Shelf::new().await;
    let commands = [many("a", 0, 3), many("b", 0, 1), many("a", 3, 2)];
    for command in &commands {
        shelf.journal.append(command.clone()).await.unwrap();
    }
    let before = all(&shelf.journal).await;
    assert_eq!(before.len(), 6);
    let moved = shelf.archive().await;
    assert_eq!((moved.events, moved.files, moved.until), (6, 1, 6));
    assert_eq!(shelf.objects().await.len(), 1);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM es.events WHERE payload IS NOT NULL OR metadata IS NOT NULL")
            .fetch_one(shelf.journal.database().pool())
            .await
            .unwrap();
    assert_eq!(left, 0);

    // By those who have read it already, and by somebody who has not.
    for journal in [&shelf.journal, &opened(&shelf.sample, &shelf.files).await] {
        assert_eq!(all(journal).await, before);
        assert_eq!(pages(journal).await, before);
        assert_eq!(journal.load("note", "a").await.unwrap().len(), 5);
        assert_eq!(journal.load_until("note", "a", 4).await.unwrap(), before[..3]);
        for command in &commands {
            assert!(matches!(
                journal.append(command.clone()).await,
                Err(AppendError::Duplicate)
            ));
        }
        assert_eq!(
            journal.command(commands[0].command_id).await.unwrap().unwrap(),
            before[..3]
        );
        assert_eq!(
            journal.command(commands[2].command_id).await.unwrap().unwrap(),
            before[4..]
        );
    }
    assert_eq!(shelf.broken().await, []);

    // Life goes on, and the next run takes only what is new.
    shelf.journal.append(many("a", 5, 2)).await.unwrap();
    shelf.journal.append(many("c", 0, 1)).await.unwrap();
    assert_eq!(shelf.journal.load("note", "a").await.unwrap().len(), 7);
    assert_eq!(shelf.broken().await, []);
    let moved = shelf.archive().await;
    assert_eq!((moved.events, moved.files, moved.until), (3, 1, 9));
    assert_eq!((shelf.archive().await.events, shelf.objects().await.len()), (0, 2));
    assert_eq!(all(&shelf.journal).await[..6], before);
    assert_eq!(shelf.broken().await, []);
    let event = shelf.journal.load("note", "c").await.unwrap().remove(0);
    let audit = Audit::on(&shelf.journal);
    let stored = audit.event(event.position).await.unwrap().unwrap();
    let head = audit.head(None).await.unwrap().unwrap();
    assert_eq!(audit.prove(stored, head).await.unwrap().check(), Ok(()));
}

#[tokio::test]
async fn a_file_has_whole_commits_and_not_too_many_events() {
    let shelf = Shelf::new().await;
    for (id, count) in [("a", 1500), ("b", 1500), ("c", 2500), ("d", 1)] {
        shelf.journal.append(many(id, 0, count)).await.unwrap();
    }
    let moved = shelf.archive().await;
    assert_eq!((moved.events, moved.files), (5501, 4));
    let ranges: Vec<(i64, i64)> =
        sqlx::query_as("SELECT first_position, last_position FROM es.archives ORDER BY first_position")
            .fetch_all(shelf.journal.database().pool())
            .await
            .unwrap();
    assert_eq!(ranges, [(1, 1500), (1501, 3000), (3001, 5500), (5501, 5501)]);
    assert_eq!(pages(&shelf.journal).await.len(), 5501);
    assert_eq!(shelf.broken().await, []);
}

#[tokio::test]
async fn only_what_is_old_enough_is_moved() {
    let shelf = Shelf::new().await;
    let first = shelf.journal.append(many("a", 0, 2)).await.unwrap();
    shelf.journal.append(many("b", 0, 2)).await.unwrap();
    let moved = shelf
        .journal
        .archive()
        .move_recorded_before(first.recorded_at, |_, _| ())
        .await;
    assert_eq!(moved.unwrap().until, 2);
}

#[tokio::test]
async fn stock_postgres_es_loads_the_streams_that_were_left_whole() {
    use cqrs_es::persist::PersistedEventRepository as _;
    use postgres_es::PostgresEventRepository;
    let shelf = Shelf::new().await;
    shelf.journal.append(note("old", 0)).await.unwrap();
    shelf.archive().await;
    shelf.journal.append(many("new", 0, 3)).await.unwrap();
    let stock =
        PostgresEventRepository::new(shelf.journal.database().pool().clone()).with_tables("es.events", "es.snapshots");
    assert_eq!(stock.get_events::<Note>("new").await.unwrap().len(), 3);
}

#[tokio::test]
async fn broken_off_nothing_is_lost_nor_doubled() {
    let shelf = Shelf::new().await;
    shelf.journal.append(many("a", 0, 3)).await.unwrap();
    let before = all(&shelf.journal).await;
    // The file is written, the transaction fails.
    shelf
        .execute(
            "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
             CREATE TRIGGER fail BEFORE UPDATE ON es.events FOR EACH STATEMENT EXECUTE FUNCTION public.fail()",
        )
        .await;
    let failed = shelf.journal.archive().move_recorded_before(later(), |_, _| ()).await;
    assert!(matches!(failed, Err(ArchivingError::Read(_))), "{failed:?}");
    let orphan = shelf.objects().await;
    assert_eq!(orphan.len(), 1);
    assert_eq!(all(&shelf.journal).await, before);
    assert_eq!(shelf.broken().await, []);

    // More has happened since, so that the next file is another one. Before it is listed nothing is removed: it may be that of
    // somebody who is faster.
    shelf.journal.append(many("b", 0, 1)).await.unwrap();
    let failed = shelf.journal.archive().move_recorded_before(later(), |_, _| ()).await;
    assert!(matches!(failed, Err(ArchivingError::Read(_))), "{failed:?}");
    assert_eq!(shelf.objects().await.len(), 2);
    shelf.execute("DROP TRIGGER fail ON es.events").await;
    assert_eq!(shelf.archive().await.events, 4);
    let objects = shelf.objects().await;
    assert!(objects.len() == 1 && objects != orphan, "{objects:?}");
    assert_eq!(all(&shelf.journal).await[..3], before);
    assert_eq!(shelf.broken().await, []);
}

#[test]
fn no_file_is_opened_further_than_its_events_can_go() {
    let event = |length: usize| Moved {
        payload: "x".repeat(length),
        metadata: "{}".to_owned(),
    };
    let encoded = |events: &[Moved]| Bytes::from(file::encode(7, events).unwrap());
    let events = vec![event(60_000); 3];
    assert_eq!(file::decode(encoded(&events), 7, 3).as_ref(), Some(&events));
    for count in [0, 2, 4] {
        assert_eq!(file::decode(encoded(&events), 7, count), None, "{count}");
    }
    // A text that comes again and again stands in the file once.
    assert_eq!(file::decode(encoded(&vec![event(100_000); 50]), 7, 50), None);
}

#[tokio::test]
async fn what_is_not_as_it_was_written_is_not_moved() {
    let shelf = Shelf::new().await;
    shelf.journal.append(many("a", 0, 3)).await.unwrap();
    shelf
        .execute("UPDATE es.events SET event_version = '2' WHERE position = 2")
        .await;
    let failed = shelf.journal.archive().move_recorded_before(later(), |_, _| ()).await;
    assert!(
        matches!(failed, Err(ArchivingError::Damaged { first: 1, last: 3 })),
        "{failed:?}"
    );
    assert_eq!(shelf.objects().await.len(), 0);
}

#[tokio::test]
async fn an_archive_that_was_changed_is_found_and_named() {
    let shelf = Shelf::new().await;
    for (id, count) in [("a", 3), ("b", 1), ("c", 4)] {
        shelf.journal.append(many(id, 0, count)).await.unwrap();
    }
    shelf.archive().await;
    shelf.journal.append(many("d", 0, 1)).await.unwrap();
    let name = shelf.objects().await.remove(0);
    let (store, path) = (shelf.files.store(), Path::from(name.as_str()));
    let content = store.get(&path).await.unwrap().bytes().await.unwrap();
    let put = async |content: Vec<u8>| drop(store.put(&path, content.into()).await.unwrap());

    // Each of some bytes all over the file: whatever it does to the file, it is found, and only what the file has is named.
    let mut named = 0;
    for at in (0..content.len()).step_by(content.len() / 60) {
        let mut altered = content.to_vec();
        altered[at] ^= 1;
        put(altered).await;
        let broken = shelf.broken().await;
        let of_file = format!("archive {name}");
        assert!(
            broken.iter().any(|one| one.column.as_ref() == Some(&of_file)),
            "{at}: {broken:?}"
        );
        for one in broken.iter().filter(|one| one.column.as_ref() != Some(&of_file)) {
            assert_eq!(
                (one.position, one.column.as_deref()),
                (one.until, Some("payload")),
                "{broken:?}"
            );
            named += 1;
        }
        let other = opened(&shelf.sample, &shelf.files).await;
        let read = other.load("note", "a").await;
        assert!(
            matches!(read, Err(ReadError::Archive(ArchiveError::Damaged { .. }))),
            "{read:?}"
        );
        assert_eq!(other.load("note", "d").await.unwrap().len(), 1);
    }
    assert!(named > 10, "an event was named only {named} times");

    // Cut short, and gone.
    put(content[..content.len() / 2].to_vec()).await;
    assert_eq!(shelf.broken().await.len(), 1);
    store.delete(&path).await.unwrap();
    let broken = shelf.broken().await;
    assert_eq!(
        (broken.len(), broken[0].position, broken[0].until),
        (1, 1, 8),
        "{broken:?}"
    );
    put(content.to_vec()).await;
    assert_eq!(shelf.broken().await, []);

    // What the tables say of it.
    for (column, changed) in [
        (
            "leaf",
            "UPDATE es.events SET leaf = overlay(leaf placing '\\x00' from 5) WHERE position = 2",
        ),
        (
            "archive",
            "UPDATE es.archives SET hash = overlay(hash placing '\\x00' from 5)",
        ),
        ("archive", "DELETE FROM es.archives"),
    ] {
        shelf
            .execute("CREATE TABLE kept AS TABLE es.events; CREATE TABLE kept_archives AS TABLE es.archives")
            .await;
        shelf.execute(changed).await;
        let broken = shelf.broken().await;
        assert_eq!(broken.len(), 1, "{changed}: {broken:?}");
        assert!(broken[0].column.as_ref().unwrap().starts_with(column), "{broken:?}");
        let undo = "TRUNCATE es.events, es.archives; INSERT INTO es.events TABLE kept; INSERT INTO es.archives TABLE kept_archives;
            DROP TABLE kept, kept_archives";
        shelf.execute(undo).await;
    }
    assert_eq!(shelf.broken().await, []);
}

#[tokio::test]
async fn what_was_moved_is_forgotten_with_its_owner() {
    let shelf = Shelf::new().await;
    let mut append = note("a", 0);
    append.streams[0].events = vec![written("a", "Zwetschgenknödel")];
    shelf.journal.append(append).await.unwrap();
    shelf.archive().await;
    for name in shelf.objects().await {
        let file = shelf.files.store().get(&Path::from(name)).await.unwrap();
        let text = String::from_utf8_lossy(&file.bytes().await.unwrap()).into_owned();
        assert!(text.contains("sealed:") && !text.contains("Zwetsch"), "{text}");
    }
    shelf.journal.forget(&[OWNER]).await.unwrap();
    for journal in [&shelf.journal, &opened(&shelf.sample, &shelf.files).await] {
        let event = journal.load("note", "a").await.unwrap().remove(0);
        assert!(
            event.payload.contains(r#""text":{"forgotten":true}"#),
            "{}",
            event.payload
        );
    }
    assert_eq!(shelf.broken().await, []);
}
