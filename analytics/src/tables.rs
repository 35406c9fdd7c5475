//! Which tables and columns there are: `events`, one table for each type of event, and one for each list in it. All are derived
//! from the JSON Schemas of the stored events.
//!
//! Objects become columns joined by `_` (`money` becomes `money_minor` and `money_currency`), lists become tables of their own,
//! one row an element. Days are dates, amounts whole minor units beside their currency, ids text.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The table of all events.
pub const EVENTS: &str = "events";
/// Never exported, to nobody: what proves who somebody is.
const SECRETS: [&str; 2] = ["password", "password_hash"];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Text: ids, codes, words.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment in UTC, to the microsecond.
    Time,
    /// JSON, as text.
    Json,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
            Self::Json => "json",
        })
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub column_type: Type,
    /// Whether it holds sealed texts: null where they are left out or forgotten.
    pub sealed: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in SQL and in the folders of an export.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
}

impl Table {
    fn of(name: String, envelope: &[(&str, Type)]) -> Self {
        let column = |&(name, column_type): &(&str, Type)| Column {
            name: name.to_owned(),
            column_type,
            sealed: false,
        };
        Self {
            name,
            columns: envelope.iter().map(column).collect(),
        }
    }

    /// Adds a column of an event's content; one that is called like a column which every table has gets another name.
    fn add(&mut self, path: &str, column_type: Type, sealed: bool) -> usize {
        let mut name = if path.is_empty() { "value" } else { path }.to_owned();
        while self.columns.iter().any(|column| column.name == name) {
            name.insert_str(0, "its_");
        }
        self.columns.push(Column {
            name,
            column_type,
            sealed,
        });
        self.columns.len() - 1
    }
}

/// What stands at a place of an event's content, and which columns it fills.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The column of what stands here itself, if it is no object and no list.
    pub(crate) value: Option<usize>,
    /// The column that tells whether there is something here: an object without properties.
    pub(crate) present: Option<usize>,
    /// By the name of the property.
    pub(crate) properties: BTreeMap<String, Place>,
    /// The table of the elements, and what an element is.
    pub(crate) items: Option<(usize, Box<Place>)>,
}

/// Where the events of a type go to.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Its table.
    pub(crate) table: usize,
    /// What its content is.
    pub(crate) content: Place,
    /// Whether there can be sealed texts in it.
    pub(crate) sealed: bool,
}

/// All tables. The first is `events`.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<Table>,
    plans: HashMap<String, Plan>,
}

/// What every row of `events` has.
pub(crate) const EVENT_COLUMNS: [(&str, Type); 14] = [
    ("position", Type::Integer),
    ("recorded_at", Type::Time),
    ("event", Type::Text),
    ("version", Type::Text),
    ("kind", Type::Text),
    ("stream", Type::Text),
    ("sequence", Type::Integer),
    ("owner", Type::Text),
    ("actor", Type::Text),
    ("correlation", Type::Text),
    ("causation", Type::Integer),
    ("command", Type::Text),
    ("texts", Type::Text),
    ("payload", Type::Json),
];

/// What every row of an event type's table begins with.
pub(crate) const TYPED_COLUMNS: [(&str, Type); 7] = [
    ("position", Type::Integer),
    ("recorded_at", Type::Time),
    ("stream", Type::Text),
    ("sequence", Type::Integer),
    ("owner", Type::Text),
    ("actor", Type::Text),
    ("texts", Type::Text),
];

/// What every row of a list's table begins with.
pub(crate) const ITEM_COLUMNS: [(&str, Type); 5] = [
    ("position", Type::Integer),
    ("recorded_at", Type::Time),
    ("stream", Type::Text),
    ("owner", Type::Text),
    ("nth", Type::Integer),
];

impl Tables {
    /// Derives them from the schemas of the stored events: event type, version, JSON Schema. Of several versions the newest counts,
    /// since events are brought to it when they are read.
    pub fn new<'a>(schemas: impl IntoIterator<Item = (&'a str, &'a str, &'a Value)>) -> Self {
        let mut newest: BTreeMap<&str, (u32, &Value)> = BTreeMap::new();
        for (event_type, version, schema) in schemas {
            let version = version.parse().unwrap_or(0);
            if newest.get(event_type).is_none_or(|(known, _)| *known < version) {
                newest.insert(event_type, (version, schema));
            }
        }
        let mut tables = vec![Table::of(EVENTS.to_owned(), &EVENT_COLUMNS)];
        let mut plans = HashMap::new();
        for (event_type, (_, schema)) in newest {
            let table = tables.len();
            tables.push(Table::of(event_type.replace('.', "_"), &TYPED_COLUMNS));
            let mut deriving = Deriving {
                root: schema,
                tables: &mut tables,
            };
            let content = match schema.pointer("/properties").and_then(|all| all.get(event_type)) {
                Some(content) => deriving.place(&[content], table, "", true),
                None => Place::default(),
            };
            let sealed = tables[table..]
                .iter()
                .flat_map(|table| &table.columns)
                .any(|column| column.sealed);
            plans.insert(event_type.to_owned(), Plan { table, content, sealed });
        }
        Self { tables, plans }
    }

    /// All of them, `events` first.
    pub fn all(&self) -> &[Table] {
        &self.tables
    }

    /// The table of this name, in whatever letters.
    pub fn named(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn plan(&self, event_type: &str) -> Option<&Plan> {
        self.plans.get(event_type)
    }
}

