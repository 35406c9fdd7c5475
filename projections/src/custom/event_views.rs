//! Views of the journal, one for each type of event, with a typed column for everything in it that is not sealed: made from
//! the JSON Schemas that say what is sealed.
//!
//! `events.transaction_recorded` has a row per event. What is a list in the event has a view of its own, a row per element:
//! `events.transaction_recorded_postings`. Events of owners who were forgotten are in none of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use spendlog_domain::schema::{EventSchema, event_schemas};

use super::{CustomError, incremental::quoted};
use crate::{ProjectionError, writer::Writer};

/// Schemas are not nested deeper than this; one that contains itself would be.
const DEPTH_MAX: usize = 12;

/// Makes the views, where they are not as the schemas say now. Who may read them is lost with the old ones: grant it anew. A
/// schema that has not our mark on it is somebody else's, and stays.
pub(crate) async fn make(writer: &Writer) -> Result<(), CustomError> {
    let mut sql = "DROP SCHEMA IF EXISTS events CASCADE; CREATE SCHEMA events;\n".to_owned();
    for view in views(&event_schemas()) {
        sql.push_str(&view.sql());
    }
    // The mark was a bare hash before.
    let known = "SELECT 'spendlog:' || md5($1::text), to_regnamespace('events') IS NOT NULL, \
                   coalesce(obj_description(to_regnamespace('events'), 'pg_namespace'), '') ~ '^(spendlog:)?[0-9a-f]{32}$', \
                   obj_description(to_regnamespace('events'), 'pg_namespace') IS NOT DISTINCT FROM 'spendlog:' || md5($1::text)";
    let rows = writer.query(known.to_owned(), &[&sql]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (mark, there, ours): (&str, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if there && !ours {
        return Err(CustomError::SchemaTaken);
    }
    if !row.try_get::<_, bool>(3)? {
        let sql = format!("BEGIN; {sql} COMMENT ON SCHEMA events IS '{mark}'; COMMIT");
        writer.client.batch_execute(&sql).await.map_err(ProjectionError::from)?;
    }
    Ok(())
}

/// Whether a view has a row per element of a list.
pub(crate) fn is_list(view: &str) -> bool {
    let bare = view.trim_start_matches("events.").trim_matches('"');
    views(&event_schemas())
        .iter()
        .any(|found| found.name == bare && found.list.is_some())
}

/// A view.
#[derive(Debug)]
struct View {
    name: String,
    event_type: String,
    /// The name of the stream's id, where that is an id of ours.
    stream: Option<String>,
    /// Where the list is in the event, as an expression.
    list: Option<String>,
    /// Name, type and expression.
    columns: Vec<(String, &'static str, String)>,
}

impl View {
    fn sql(&self) -> String {
        let Self {
            name,
            event_type,
            stream,
            list,
            columns,
        } = self;
        let mut shown: Vec<String> = ["e.position", "e.recorded_at", "e.owner_id"].map(str::to_owned).into();
        let mut taken: BTreeSet<&str> = ["position", "recorded_at", "owner_id", "number"].into();
        if let Some(stream) = stream {
            shown.push(format!("right(e.aggregate_id, 32)::uuid AS {}", quoted(stream)));
            taken.insert(stream);
        }
        shown.push("e.sequence".to_owned());
        taken.insert("sequence");
        if list.is_some() {
            shown.push("item.number".to_owned());
        }
        for (column, kind, expression) in columns {
            // What the stream's id says already is not said again.
            if taken.insert(column) {
                shown.push(format!("({expression})::{kind} AS {}", quoted(column)));
            }
        }
        let items = list.as_ref().map_or_else(String::new, |list| {
            format!(
                " CROSS JOIN LATERAL json_array_elements(CASE json_typeof({list}) WHEN 'array' THEN {list} END) \
                 WITH ORDINALITY AS item (value, number)"
            )
        });
        format!(
            "CREATE VIEW events.{} AS SELECT {} FROM es.events e{items} WHERE e.event_type = '{event_type}' AND NOT EXISTS \
             (SELECT FROM es.keys k WHERE k.scope = 'owner' AND k.name = e.owner_id::text AND k.wrapped IS NULL);\n",
            quoted(name),
            shown.join(", ")
        )
    }
}

/// The views of all types of events; the versions of one have the columns of all of them.
fn views(schemas: &[EventSchema]) -> Vec<View> {
    let mut found: BTreeMap<String, View> = BTreeMap::new();
    for schema in schemas {
        let EventSchema { event_type, stream, .. } = schema;
        let Some(content) = schema.schema.get("properties").and_then(|all| all.get(event_type)) else {
            continue;
        };
        let name = event_type.replace('.', "_");
        // Addresses are streams as well, but their ids are hashes.
        let stream = (*stream != "email").then(|| format!("{stream}_id"));
        let mut walk = Walk {
            root: &schema.schema,
            lists: Vec::new(),
        };
        let columns = walk.columns(vec![(content, false)], &format!("e.payload -> '{event_type}'"), "", 0);
        let mut all = vec![(name.clone(), None, columns)];
        for (list, expression, columns) in walk.lists {
            all.push((format!("{name}_{list}"), Some(expression), columns));
        }
        for (name, list, columns) in all {
            let view = found.entry(name.clone()).or_insert_with(|| View {
                name,
                event_type: event_type.clone(),
                stream: stream.clone(),
                list,
                columns: Vec::new(),
            });
            for column in columns {
                if !view.columns.iter().any(|(name, ..)| *name == column.0) {
                    view.columns.push(column);
                }
            }
        }
    }
    found.into_values().collect()
}

type Column = (String, &'static str, String);
/// A schema, and whether `x-open` stands above it.
type Branch<'a> = (&'a Value, bool);

struct Walk<'a> {
    root: &'a Value,
    /// Name, expression and columns of each list.
    lists: Vec<(String, String, Vec<Column>)>,
}

impl<'a> Walk<'a> {
    /// The columns of what stands at a place that these schemas describe.
    fn columns(&mut self, branches: Vec<Branch<'a>>, at: &str, name: &str, depth: usize) -> Vec<Column> {
        let leaves = self.leaves(branches);
        let is = |schema: &Value, word: &str| match schema.get("type") {
            Some(Value::String(one)) => one == word,
            Some(Value::Array(all)) => all.iter().any(|one| one == word),
            _ => false,
        };
        let strings: Vec<&Branch<'_>> = leaves
            .iter()
            .filter(|(schema, _)| is(schema, "string") || schema.get("const").is_some_and(Value::is_string))
            .collect();
        // What can be sealed is left out, whatever else can stand there.
        if depth > DEPTH_MAX || strings.iter().any(|(_, open)| !open) {
            return Vec::new();
        }
        // The elements of a list of plain values.
        let place = name;
        let name = if place.is_empty() { "value" } else { place };
        if let Some((first, _)) = strings.first() {
            let text = as_text(at);
            let told = |word: &str, value: &str| first.get(word).and_then(Value::as_str) == Some(value);
            let of_id = first.get("pattern").and_then(Value::as_str);
            let prefix = of_id.and_then(|pattern| pattern.strip_prefix('^')?.strip_suffix("_[0-9a-f]{32}$"));
            return vec![match prefix {
                Some("pst") if name == "id" => ("posting_id".to_owned(), "uuid", format!("right({text}, 32)")),
                Some(_) if name == "id" || name.ends_with("_id") => {
                    (name.to_owned(), "uuid", format!("right({text}, 32)"))
                }
                Some(_) => (format!("{name}_id"), "uuid", format!("right({text}, 32)")),
                None if told("format", "date") => (name.to_owned(), "date", text),
                None if told("format", "date-time") => (name.to_owned(), "timestamptz", text),
                None => (name.to_owned(), "text", text),
            }];
        }
        if leaves.iter().any(|(schema, _)| is(schema, "integer")) {
            let wide = leaves
                .iter()
                .any(|(schema, _)| schema.get("format").and_then(Value::as_str) == Some("uint64"));
            return vec![(name.to_owned(), if wide { "numeric" } else { "bigint" }, as_text(at))];
        }
        if leaves.iter().any(|(schema, _)| is(schema, "boolean")) {
            return vec![(name.to_owned(), "boolean", as_text(at))];
        }
        let items: Vec<Branch<'a>> = leaves
            .iter()
            .filter_map(|(schema, open)| Some((schema.get("items")?, *open)))
            .collect();
        if !items.is_empty() {
            // A list within a list is left out.
            if !at.starts_with("item.value") {
                let columns = self.columns(items, "item.value", "", depth + 1);
                self.lists.push((name.to_owned(), at.to_owned(), columns));
            }
            return Vec::new();
        }
        let mut properties: Vec<(&str, Vec<Branch<'a>>)> = Vec::new();
        for (schema, open) in &leaves {
            for (key, property) in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                match properties.iter_mut().find(|(known, _)| known == key) {
                    Some((_, branches)) => branches.push((property, *open)),
                    None => properties.push((key, vec![(property, *open)])),
                }
            }
        }
        let mut columns = Vec::new();
        for (key, branches) in properties {
            let name = if place.is_empty() {
                key.to_owned()
            } else {
                format!("{place}_{key}")
            };
            columns.extend(self.columns(branches, &format!("{at} -> '{key}'"), &name, depth + 1));
        }
        columns
    }

    /// Follows references and alternatives down to the schemas that say something themselves.
    fn leaves(&self, branches: Vec<Branch<'a>>) -> Vec<Branch<'a>> {
        let (mut open_ends, mut leaves) = (branches, Vec::new());
        let mut steps = 0;
        while let Some((schema, open)) = open_ends.pop() {
            steps += 1;
            if steps > 1000 {
                return Vec::new();
            }
            let open = open || schema.get("x-open") == Some(&Value::Bool(true));
            let mut below = Vec::new();
            let reference = schema.get("$ref").and_then(Value::as_str);
            below.extend(reference.and_then(|all| self.root.pointer(all.strip_prefix('#')?)));
            for word in ["anyOf", "oneOf", "allOf"] {
                below.extend(schema.get(word).and_then(Value::as_array).into_iter().flatten());
            }
            if below.is_empty() {
                leaves.push((schema, open));
            }
            open_ends.extend(below.into_iter().rev().map(|schema| (schema, open)));
        }
        leaves
    }
}

/// What stands at a place, as text: the last step of the way takes it out of its JSON.
fn as_text(at: &str) -> String {
    match at.rsplit_once(" -> ") {
        Some((before, key)) => format!("{before} ->> {key}"),
        None => format!("{at} #>> '{{}}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_part_of_an_event_is_a_typed_column_and_no_sealed_one_is() {
        let views = views(&event_schemas());
        let columns = |name: &str| -> Vec<String> {
            let view = views.iter().find(|view| view.name == name).unwrap();
            view.columns
                .iter()
                .map(|(name, kind, _)| format!("{name} {kind}"))
                .collect()
        };
        assert_eq!(
            columns("transaction_recorded"),
            [
                "book_id uuid",
                "booked_on date",
                "origin_document_document_id uuid",
                "origin_import_document_id uuid",
                "origin_import_import_id uuid",
                "origin_import_line bigint",
                "transaction_id uuid",
            ]
        );
        assert_eq!(
            columns("transaction_recorded_postings"),
            [
                "posting_id uuid",
                "money_currency text",
                "money_minor bigint",
                "target_account_id uuid",
                "target_category_id uuid"
            ]
        );
        assert_eq!(columns("user_registered"), ["email_key text", "user_id uuid"]);
        assert!(is_list("events.\"transaction_recorded_postings\"") && !is_list("events.\"transaction_recorded\""));
        let all = views
            .iter()
            .flat_map(|view| view.columns.iter().map(|(name, ..)| name.as_str()));
        for sealed in ["merchant", "note", "email", "password_hash", "raw", "value_text"] {
            assert!(
                all.clone()
                    .all(|name| name != sealed && !name.ends_with(&format!("_{sealed}"))),
                "{sealed}"
            );
        }
    }
}
