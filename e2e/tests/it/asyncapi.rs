//! What is published against its description: headers and payloads against the JSON Schemas that `asyncapi.yaml` names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use jsonschema::Validator;
use serde_json::{Map, Value};
use spendlog_domain::schema::{EventSchema, event_schemas, retired_schemas};
use spendlog_e2e::{Options, TestApp, eventually, root, sample};
use spendlog_event_store::{
    Append, Expect, Journal, Keyring, MasterKey, NewEvent, Origin, SealPlans, StreamAppend, StreamId,
    testing::TestDatabase,
};
use spendlog_kafka::Record;
use spendlog_kafka_broker::Broker;
use uuid::Uuid;

use crate::kafka;

/// Those of all events that can stand in a journal.
fn schemas() -> Vec<EventSchema> {
    event_schemas().into_iter().chain(retired_schemas()).collect()
}

/// The schemas that records are held against.
struct Contract {
    headers: Validator,
    /// By the name that `ce_dataschema` gives.
    payloads: BTreeMap<String, Validator>,
}

fn validator(schema: &Value) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).expect("the schema is one")
}

impl Contract {
    fn read() -> Self {
        let headers = fs::read_to_string(root().join("schemas/kafka/event-headers.json")).expect("the headers' schema");
        let payloads = schemas().into_iter().map(|schema| {
            let file = format!("{}.v{}.json", schema.event_type, schema.version);
            let path = root().join("schemas/events").join(schema.feature).join(&file);
            let text = fs::read_to_string(path).expect("the event's schema");
            (file, validator(&serde_json::from_str(&text).expect("JSON")))
        });
        Self {
            headers: validator(&serde_json::from_str(&headers).expect("JSON")),
            payloads: payloads.collect(),
        }
    }

    /// Asserts that a record is as described, and returns the name of its payload's schema.
    fn hold(&self, headers: Map<String, Value>, payload: &str) -> String {
        let named = headers["ce_dataschema"].as_str().expect("a schema is named").to_owned();
        assert!(
            named.starts_with(headers["ce_type"].as_str().expect("a type")),
            "{named}"
        );
        let headers = Value::Object(headers);
        let faults: Vec<String> = self
            .headers
            .iter_errors(&headers)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:?} in {headers}");
        let schema = self
            .payloads
            .get(&named)
            .unwrap_or_else(|| panic!("there is no schema {named}"));
        let payload: Value = serde_json::from_str(payload).expect("a payload is JSON");
        let faults: Vec<String> = schema.iter_errors(&payload).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?} in {payload}");
        named
    }
}

#[test]
fn the_contract_finds_what_is_not_as_described() {
    let contract = Contract::read();
    assert!(!contract.headers.is_valid(&serde_json::json!({"ce_specversion": "1.0"})));
    let other = serde_json::json!({"transaction.voided": {"transaction": 5}});
    assert!(!contract.payloads["transaction.voided.v1.json"].is_valid(&other));
}

/// Every sample of a stored event, with the type of its stream.
fn samples() -> Vec<(&'static str, NewEvent)> {
    let mut samples = Vec::new();
    for schema in schemas() {
        let folder = root().join("schemas/stored").join(schema.feature);
        let stem = format!("{}.v{}.", schema.event_type, schema.version);
        for file in fs::read_dir(folder).expect("there are samples") {
            let path = file.expect("a file").path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&stem))
            {
                let text = fs::read_to_string(path).expect("a sample");
                let payload = serde_json::from_str(&text).expect("JSON");
                let (event_type, version) = (schema.event_type.clone(), schema.version.clone());
                let event = NewEvent {
                    event_type,
                    version,
                    payload,
                };
                samples.push((schema.stream, event));
            }
        }
    }
    samples
}

/// The journal of a database, with all events that can stand in it, opened as a server does.
pub(crate) async fn journal(database: &TestDatabase, master_key: MasterKey) -> Journal {
    let schemas = schemas();
    let plans = schemas
        .iter()
        .map(|schema| (schema.event_type.as_str(), schema.version.as_str(), &schema.schema));
    let plans = SealPlans::new(plans).expect("the schemas say what is sealed");
    let keyring = Keyring::open(database.database(), master_key)
        .await
        .expect("the keyring opens");
    Journal::open(database.database().clone(), keyring, plans)
        .await
        .expect("the journal opens")
}

#[tokio::test]
async fn a_record_of_every_stored_event_is_as_described() {
    let database = TestDatabase::new().await;
    let master_key = MasterKey::from_hex(&"5a".repeat(32)).expect("a key");
    let journal = journal(&database, master_key).await;
    let (samples, owner) = (samples(), Uuid::now_v7());
    let (count, mut strings) = (samples.len(), 0);
    for (number, (kind, event)) in samples.into_iter().enumerate() {
        let append = Append {
            command_id: Uuid::now_v7(),
            origin: Origin {
                actor: "processor:test".to_owned(),
                correlation: Uuid::now_v7(),
                causation: Some(1),
                request: None,
            },
            streams: vec![StreamAppend {
                stream: StreamId {
                    kind,
                    id: format!("s{number}"),
                },
                owner,
                expect: Expect::Version(0),
                events: vec![event],
            }],
            guards: Vec::new(),
        };
        journal.append(append).await.expect("the sample is appended");
    }
    let contract = Contract::read();
    let mut seen = BTreeSet::new();
    for event in journal.stored(0, 1000).await.expect("what is stored can be read") {
        let record = Record::of(&event).expect("a stored event makes a record");
        assert_eq!(record.key, owner.to_string());
        strings += record.value.matches("\"sealed:").count();
        let headers = record
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        seen.insert(contract.hold(headers.collect(), &record.value));
    }
    assert_eq!(seen.len(), contract.payloads.len(), "a sample of each of the {count}");
    assert!(strings > 20, "payloads are sealed");
}

#[tokio::test]
async fn what_stands_in_the_topic_is_as_described() {
    let Some(broker) = Broker::shared().await else { return };
    let app = TestApp::start_with(Options::split(broker)).await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    person.spend(&account, "-1.00", "2026-09-14", "Bakery").await;
    let invoice = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[("account", account.as_str())])
        .await
        .expect(201);
    person.document_in(invoice.text("id"), &["in_review"]).await;
    eventually("all is published", async || {
        let said = app.command(&["kafka", "status", "--json"]).await;
        let status: Value = serde_json::from_slice(&said.stdout).ok()?;
        (status["lag_events"] == 0).then_some(())
    })
    .await;
    let separated = ["print.headers=true", "headers.separator=\u{1}", "key.separator=\u{2}"];
    let printed = kafka::printed(broker, app.topic(), &separated).await;
    let (contract, mut seen) = (Contract::read(), BTreeSet::new());
    for line in printed.lines() {
        let (headers, payload) = line.split_once('\u{2}').expect("headers, and a payload");
        let headers = headers.split('\u{1}').map(|header| {
            let (name, value) = header.split_once(':').expect("a name and a value");
            (name.to_owned(), Value::from(value))
        });
        seen.insert(contract.hold(headers.collect(), payload));
    }
    for expected in [
        "transaction.recorded.v1.json",
        "document.fields_extracted.v1.json",
        "user.registered.v1.json",
    ] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
    app.finish().await;
}
