//! Fields of a change: absent leaves what is there, `null` removes it, a value replaces it.

use serde::{Deserialize, Deserializer};

/// What a change says about one field: `None` where it says nothing.
pub type Change<T> = Option<Option<T>>;

/// Tells `null` from an absent field; use with `#[serde(default, deserialize_with = "…")]`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Change<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
