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
    /// The longest name of anything, in characters.
    pub const NAME_CHARS_MAX: usize = 200;
    /// The longest merchant, in characters.
    pub const MERCHANT_CHARS_MAX: usize = 500;
    /// The longest note or reason, in characters.
    pub const NOTE_CHARS_MAX: usize = 4000;

    /// Whether it is one line that says something: 1 to `chars_max` characters, not all of them blank, none of them
    /// a control character (databases refuse NUL, terminals obey the others). A forgotten text is none.
    pub fn is_line(&self, chars_max: usize) -> bool {
        self.says_something(chars_max, char::is_control)
    }

    /// The same for a text of several lines: tabs and line breaks are all right.
    pub fn is_note(&self, chars_max: usize) -> bool {
        self.says_something(chars_max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    }

    fn says_something(&self, chars_max: usize, refused: impl Fn(char) -> bool) -> bool {
        self.clear().is_some_and(|text| {
            // Counting stops early, for the text may be as long as a request may be.
            text.chars().take(chars_max.saturating_add(1)).count() <= chars_max
                && !text.trim().is_empty()
                && !text.contains(refused)
        })
    }

    /// The text cut to `chars_max` characters, with a blank for each control character: for words that come from a
    /// file or its reader, where refusing them would lose the rest as well.
    #[must_use]
    pub fn abridged(self, chars_max: usize) -> Self {
        match self {
            Self::Clear(text) => Self::Clear(
                text.chars()
                    .take(chars_max)
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect(),
            ),
            Self::Forgotten => Self::Forgotten,
        }
    }

    /// The text, unless it is forgotten.
    pub fn clear(&self) -> Option<&str> {
        match self {
            Self::Clear(text) => Some(text),
            Self::Forgotten => None,
        }
    }

    /// The text of its own, unless it is forgotten.
    pub fn to_clear(&self) -> Option<String> {
        self.clear().map(str::to_owned)
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
                if mark.forgotten {
                    Ok(Text::Forgotten)
                } else {
                    Err(de::Error::custom("expected \"forgotten\": true"))
                }
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
