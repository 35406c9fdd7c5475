//! Tables of made-up schemas, and of those that there are.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::json;

use super::*;

fn columns(tables: &Tables, table: &str) -> Vec<String> {
    let table = tables
        .named(table)
        .unwrap_or_else(|| panic!("there is a table {table}"));
    let own = table
        .columns
        .iter()
        .skip(if table.name.contains("lines") { 5 } else { 7 });
    own.map(|column| format!("{} {}", column.name, column.column_type))
        .collect()
}

#[test]
fn a_schema_becomes_columns_and_tables() {
    let schema = json!({
        "$defs": {
            "Money": {"type": "object", "properties": {"minor": {"type": "integer"}, "currency": {"type": "string"}}},
            "Target": {"oneOf": [
                {"type": "object", "properties": {"account": {"type": "string"}}},
                {"type": "object", "properties": {"none": {"type": "object"}}},
            ]},
        },
        "properties": {"thing.done": {"type": "object", "properties": {
            "position": {"type": "string"},
            "on": {"type": "string", "format": "date"},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "money": {"anyOf": [{"$ref": "#/$defs/Money"}, {"type": "null"}]},
            "target": {"$ref": "#/$defs/Target"},
            "sure": {"type": "boolean"},
            "password": {"type": "string"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Money"}},
            "tags": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
            "odd": {"type": ["integer"], "oneOf": [{"type": "integer"}, {"type": "string"}]},
        }}},
    });
    let older = json!({"properties": {"thing.done": {"type": "object", "properties": {"gone": {"type": "string"}}}}});
    let tables = Tables::new([("thing.done", "2", &schema), ("thing.done", "1", &older)]);
    assert_eq!(
        columns(&tables, "thing_done"),
        [
            "at time",
            "money_currency text",
            "money_minor integer",
            "odd json",
            "on date",
            "its_position text",
            "sure boolean",
            "target_account text",
            "target_none boolean",
        ]
    );
    assert_eq!(columns(&tables, "thing_done_lines"), ["currency text", "minor integer"]);
    let tags = tables.named("THING_DONE_TAGS").unwrap();
    assert_eq!(
        tags.columns.last().map(|column| column.column_type),
        Some(Type::Json),
        "lists in lists stay JSON"
    );
    assert_eq!(tables.all()[0].name, EVENTS);
}

/// All schemas of the repository, by event type.
fn schemas() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/events");
    let features = fs::read_dir(folder).unwrap();
    let files = features.flat_map(|feature| fs::read_dir(feature.unwrap().path()).unwrap());
    let schema = |file: fs::DirEntry| {
        let schema: Value = serde_json::from_str(&fs::read_to_string(file.path()).unwrap()).unwrap();
        (schema["required"][0].as_str().unwrap().to_owned(), schema)
    };
    files.map(|file| schema(file.unwrap())).collect()
}

#[test]
fn every_event_that_there_is_has_its_table() {
    let schemas = schemas();
    let tables = Tables::new(schemas.iter().map(|(name, schema)| (name.as_str(), "1", schema)));
    for (name, _) in &schemas {
        assert!(tables.named(&name.replace('.', "_")).is_some(), "{name}");
    }
    let names: BTreeSet<&str> = tables.all().iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names.len(), tables.all().len(), "no name twice");
    for table in tables.all() {
        let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(columns.len(), table.columns.len(), "{}: no column twice", table.name);
        assert!(!columns.iter().any(|name| name.contains("password")), "{}", table.name);
    }
    let postings = tables.named("transaction_recorded_postings").unwrap();
    let column = |name: &str| postings.columns.iter().find(|column| column.name == name).unwrap();
    assert_eq!(column("money_minor").column_type, Type::Integer);
    assert_eq!(column("money_currency").column_type, Type::Text);
    assert!(!column("target_category").sealed);
    let recorded = tables.named("transaction_recorded").unwrap();
    let column = |name: &str| recorded.columns.iter().find(|column| column.name == name).unwrap();
    assert_eq!(column("booked_on").column_type, Type::Date);
    assert!(column("merchant").sealed && column("note").sealed);
    assert_eq!(column("origin_import_line").column_type, Type::Integer);
}