/// Whether what stands under this name is never exported.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

struct Deriving<'a> {
    root: &'a Value,
    tables: &'a mut Vec<Table>,
}

impl<'a> Deriving<'a> {
    /// The columns of what any of these schemas describes. `lists` tells whether a list may become a table: not one within another.
    fn place(&mut self, schemas: &[&'a Value], table: usize, path: &str, lists: bool) -> Place {
        let mut leaves = Vec::new();
        for schema in schemas {
            self.leaves(schema, &mut leaves);
        }
        let sealed = leaves.iter().any(|leaf| is_mark(leaf));
        leaves.retain(|leaf| !is_mark(leaf) && kind(leaf) != "null");
        let mut place = Place::default();
        let (mut scalars, mut bare) = (Vec::new(), false);
        let (mut properties, mut items) = (BTreeMap::<&str, Vec<&Value>>::new(), Vec::new());
        for leaf in leaves {
            match kind(leaf) {
                "object" => match leaf["properties"].as_object() {
                    Some(named) => {
                        for (name, schema) in named.iter().filter(|(name, _)| !is_secret(name)) {
                            properties.entry(name).or_default().push(schema);
                        }
                    }
                    None => bare = true,
                },
                "array" if lists => items.push(&leaf["items"]),
                "string" => scalars.push(match leaf["format"].as_str() {
                    Some("date") => Type::Date,
                    Some("date-time") => Type::Time,
                    _ => Type::Text,
                }),
                "integer" => scalars.push(Type::Integer),
                "boolean" => scalars.push(Type::Boolean),
                _ => scalars.push(Type::Json),
            }
        }
        scalars.dedup();
        place.value = match scalars.as_slice() {
            [] => None,
            [one] => Some(self.tables[table].add(path, *one, sealed)),
            _ => Some(self.tables[table].add(path, Type::Json, sealed)),
        };
        if bare && !path.is_empty() {
            place.present = Some(self.tables[table].add(path, Type::Boolean, false));
        }
        for (name, schemas) in properties {
            let path = joined(path, name);
            let of = self.place(&schemas, table, &path, lists);
            place.properties.insert(name.to_owned(), of);
        }
        if !items.is_empty() {
            let name = format!("{}_{path}", self.tables[table].name);
            let table = self.tables.len();
            self.tables.push(Table::of(name, &ITEM_COLUMNS));
            place.items = Some((table, Box::new(self.place(&items, table, "", false))));
        }
        place
    }

    /// The schemas that can describe a place, references and alternatives resolved.
    fn leaves(&self, schema: &'a Value, into: &mut Vec<&'a Value>) {
        let target = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| self.root.pointer(pointer)) {
            return self.leaves(target, into);
        }
        let alternatives = ["anyOf", "oneOf", "allOf"];
        match alternatives.iter().find_map(|name| schema[*name].as_array()) {
            Some(branches) => branches.iter().for_each(|branch| self.leaves(branch, into)),
            None => into.push(schema),
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}_{name}")
    }
}

/// The type that a schema names; of several the one that is not null.
fn kind(leaf: &Value) -> &str {
    match &leaf["type"] {
        Value::String(one) => one,
        Value::Array(several) => {
            let mut names = several.iter().filter_map(Value::as_str);
            names.find(|name| *name != "null").unwrap_or("null")
        }
        _ if leaf["const"].is_string() || leaf["enum"].is_array() => "string",
        _ => "",
    }
}

/// Whether this is the mark that stands in the place of a text that is forgotten.
fn is_mark(leaf: &Value) -> bool {
    let properties = leaf["properties"].as_object();
    properties.is_some_and(|properties| properties.len() == 1 && properties.contains_key("forgotten"))
}

#[cfg(test)]
mod tests;
