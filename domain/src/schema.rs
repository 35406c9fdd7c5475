//! JSON Schemas of the stored events, one per event type and version, derived from the event enums.
//!
//! They say what may be read without a key. **The rule:** every string of a payload is sealed when stored, unless the
//! schema marks it as open by `"x-open": true`. The mark stands at the node of the string or at one above it, and a
//! node with the mark covers everything below it, references that it follows included. Open are identifiers, codes,
//! enumerations, days and hashes; never what a person, a file or a bank wrote. A string without the mark must be a
//! [`Text`](crate::values::Text) (`"$ref": "#/$defs/Text"`), which can also read as forgotten. Names of properties are
//! ours, and numbers and booleans are not sealed. Tests walk all schemas and hold them to this.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, DomainEvent, persist::EventUpcaster};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::{accounts, books, categories, documents, imports, transactions, users};

/// The dialect of all schemas.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one version of an event type.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSchema {
    /// The feature that the event belongs to: the name of its module.
    pub feature: &'static str,
    /// Type of the stream, as in [`Aggregate::TYPE`].
    pub stream: &'static str,
    /// Stored name: `transaction.recorded`.
    pub event_type: String,
    /// Stored version.
    pub version: String,
    /// The schema of the stored payload, `{"transaction.recorded": {…}}`, opened. It refers to nothing outside itself.
    pub schema: Value,
}

/// The schemas of all events as they are stored today, in the order of features and of the variants of their enums.
pub fn event_schemas() -> Vec<EventSchema> {
    let mut schemas = Vec::new();
    schemas.extend(of_aggregate::<users::User>("users"));
    schemas.extend(of_aggregate::<users::EmailReservation>("users"));
    schemas.extend(of_aggregate::<books::Book>("books"));
    schemas.extend(of_aggregate::<accounts::Account>("accounts"));
    schemas.extend(of_aggregate::<categories::Category>("categories"));
    schemas.extend(of_aggregate::<transactions::Transaction>("transactions"));
    schemas.extend(of_aggregate::<documents::Document>("documents"));
    schemas.extend(of_aggregate::<imports::Import>("imports"));
    schemas
}

/// A version that nothing is stored in any more, with its schema as it was then: that never changes again.
struct Retired {
    feature: &'static str,
    stream: &'static str,
    event_type: &'static str,
    version: u32,
    schema: &'static str,
}

/// All versions that were replaced. An event type has one version more than stand here.
const RETIRED: &[Retired] = &[Retired {
    feature: "documents",
    stream: documents::Document::TYPE,
    event_type: "document.validated",
    version: 1,
    schema: include_str!("../../schemas/events/documents/document.validated.v1.json"),
}];

/// The schemas of the versions that stand in journals, but that nothing is stored in any more.
pub fn retired_schemas() -> Vec<EventSchema> {
    let of_one = |retired: &Retired| {
        Some(EventSchema {
            feature: retired.feature,
            stream: retired.stream,
            event_type: retired.event_type.to_owned(),
            version: retired.version.to_string(),
            schema: serde_json::from_str(retired.schema).ok()?,
        })
    };
    RETIRED.iter().filter_map(of_one).collect()
}

/// What brings events of retired versions to the shape of today, in the order in which it is to be done. Each takes an event
/// one version further, after it was opened.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    vec![Box::new(documents::ValidatedWithoutFindings)]
}

/// The version that an event is stored in today.
fn version_of(event_type: &str) -> u32 {
    let retired = RETIRED.iter().filter(|retired| retired.event_type == event_type);
    retired.map(|retired| retired.version).max().unwrap_or_default() + 1
}

/// The variants of an aggregate's event enum, a schema each.
fn of_aggregate<A: Aggregate>(feature: &'static str) -> Vec<EventSchema>
where
    A::Event: DomainEvent + JsonSchema,
{
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut root = generator.root_schema_for::<A::Event>().to_value();
    let definitions = match root["$defs"].take() {
        Value::Object(definitions) => definitions,
        _ => Map::new(),
    };
    let Value::Array(variants) = root["oneOf"].take() else {
        return Vec::new();
    };
    let of_variant = |variant: Value| {
        // An externally tagged enum: each variant is an object of one property, the stored name.
        let event_type = variant["required"][0].as_str()?.to_owned();
        let version = version_of(&event_type).to_string();
        let mut schema = Map::from_iter([
            ("$schema".to_owned(), DIALECT.into()),
            ("title".to_owned(), format!("{event_type}, version {version}").into()),
        ]);
        let used = reachable(&variant, &definitions);
        if let Value::Object(variant) = variant {
            schema.extend(variant);
        }
        let used = definitions.iter().filter(|(name, _)| used.contains(*name));
        let used: Map<_, _> = used
            .map(|(name, definition)| (name.clone(), definition.clone()))
            .collect();
        if !used.is_empty() {
            schema.insert("$defs".to_owned(), used.into());
        }
        Some(EventSchema {
            feature,
            stream: A::TYPE,
            event_type,
            version,
            schema: schema.into(),
        })
    };
    variants.into_iter().filter_map(of_variant).collect()
}

/// The names of all definitions that a schema refers to, directly or through others.
fn reachable(schema: &Value, definitions: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(node) = open.pop() {
        match node {
            Value::Object(members) => {
                let target = members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|r| r.strip_prefix("#/$defs/"));
                if let Some((name, definition)) = target.and_then(|name| definitions.get_key_value(name))
                    && found.insert(name.clone())
                {
                    open.push(definition);
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
