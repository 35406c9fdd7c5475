//! What of each event is sealed, worked out from its JSON Schema.
//!
//! A string is stored as it is only where the schema says `"x-open": true` about it, on every branch (`anyOf`, `oneOf`,
//! `allOf`, `$ref`) by which a string can stand there; every other string is sealed, also one that the schema does not know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

/// A schema that nothing can be sealed by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealPlanError {
    /// A reference leads outside the schema, or nowhere.
    #[error("the schema of {event_type} refers to {reference}, which is not in it")]
    Reference {
        /// The event's name.
        event_type: String,
        /// The reference.
        reference: String,
    },
    /// An object has keys that are not known beforehand: keys can't be sealed.
    #[error("the schema of {event_type} allows keys that it does not name")]
    Keys {
        /// The event's name.
        event_type: String,
    },
}

/// The plan for a place where the schema says nothing: all strings are sealed.
pub(crate) const SEAL_ALL: usize = 0;

/// What to do at one place of a payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// A string that stands here is stored as it is.
    pub(crate) open: bool,
    /// Few, so that a search in order is faster than hashing.
    properties: BTreeMap<String, usize>,
    items: usize,
}

/// The plans of all events.
#[derive(Clone, Debug)]
pub struct SealPlans {
    places: Vec<Place>,
    roots: HashMap<String, HashMap<String, usize>>,
}

impl SealPlans {
    /// Works out the plans from the schemas: event type, version, JSON Schema.
    pub fn new<'a>(schemas: impl IntoIterator<Item = (&'a str, &'a str, &'a Value)>) -> Result<Self, SealPlanError> {
        let mut plans = Self {
            places: vec![Place::default()],
            roots: HashMap::new(),
        };
        for (event_type, version, schema) in schemas {
            let mut compiler = Compiler {
                event_type,
                root: schema,
                places: &mut plans.places,
                known: HashMap::new(),
            };
            let place = compiler.place(vec![(schema, false)])?;
            plans
                .roots
                .entry(event_type.to_owned())
                .or_default()
                .insert(version.to_owned(), place);
        }
        Ok(plans)
    }

    /// Where the plan of this event begins.
    pub(crate) fn root(&self, event_type: &str, version: &str) -> Option<usize> {
        self.roots.get(event_type)?.get(version).copied()
    }

    /// All events that there are: name and version.
    pub(crate) fn events(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.roots.iter();
        all.flat_map(|(name, versions)| versions.keys().map(|version| (name.as_str(), version.as_str())))
    }

    /// Whether a string at this place is stored as it is.
    pub(crate) fn open(&self, place: usize) -> bool {
        self.places[place].open
    }

    /// The place under this key.
    pub(crate) fn property(&self, place: usize, key: &str) -> usize {
        self.places[place].properties.get(key).copied().unwrap_or(SEAL_ALL)
    }

    /// The place of an array's elements.
    pub(crate) fn items(&self, place: usize) -> usize {
        self.places[place].items
    }
}

/// A schema that may describe what stands at a place, and whether `x-open` stands above it there.
type Branch<'a> = (&'a Value, bool);

/// Turns the branches that can describe a place into one place. Sets of branches are remembered, so a schema that
/// contains itself comes to an end.
struct Compiler<'a, 'p> {
    event_type: &'a str,
    root: &'a Value,
    places: &'p mut Vec<Place>,
    known: HashMap<BTreeSet<(usize, bool)>, usize>,
}

impl<'a> Compiler<'a, '_> {
    fn place(&mut self, branches: Vec<Branch<'a>>) -> Result<usize, SealPlanError> {
        let (mut leaves, mut seen) = (Vec::new(), BTreeSet::new());
        for branch in branches {
            self.expand(branch, &mut leaves, &mut seen)?;
        }
        if let Some(place) = self.known.get(&seen) {
            return Ok(*place);
        }
        let place = self.places.len();
        self.places.push(Place::default());
        self.known.insert(seen, place);

        let mut strings = leaves.iter().filter(|(schema, _)| allows_string(schema)).peekable();
        let open = strings.peek().is_some() && strings.all(|(_, open)| *open);
        let mut properties: HashMap<String, Vec<Branch<'a>>> = HashMap::new();
        let mut items = Vec::new();
        for (schema, _) in &leaves {
            for (key, property) in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                properties.entry(key.clone()).or_default().push((property, false));
            }
            let keys_unknown = schema
                .get("additionalProperties")
                .is_some_and(|more| *more != Value::Bool(false));
            if keys_unknown || schema.get("patternProperties").is_some() {
                return Err(SealPlanError::Keys {
                    event_type: self.event_type.to_owned(),
                });
            }
            items.extend(schema.get("items").map(|items| (items, false)));
            let first = schema.get("prefixItems").and_then(Value::as_array);
            items.extend(first.into_iter().flatten().map(|items| (items, false)));
        }
        let mut compiled = Place {
            open,
            ..Place::default()
        };
        for (key, branches) in properties {
            let place = self.place(branches)?;
            compiled.properties.insert(key, place);
        }
        if !items.is_empty() {
            compiled.items = self.place(items)?;
        }
        self.places[place] = compiled;
        Ok(place)
    }

    /// Follows references and alternatives down to the schemas that say something themselves.
    fn expand(
        &self,
        (schema, open): Branch<'a>,
        leaves: &mut Vec<Branch<'a>>,
        seen: &mut BTreeSet<(usize, bool)>,
    ) -> Result<(), SealPlanError> {
        let open = open || schema.get("x-open") == Some(&Value::Bool(true));
        if !seen.insert((std::ptr::from_ref(schema).addr(), open)) {
            return Ok(());
        }
        let mut below = Vec::new();
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = match reference.strip_prefix('#') {
                Some("") => Some(self.root),
                Some(pointer) => self.root.pointer(pointer),
                None => None,
            };
            below.push(target.ok_or_else(|| SealPlanError::Reference {
                event_type: self.event_type.to_owned(),
                reference: reference.to_owned(),
            })?);
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            below.extend(schema.get(word).and_then(Value::as_array).into_iter().flatten());
        }
        let says_itself = below.is_empty()
            || ["type", "properties", "items", "prefixItems", "enum", "const"]
                .iter()
                .any(|word| schema.get(word).is_some());
        if says_itself {
            leaves.push((schema, open));
        }
        below
            .into_iter()
            .try_for_each(|schema| self.expand((schema, open), leaves, seen))
    }
}

/// Whether a string can stand where this schema holds.
fn allows_string(schema: &Value) -> bool {
    if let Some(value) = schema.get("const") {
        return value.is_string();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().any(Value::is_string);
    }
    match schema.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        // It says nothing of the type (or is `true`): anything can stand there.
        _ => *schema != Value::Bool(false),
    }
}

#[cfg(test)]
mod tests;
