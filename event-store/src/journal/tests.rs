//! Appending and what is answered, with a database.

use super::*;
use crate::{
    Query,
    sample::{MASTER, Note, NoteEvent, OWNER, Sample, all, guarded, note, origin, sound, stream, written},
};

#[tokio::test]
async fn what_was_appended_is_loaded() {
    let sample = Sample::new().await;
    let append = note("a", 0);
    let appended = sample.journal.append(append.clone()).await.unwrap();
    assert_eq!((appended.position, appended.skipped.len()), (1, 0));
    assert_eq!(*sample.journal.head().borrow(), 1);

    let events = sample.journal.load("note", "a").await.unwrap();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.position, event.sequence, event.owner), (1, 1, OWNER));
    assert_eq!((event.kind.as_str(), event.stream.as_str()), ("note", "a"));
    assert_eq!(
        (event.event_type.as_str(), event.version.as_str()),
        ("note.written", "1")
    );
    assert_eq!(
        (event.command_id, event.recorded_at),
        (Some(append.command_id), appended.recorded_at)
    );
    assert_eq!(
        (event.metadata.actor.as_str(), event.metadata.causation),
        ("usr_test", Some(3))
    );
    assert_eq!(
        (event.metadata.correlation, &event.metadata.request),
        (origin().correlation, &None)
    );
    let NoteEvent::Written { id, text, tags } = event.decode().unwrap();
    assert_eq!((id.as_str(), text.as_str(), tags.len()), ("a", "bread and butter", 1));
    assert_eq!(sound(&sample.journal).await, 1);
}

#[tokio::test]
async fn an_append_is_all_or_nothing() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    journal.append(note("there", 0)).await.unwrap();
    let mut append = note("new", 0);
    append.streams.push(note("there", 0).streams.remove(0));
    let error = journal.append(append.clone()).await.unwrap_err();
    assert!(matches!(error, AppendError::Conflict { stream, expected: 0, actual: 1 } if stream.id == "there"));
    assert_eq!(journal.load("note", "new").await.unwrap(), []);

    append.streams[1].expect = Expect::AbsentElseSkip;
    let appended = journal.append(append).await.unwrap();
    assert_eq!((appended.position, appended.skipped), (2, vec![stream("there")]));
    assert_eq!(sound(journal).await, 2);
}

#[tokio::test]
async fn where_all_is_there_already_nothing_is_written() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    journal.append(note("there", 0)).await.unwrap();
    let mut append = note("there", 0);
    append.streams[0].expect = Expect::AbsentElseSkip;
    let appended = journal.append(append).await.unwrap();
    assert_eq!((appended.position, appended.skipped.len()), (1, 1));
    let nothing = Append {
        streams: vec![],
        ..guarded(note("there", 0), "there", 1)
    };
    assert_eq!(journal.append(nothing).await.unwrap().position, 1);
    let stale = Append {
        streams: vec![],
        ..guarded(note("there", 0), "there", 2)
    };
    assert!(matches!(
        journal.append(stale).await,
        Err(AppendError::Conflict { actual: 1, .. })
    ));
    assert_eq!(sound(journal).await, 1);
}

#[tokio::test]
async fn the_same_command_again_is_a_duplicate_and_its_events_are_found() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    let mut append = note("a", 0);
    append.streams[0].events.push(written("a", "jam"));
    append.streams.push(note("b", 0).streams.remove(0));
    journal.append(note("before", 0)).await.unwrap();
    journal.append(append.clone()).await.unwrap();
    journal.append(note("after", 0)).await.unwrap();
    assert!(matches!(
        journal.append(append.clone()).await,
        Err(AppendError::Duplicate)
    ));
    let events = journal.command(append.command_id).await.unwrap().unwrap();
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(journal.command(Uuid::now_v7()).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_too_large_or_unknown_is_refused() {
    let sample = Sample::new().await;
    let mut append = note("a", 0);
    append.streams[0].events[0] = written("a", &"x".repeat(EVENT_LIMIT / 2));
    assert!(matches!(sample.journal.append(append).await, Err(AppendError::TooLarge { bytes }) if bytes > EVENT_LIMIT));
    let long = note(&"a".repeat(ID_LIMIT + 1), 0);
    assert!(matches!(
        sample.journal.append(long).await,
        Err(AppendError::TooLarge { .. })
    ));
    let mut unknown = note("a", 0);
    unknown.streams[0].events[0].version = "2".to_owned();
    assert!(
        matches!(sample.journal.append(unknown).await, Err(AppendError::UnknownEvent { version, .. }) if version == "2")
    );
    assert_eq!(sound(&sample.journal).await, 0);
}

#[tokio::test]
async fn no_planted_text_stands_in_the_tables() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    let mut append = note("a", 0);
    append.streams[0].events = vec![written("a", "Zwetschgenknödel"), written("a", "tax adviser \"Meier\"")];
    journal.append(append).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar("SELECT e::text FROM es.events e")
        .fetch_all(journal.database().pool())
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(row.contains("sealed:") && row.contains("usr_test"));
        assert!(
            !row.contains("Zwetsch") && !row.contains("Meier") && !row.contains("adviser"),
            "{row}"
        );
    }
}

