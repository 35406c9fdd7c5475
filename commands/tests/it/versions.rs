//! Events of older versions are read as those of today; the form of every state is known.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cqrs_es::{
    EventStore as _,
    persist::{PersistedEventStore, SerializedEvent},
};
use postgres_es::PostgresEventRepository;
use serde_json::{Value, json};
use spendlog_commands::{Stateful, documents};
use spendlog_domain::{
    accounts::Account,
    books::Book,
    categories::Category,
    documents::{Document, DocumentEvent, DocumentKind, Finding},
    imports::Import,
    schema::upcasters,
    transactions::Transaction,
    users::{EmailReservation, User},
    values::DocumentId,
};
use spendlog_event_store::{
    Append, Event, Expect, Feed as _, Handler, NewEvent, Origin, Outcome, Query, StreamAppend, StreamId,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    documents::{by_pipeline, steps},
    fixture::{App, id},
};

/// Keeps what is handed to it.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

#[async_trait]
impl Handler for Heard {
    fn name(&self) -> &'static str {
        "heard"
    }

    fn wants(&self, _: &str, event_type: &str) -> bool {
        event_type == "document.validated"
    }

    async fn handle(&self, event: &Event) -> Outcome {
        self.0.lock().unwrap().push(event.clone());
        Outcome::Done
    }
}

#[actix_web::test]
async fn what_an_older_version_stored_is_read_as_that_of_today() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let document: DocumentId = id(&ada.upload(&[], b"%PDF-1.7 old", &[]).await.with(201))
        .parse()
        .unwrap();
    let steps = steps(DocumentKind::Receipt);
    for step in &steps[..3] {
        documents::advance(&app.commands, &by_pipeline(), document, step.clone())
            .await
            .unwrap();
    }
    let before = app.events("document", &document.to_string()).await;
    let sample = include_str!("../../../schemas/stored/documents/document.validated.v1.json");
    let old = NewEvent {
        event_type: "document.validated".to_owned(),
        version: "1".to_owned(),
        payload: serde_json::from_str(sample).unwrap(),
    };
    let origin = Origin {
        actor: "processor:documents".to_owned(),
        correlation: Uuid::now_v7(),
        causation: None,
        request: None,
    };
    let part = StreamAppend {
        stream: StreamId {
            kind: "document",
            id: document.to_string(),
        },
        owner: before[0].owner,
        expect: Expect::Version(4),
        events: vec![old],
    };
    let append = Append {
        command_id: Uuid::now_v7(),
        origin,
        streams: vec![part],
        guards: vec![],
    };
    app.journal.append(append).await.unwrap();

    // By its stream, by position, by pages, by the feed: the shape of today.
    let (heard, stop) = (Arc::new(Heard::default()), CancellationToken::new());
    let (journal, hears, until) = (app.journal.clone(), heard.clone(), stop.clone());
    let feed = tokio::spawn(async move { journal.subscribe(hears, until).await });
    let query = Query {
        limit: i64::MAX,
        ..Query::default()
    };
    let mut found = app.events("document", &document.to_string()).await.split_off(4);
    found.extend(app.journal.read(&query).await.unwrap().pop());
    while heard.0.lock().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.cancel();
    feed.await.unwrap();
    found.append(&mut heard.0.lock().unwrap());
    assert_eq!(found.len(), 3);
    for event in &found {
        assert_eq!(
            (event.event_type.as_str(), event.version.as_str()),
            ("document.validated", "2")
        );
        let DocumentEvent::Validated { checks, .. } = event.decode().unwrap() else {
            panic!("{event:?}");
        };
        assert!(checks.len() == 3 && checks.iter().all(|check| check.findings.is_empty()));
    }

    // Stock postgres-es, with the same upcasters.
    let stock =
        PostgresEventRepository::new(app.journal.database().pool().clone()).with_tables("es.events", "es.snapshots");
    let stock = PersistedEventStore::<_, Document>::new_event_store(stock).with_upcasters(upcasters());
    let loaded = stock.load_events(&document.to_string()).await.unwrap();
    assert!(matches!(&loaded[4].payload, DocumentEvent::Validated { checks, .. } if checks.len() == 3));

    // What happens from now on is stored in the version of today, and says what a check objects to.
    let other: DocumentId = id(&ada.upload(&[], b"%PDF-1.7 new", &[]).await.with(201))
        .parse()
        .unwrap();
    for mut step in steps {
        if let spendlog_domain::documents::DocumentCommand::Validate { checks, .. } = &mut step {
            checks[0].findings = vec![Finding::NoLines {}];
        }
        documents::advance(&app.commands, &by_pipeline(), other, step)
            .await
            .unwrap();
    }
    let stored: (String, String) = sqlx::query_as(
        "SELECT event_version, payload #>> '{document.validated,checks,0,findings}' FROM es.events
         WHERE aggregate_id = $1 AND event_type = 'document.validated'",
    )
    .bind(other.to_string())
    .fetch_one(app.journal.database().pool())
    .await
    .unwrap();
    assert_eq!(stored, ("2".to_owned(), r#"[{"no_lines":{}}]"#.to_owned()));
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(name)
}

/// The states that the golden samples of a kind of stream come to, one after the other, by the names of the samples.
fn states<A: Stateful>(feature: &str) -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(folder("stored").join(feature))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let (mut state, mut states) = (A::default(), BTreeMap::new());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let (event_type, rest) = name.rsplit_once(".v").unwrap();
        if event_type.split('.').next() != Some(A::TYPE) {
            continue;
        }
        let mut event = SerializedEvent {
            aggregate_id: String::new(),
            sequence: 1,
            aggregate_type: A::TYPE.to_owned(),
            event_type: event_type.to_owned(),
            event_version: rest.split('.').next().unwrap().to_owned(),
            payload: serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap(),
            metadata: json!({}),
        };
        for upcaster in upcasters() {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                event = upcaster.upcast(event);
            }
        }
        state.apply(serde_json::from_value(event.payload).unwrap());
        states.insert(name, serde_json::to_value(&state).unwrap());
    }
    let states: Value = serde_json::to_value(states).unwrap();
    serde_json::to_string_pretty(&states).unwrap() + "\n"
}

fn check<A: Stateful>(feature: &str) {
    let name = format!("{}.v{}.json", A::TYPE, A::FORM);
    let (file, found) = (folder("states").join(&name), states::<A>(feature));
    if !file.exists() && std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&file, &found).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        known,
        found,
        "the states of {} are not those of {name}. Where a golden sample was added, remove the file; where the state of \
         the same events is another one, snapshots of it would be read wrongly: raise its form in commands/src/stateful.rs and \
         remove the file. Then run the tests with UPDATE_SCHEMAS=1",
        A::TYPE
    );
}

#[test]
fn the_form_of_every_state_is_known() {
    check::<User>("users");
    check::<EmailReservation>("users");
    check::<Book>("books");
    check::<Account>("accounts");
    check::<Category>("categories");
    check::<Transaction>("transactions");
    check::<Document>("documents");
    check::<Import>("imports");
    assert_eq!(fs::read_dir(folder("states")).unwrap().count(), 8, "one file for each");
}
