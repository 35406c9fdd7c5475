//! What this crate's own tests write: notes of a made-up feature, and a journal of a test's own to write them to.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Append, Event, Expect, Guard, Journal, Keyring, MasterKey, NewEvent, Origin, SealPlans, StreamAppend, StreamId,
    testing::TestDatabase,
};

pub(crate) const OWNER: Uuid = Uuid::from_u128(0xA);
pub(crate) const MASTER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum NoteEvent {
    #[serde(rename = "note.written")]
    Written {
        id: String,
        text: String,
        tags: Vec<String>,
    },
}

impl DomainEvent for NoteEvent {
    fn event_type(&self) -> String {
        "note.written".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Counts its events: enough to be loaded by stock postgres-es.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Note;

impl Aggregate for Note {
    const TYPE: &'static str = "note";
    type Command = ();
    type Event = NoteEvent;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, _: NoteEvent) {}
}

pub(crate) fn schema() -> Value {
    json!({"oneOf": [{"type": "object", "properties": {"note.written": {"type": "object", "properties": {
        "id": {"type": "string", "x-open": true},
        "text": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }}}}]})
}

pub(crate) fn plans() -> SealPlans {
    SealPlans::new([("note.written", "1", &schema())]).unwrap()
}

/// A journal in a database of the test's own.
pub(crate) struct Sample {
    pub(crate) journal: Journal,
    pub(crate) database: TestDatabase,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let journal = another(&database).await;
        Self { journal, database }
    }
}

/// One more journal on the same database, as another process would have it.
pub(crate) async fn another(database: &TestDatabase) -> Journal {
    let keyring = Keyring::open(database.database(), MasterKey::from_hex(MASTER).unwrap())
        .await
        .unwrap();
    Journal::open(database.database().clone(), keyring, plans())
        .await
        .unwrap()
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId {
        kind: "note",
        id: id.to_owned(),
    }
}

pub(crate) fn written(id: &str, text: &str) -> NewEvent {
    NewEvent::of(&NoteEvent::Written {
        id: id.to_owned(),
        text: text.to_owned(),
        tags: vec![text.to_owned()],
    })
    .unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin {
        actor: "usr_test".to_owned(),
        correlation: Uuid::from_u128(7),
        causation: Some(3),
        request: None,
    }
}

/// A command with one event for one stream.
pub(crate) fn note(id: &str, version: i64) -> Append {
    let events = vec![written(id, "bread and butter")];
    let part = StreamAppend {
        stream: stream(id),
        owner: OWNER,
        expect: Expect::Version(version),
        events,
    };
    Append {
        command_id: Uuid::now_v7(),
        origin: origin(),
        streams: vec![part],
        guards: vec![],
    }
}

pub(crate) fn guarded(mut append: Append, id: &str, version: i64) -> Append {
    append.guards.push(Guard {
        stream: stream(id),
        version,
    });
    append
}

/// Everything in the journal.
pub(crate) async fn all(journal: &Journal) -> Vec<Event> {
    journal
        .read(&crate::Query {
            limit: 1_000_000,
            ..Default::default()
        })
        .await
        .unwrap()
}

/// Checks what must hold of every journal: positions and versions without a gap, times that never go back, commands once, and
/// the stored root equal to the one computed from the rows.
pub(crate) async fn sound(journal: &Journal) -> usize {
    use sqlx::Row as _;
    let rows = sqlx::query(
        "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload::text, metadata::text, position,
            owner_id, command_id, recorded_at FROM es.events ORDER BY position",
    )
    .fetch_all(journal.database().pool())
    .await
    .unwrap();
    let (mut tree, mut buffer, mut last) = (crate::merkle::Tree::default(), Vec::new(), 0);
    let mut versions = std::collections::HashMap::new();
    for (row, position) in rows.iter().zip(1..) {
        let at: chrono::DateTime<chrono::Utc> = row.get(10);
        let entry = crate::merkle::Entry {
            kind: row.get(0),
            stream: row.get(1),
            sequence: row.get(2),
            event_type: row.get(3),
            version: row.get(4),
            payload: row.get(5),
            metadata: row.get(6),
            position: row.get(7),
            owner: row.get(8),
            command_id: row.get(9),
            recorded_at: at.timestamp_micros(),
        };
        assert_eq!(entry.position, position);
        assert!(entry.recorded_at >= last);
        last = entry.recorded_at;
        let version = versions.entry((entry.kind, entry.stream)).or_insert(0);
        *version += 1;
        assert_eq!(entry.sequence, *version);
        tree.push(entry.leaf(&mut buffer));
    }
    if let Some(commit) = sqlx::query("SELECT size, root FROM es.commits ORDER BY size DESC LIMIT 1")
        .fetch_optional(journal.database().pool())
        .await
        .unwrap()
    {
        assert_eq!(commit.get::<i64, _>(0), tree.size());
        assert_eq!(commit.get::<&[u8], _>(1), tree.root());
    }
    rows.len()
}

/// All events as they are stored, byte for byte.
pub(crate) async fn sealed(journal: &Journal) -> Vec<String> {
    sqlx::query_scalar("SELECT e::text FROM es.events e ORDER BY position")
        .fetch_all(journal.database().pool())
        .await
        .unwrap()
}
