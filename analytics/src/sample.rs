//! What the tests write: notes of a made-up feature, in a journal of a test's own.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spendlog_event_store::{
    Append, Expect, Journal, Keyring, MasterKey, NewEvent, Origin, SealPlans, StreamAppend, StreamId,
    testing::TestDatabase,
};
use uuid::Uuid;

use crate::Tables;

pub(crate) const ADA: Uuid = Uuid::from_u128(0xA);
pub(crate) const BEA: Uuid = Uuid::from_u128(0xB);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) minor: i64,
    pub(crate) what: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum NoteEvent {
    #[serde(rename = "note.written")]
    Written {
        note: String,
        on: String,
        text: String,
        password: String,
        lines: Vec<Line>,
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

pub(crate) fn schema() -> Value {
    let text = json!({"anyOf": [{"type": "string"}, {"type": "object", "properties": {"forgotten": {"const": true}}}]});
    json!({"type": "object", "properties": {"note.written": {"type": "object", "properties": {
        "note": {"type": "string", "x-open": true},
        "on": {"type": "string", "format": "date", "x-open": true},
        "text": text,
        "password": text,
        "lines": {"type": "array", "items": {"type": "object", "properties": {
            "minor": {"type": "integer"},
            "what": text,
        }}},
    }}}})
}

pub(crate) fn tables() -> Tables {
    Tables::new([("note.written", "1", &schema())])
}

pub(crate) struct Sample {
    pub(crate) journal: Journal,
    _database: TestDatabase,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
        let keyring = Keyring::open(database.database(), master).await.unwrap();
        let plans = SealPlans::new([("note.written", "1", &schema())]).unwrap();
        let journal = Journal::open(database.database().clone(), keyring, plans)
            .await
            .unwrap();
        Self {
            journal,
            _database: database,
        }
    }

    /// Appends so many notes of an owner.
    pub(crate) async fn write(&self, owner: Uuid, count: usize) {
        for _ in 0..count {
            let id = Uuid::now_v7().simple().to_string();
            let line = |minor| Line {
                minor,
                what: "planted line".to_owned(),
            };
            let event = NoteEvent::Written {
                note: id.clone(),
                on: "2026-10-03".to_owned(),
                text: "planted \"text\"".to_owned(),
                password: "planted password".to_owned(),
                lines: vec![line(-1250), line(1250), line(7)],
            };
            let append = Append {
                command_id: Uuid::now_v7(),
                origin: Origin {
                    actor: "usr_test".to_owned(),
                    correlation: Uuid::now_v7(),
                    causation: None,
                    request: None,
                },
                streams: vec![StreamAppend {
                    stream: StreamId { kind: "note", id },
                    owner,
                    expect: Expect::Version(0),
                    events: vec![NewEvent::of(&event).unwrap()],
                }],
                guards: Vec::new(),
            };
            self.journal.append(append).await.unwrap();
        }
    }

    pub(crate) fn head(&self) -> i64 {
        *self.journal.head().borrow()
    }
}
