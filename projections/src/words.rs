//! Words of enumerations: what a value is stored and answered as is what serde writes it as.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The word that a value is written as; none if it is written as anything but a string.
pub fn word<T: Serialize>(value: T) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Some(word),
        _ => None,
    }
}

/// The value that is written as this word, if there is one.
pub fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}