#[tokio::test]
async fn a_sealed_string_that_was_moved_does_not_open() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    for id in ["a", "b"] {
        journal.append(note(id, 0)).await.unwrap();
    }
    let swap = "UPDATE es.events e SET payload = (SELECT o.payload FROM es.events o WHERE o.aggregate_id = 'a') WHERE aggregate_id = 'b'";
    sqlx::query(swap).execute(journal.database().pool()).await.unwrap();
    assert!(journal.load("note", "a").await.is_ok());
    assert!(matches!(
        journal.load("note", "b").await,
        Err(crate::ReadError::Damaged { position: 2 })
    ));
}

#[tokio::test]
async fn for_a_forgotten_owner_nothing_is_written_and_the_old_reads_as_forgotten() {
    let sample = Sample::new().await;
    sample.journal.append(note("a", 0)).await.unwrap();
    let pool = sample.database.database().pool();
    sqlx::query("UPDATE es.keys SET wrapped = NULL WHERE scope = 'owner'")
        .execute(pool)
        .await
        .unwrap();
    let journal = crate::sample::another(&sample.database).await;
    assert!(matches!(
        journal.append(note("a", 1)).await,
        Err(AppendError::OwnerForgotten)
    ));
    let events = journal.load("note", "a").await.unwrap();
    let expected = r#"{"note.written":{"id":"a","tags":[{"forgotten":true}],"text":{"forgotten":true}}}"#;
    assert_eq!(events[0].payload, expected);
}

#[tokio::test]
async fn a_closed_journal_answers_what_it_took_and_takes_no_more() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    let taken: Vec<_> = (0..50)
        .map(|n| {
            tokio::spawn({
                let journal = journal.clone();
                async move { journal.append(note(&format!("n{n}"), 0)).await }
            })
        })
        .collect();
    while all(journal).await.is_empty() {}
    journal.close().await;
    let mut committed = 0;
    for task in taken {
        match task.await.unwrap() {
            Ok(_) => committed += 1,
            Err(error) => assert!(matches!(error, AppendError::Closed)),
        }
    }
    assert_eq!(sound(journal).await, committed);
    assert!(matches!(
        journal.append(note("late", 0)).await,
        Err(AppendError::Closed)
    ));
}

#[tokio::test]
async fn the_head_is_heard_of_by_others() {
    let sample = Sample::new().await;
    let other = crate::sample::another(&sample.database).await;
    let mut head = other.head();
    sample.journal.append(note("a", 0)).await.unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_secs(20), head.wait_for(|head| *head == 1)).await;
    assert!(heard.unwrap().is_ok());
}

/// Stock postgres-es reads what we wrote, with its default table and with a named one.
#[tokio::test]
async fn stock_postgres_es_loads_our_streams() {
    use cqrs_es::{
        EventEnvelope, EventStore as _,
        persist::{PersistedEventRepository as _, PersistedEventStore},
    };
    use postgres_es::PostgresEventRepository;
    let sample = Sample::new().await;
    let mut append = note("a", 0);
    append.streams[0].events.push(written("a", "jam"));
    sample.journal.append(append).await.unwrap();
    sample.journal.append(note("a", 2)).await.unwrap();

    let named = PostgresEventRepository::new(sample.database.database().pool().clone())
        .with_tables("es.events", "es.snapshots");
    assert_eq!(named.get_events::<Note>("a").await.unwrap().len(), 3);
    let searched = sqlx::postgres::PgPoolOptions::new()
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::Executor::execute(connection, "SET search_path = es")
                    .await
                    .map(drop)
            })
        })
        .connect(sample.database.url())
        .await
        .unwrap();
    let store = PersistedEventStore::<_, Note>::new_event_store(PostgresEventRepository::new(searched));
    let events: Vec<EventEnvelope<Note>> = store.load_events("a").await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        (
            events[0].metadata["actor"].as_str(),
            events[0].metadata["events"].as_str()
        ),
        ("usr_test", "2")
    );
    let NoteEvent::Written { id, text, .. } = &events[1].payload;
    assert!(id == "a" && text.starts_with("sealed:"));
}

/// Golden: this row was written by the first version of this code, and must open for ever.
#[tokio::test]
async fn what_was_stored_once_opens_for_ever() {
    let sample = Sample::new().await;
    let pool = sample.database.database().pool();
    // The owner's secret is 32 bytes of 5, wrapped anew: how it is wrapped is the keyring's matter.
    let wrapped = crate::MasterKey::from_hex(MASTER)
        .unwrap()
        .wrap("owner", &OWNER.to_string(), &[5; 32])
        .unwrap();
    sqlx::query("INSERT INTO es.keys (scope, name, wrapped) VALUES ('owner', $1, $2)")
        .bind(OWNER.to_string())
        .bind(wrapped)
        .execute(pool)
        .await
        .unwrap();
    let payload = include_str!("stored.json").trim();
    let insert =
        "INSERT INTO es.events VALUES ('note', 'a', 1, 'note.written', '1', $1::json, $2::json, 1, $3, NULL, now())";
    let metadata = r#"{"actor":"operator","correlation":"00000000-0000-0000-0000-000000000007","events":"1"}"#;
    sqlx::query(insert)
        .bind(payload)
        .bind(metadata)
        .bind(OWNER)
        .execute(pool)
        .await
        .unwrap();
    let events = sample
        .journal
        .read(&Query {
            limit: 10,
            ..Query::default()
        })
        .await
        .unwrap();
    let NoteEvent::Written { text, tags, .. } = events[0].decode().unwrap();
    assert_eq!((text.as_str(), tags), ("Käse & Brot", vec!["für \"uns\"".to_owned()]));
}
