//! The samples of the repository, and what is on them.

use serde_json::Value;

use crate::root;

/// A sample's bytes.
pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("samples").join(name)).unwrap_or_else(|error| panic!("samples/{name}: {error}"))
}

/// What is on a sample.
pub fn truth(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join("samples/truth.json")).expect("there is a truth.json");
    let all: Value = serde_json::from_str(&text).expect("truth.json is JSON");
    all.get(name)
        .unwrap_or_else(|| panic!("truth.json says nothing of {name}"))
        .clone()
}

/// A field of a document as the API shows it; none where nothing was found.
pub fn field<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    document["fields"]
        .as_array()?
        .iter()
        .find(|field| field["name"] == name)
}

/// The text of a field's value.
pub fn value<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    field(document, name)?["value"].as_str()
}
