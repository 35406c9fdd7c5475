//! Text that may tell something about a person, and that can be forgotten.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Personal text. The journal seals it under its owner's key; once that key is destroyed it reads as forgotten.
///
/// In JSON it is a string, or `{"forgotten": true}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// The text itself.
    Clear(String),
    /// Its owner was forgotten, and the text with them.
    Forgotten,
}

impl Text {
    /// The text, unless it is forgotten.
    pub fn clear(&self) -> Option<&str> {
        match self {
            Self::Clear(text) => Some(text),
            Self::Forgotten => None,
        }
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::Clear(text.into())
    }
}

/// Personal text stays out of logs, so its debug form tells nothing but its length.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clear(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Forgotten => f.write_str("Text(forgotten)"),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    forgotten: bool,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear(text) => serializer.serialize_str(text),
            Self::Forgotten => Forgotten { forgotten: true }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, or {\"forgotten\": true}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Clear(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text, E> {
                Ok(Text::Clear(text))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                let mark = Forgotten::deserialize(de::value::MapAccessDeserializer::new(map))?;
                if mark.forgotten { Ok(Text::Forgotten) } else { Err(de::Error::custom("expected \"forgotten\": true")) }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Personal text: sealed when stored.",
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"forgotten": {"const": true}}, "required": ["forgotten"], "additionalProperties": false},
            ],
        })
    }
}
