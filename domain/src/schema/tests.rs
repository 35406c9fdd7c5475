//! The schemas in the repository are the generated ones, every string in them is open or a `Text`, and every event
//! has a golden sample that still loads.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use cqrs_es::{DomainEvent, persist::SerializedEvent};
use serde_json::{Value, json};

use super::{EventSchema, RETIRED, event_schemas, retired_schemas, upcasters};
use crate::{
    accounts::AccountEvent,
    books::BookEvent,
    categories::CategoryEvent,
    documents::DocumentEvent,
    imports::ImportEvent,
    transactions::TransactionEvent,
    users::{EmailEvent, UserEvent},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(name)
}

fn file_name(schema: &EventSchema) -> String {
    format!("{}/{}.v{}.json", schema.feature, schema.event_type, schema.version)
}

/// All files below a folder, as `<feature>/<file>`.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for feature in fs::read_dir(folder).unwrap() {
        let feature = feature.unwrap().path();
        for file in fs::read_dir(&feature).unwrap() {
            let file = file.unwrap().path();
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(format!("{}/{}", name(&feature), name(&file)));
        }
    }
    files
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn checked_in_schemas_are_the_generated_ones() {
    let folder = folder("events");
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for schema in event_schemas() {
        let file = folder.join(file_name(&schema));
        let generated = pretty(&schema.schema);
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, generated).unwrap();
        } else {
            let stored = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                stored,
                generated,
                "{} differs: run the tests with UPDATE_SCHEMAS=1",
                file.display()
            );
        }
    }
    // Those of retired versions are read from their files, and are what they were.
    let retired = retired_schemas();
    assert_eq!(
        retired.len(),
        RETIRED.len(),
        "the schema of a retired version is no JSON"
    );
    let expected: BTreeSet<String> = event_schemas().iter().chain(&retired).map(file_name).collect();
    assert_eq!(
        files_below(&folder),
        expected,
        "a file without an event, or an event without a file"
    );
}

/// What a consumer of the topic can meet: the end of `asyncapi.yaml`, a message for each schema.
fn messages() -> String {
    let mut yaml = "    messages:\n".to_owned();
    let mut schemas = event_schemas();
    schemas.extend(retired_schemas());
    schemas.sort_by_key(file_name);
    for schema in schemas {
        let EventSchema {
            event_type, version, ..
        } = &schema;
        let summary = schema.schema["description"].as_str().unwrap_or_default();
        yaml += &format!(
            "      {event_type}.v{version}:
        name: {event_type}
        title: {event_type}, version {version}
        summary: {}
        traits:
          - $ref: \"#/components/messageTraits/event\"
        payload:
          $ref: \"./events/{}\"
",
            json!(summary),
            file_name(&schema)
        );
    }
    yaml
}

#[test]
fn asyncapi_has_a_message_for_each_event() {
    let file = folder("asyncapi.yaml");
    let stored = fs::read_to_string(&file).unwrap();
    let (by_hand, _) = stored.rsplit_once("    messages:\n").unwrap();
    let generated = format!("{by_hand}{}", messages());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&file, generated).unwrap();
    } else {
        assert_eq!(stored, generated, "run the tests with UPDATE_SCHEMAS=1");
    }
}

#[test]
fn schemas_have_the_names_of_the_streams_and_of_the_events() {
    let schemas = event_schemas();
    let names: BTreeSet<&str> = schemas.iter().map(|schema| schema.event_type.as_str()).collect();
    assert_eq!(names.len(), schemas.len());
    for schema in &schemas {
        assert_eq!(schema.event_type.split('.').next(), Some(schema.stream));
        assert!(
            schema.schema["properties"][&schema.event_type].is_object(),
            "{}",
            schema.event_type
        );
    }
}

/// Where strings are found, below a node, that are neither open nor a `Text`; and texts that are open.
struct Walk<'a> {
    root: &'a Value,
    faults: Vec<String>,
    texts: usize,
}

impl Walk<'_> {
    fn node(&mut self, node: &Value, open: bool, path: &str) {
        let Value::Object(members) = node else {
            // `true` as a schema lets everything pass, so strings as well.
            if node != &json!(false) {
                self.faults.push(format!("{path}: lets everything pass"));
            }
            return;
        };
        let open = open || members.get("x-open") == Some(&json!(true));
        if let Some(reference) = members.get("$ref") {
            let reference = reference.as_str().unwrap();
            if reference == "#/$defs/Text" {
                self.texts += 1;
                if open {
                    self.faults.push(format!("{path}: a Text is marked as open"));
                }
            } else {
                let target = self.root.pointer(reference.strip_prefix('#').unwrap()).unwrap();
                self.node(target, open, &format!("{path} -> {reference}"));
            }
        }
        let says_nothing = !["$ref", "type", "const", "enum", "oneOf", "anyOf", "allOf"]
            .iter()
            .any(|key| members.contains_key(*key));
        if says_nothing {
            self.faults.push(format!("{path}: lets everything pass"));
        }
        let of_type = match members.get("type") {
            Some(Value::Array(types)) => types.contains(&json!("string")),
            Some(name) => name == "string",
            None => false,
        };
        let constant = members.get("const").is_some_and(Value::is_string);
        let listed = members
            .get("enum")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(Value::is_string));
        if (of_type || constant || listed) && !open {
            self.faults
                .push(format!("{path}: a string that is neither open nor a Text"));
        }
        // Only what is named can be told to be sealed or open.
        if members.get("type") == Some(&json!("object")) && members.get("additionalProperties").is_none() {
            self.faults
                .push(format!("{path}: an object that lets more properties pass"));
        }
        for (keyword, value) in members {
            let path = format!("{path}/{keyword}");
            match (keyword.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(properties)) => {
                    for (name, property) in properties {
                        self.node(property, open, &format!("{path}/{name}"));
                    }
                }
                ("items" | "not" | "if" | "then" | "else" | "contains", _) => self.node(value, open, &path),
                ("additionalProperties", _) => self.node(value, open, &path),
                ("oneOf" | "anyOf" | "allOf" | "prefixItems", Value::Array(options)) => {
                    for (index, option) in options.iter().enumerate() {
                        self.node(option, open, &format!("{path}/{index}"));
                    }
                }
                (
                    "$defs" | "$ref" | "$schema" | "title" | "description" | "type" | "const" | "enum" | "required"
                    | "format" | "pattern" | "minimum" | "maximum" | "minItems" | "maxItems" | "default" | "x-open",
                    _,
                ) => {}
                _ => self
                    .faults
                    .push(format!("{path}: a keyword that this test does not know")),
            }
        }
    }
}

fn walk(schema: &Value) -> Walk<'_> {
    let mut walk = Walk {
        root: schema,
        faults: Vec::new(),
        texts: 0,
    };
    walk.node(schema, false, "");
    walk
}

#[test]
fn every_string_is_open_or_a_text() {
    let mut texts = 0;
    for EventSchema { event_type, schema, .. } in event_schemas().into_iter().chain(retired_schemas()) {
        let walk = walk(&schema);
        assert!(walk.faults.is_empty(), "{event_type}:\n{}", walk.faults.join("\n"));
        texts += walk.texts;
    }
    assert!(texts > 20, "the walk found {texts} texts only: it went past them");
}

#[test]
fn the_walk_finds_strings_without_a_mark() {
    let faulty = [
        json!({"type": "string"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "object", "properties": {"a": {"enum": ["x"]}}, "additionalProperties": false}),
        json!({"type": "object", "properties": {}}),
        json!({"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/A"}]}, "$defs": {"A": {"const": "x"}}}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "array", "items": {}}),
        json!({"$ref": "#/$defs/Text", "x-open": true, "$defs": {"Text": {}}}),
    ];
    for schema in faulty {
        assert_eq!(walk(&schema).faults.len(), 1, "{schema}");
    }
    let right = [
        json!({"type": "string", "x-open": true}),
        json!({"$ref": "#/$defs/A", "x-open": true, "$defs": {"A": {"const": "x"}}}),
        json!({"$ref": "#/$defs/Text", "$defs": {"Text": {}}}),
    ];
    for schema in right {
        assert!(walk(&schema).faults.is_empty(), "{schema}");
    }
}

/// The sample as it is read today: brought up from the version that it was stored in.
fn upcast(schema: &EventSchema, sample: &str) -> Value {
    let mut event = SerializedEvent {
        aggregate_id: String::new(),
        sequence: 1,
        aggregate_type: schema.stream.to_owned(),
        event_type: schema.event_type.clone(),
        event_version: schema.version.clone(),
        payload: serde_json::from_str(sample).unwrap(),
        metadata: Value::Null,
    };
    for upcaster in upcasters() {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            event = upcaster.upcast(event);
        }
    }
    event.payload
}

/// A sample read as its event and written again.
fn round_trip<E: DomainEvent>(sample: &str) -> (String, String, Value) {
    let event: E = serde_json::from_str(sample).unwrap();
    (
        event.event_type(),
        event.event_version(),
        serde_json::to_value(&event).unwrap(),
    )
}

#[test]
fn golden_samples_of_all_events_load() {
    let folder = folder("stored");
    let retired = retired_schemas();
    let schemas: Vec<EventSchema> = event_schemas().into_iter().chain(retired.iter().cloned()).collect();
    let mut with_sample = BTreeSet::new();
    for file in files_below(&folder) {
        // `<event type>.v<version>.json`, or `….v<version>.<case>.json` where an event has more than one shape.
        let of_file = |schema: &&EventSchema| {
            let stem = format!("{}/{}.v{}.", schema.feature, schema.event_type, schema.version);
            file.starts_with(&stem) && file.ends_with(".json")
        };
        let schema = schemas
            .iter()
            .find(of_file)
            .unwrap_or_else(|| panic!("{file} is a sample of no event"));
        let sample = fs::read_to_string(folder.join(&file)).unwrap();
        let read = match schema.stream {
            "user" => round_trip::<UserEvent>,
            "email" => round_trip::<EmailEvent>,
            "book" => round_trip::<BookEvent>,
            "account" => round_trip::<AccountEvent>,
            "category" => round_trip::<CategoryEvent>,
            "transaction" => round_trip::<TransactionEvent>,
            "document" => round_trip::<DocumentEvent>,
            "import" => round_trip::<ImportEvent>,
            other => panic!("no enum known for {other}"),
        };
        let upcast = upcast(schema, &sample);
        let (event_type, version, written) = read(&upcast.to_string());
        assert_eq!(event_type, schema.event_type, "{file}");
        assert_eq!(version, super::version_of(&event_type).to_string(), "{file}");
        assert_eq!(pretty(&written), pretty(&upcast), "{file}");
        let unchanged = upcast == serde_json::from_str::<Value>(&sample).unwrap();
        assert_ne!(unchanged, retired.contains(schema), "{file}");
        with_sample.insert(file);
    }
    for schema in &schemas {
        assert!(
            with_sample.contains(&file_name(schema)),
            "{} has no sample",
            schema.event_type
        );
    }
}
