//! References to files in the object store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sealed file. Files are truth like events: what is too large for an event stands in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Hash of the clear content, keyed by owner: 64 hexadecimal digits. It is the object's name as well.
    #[schemars(extend("x-open" = true))]
    pub object: String,
    /// Size of the clear content in bytes.
    pub bytes: u64,
}

impl FileRef {
    /// Whether the object's name is a hash and nothing else: it is stored in clear, so it must not say anything.
    pub fn is_valid(&self) -> bool {
        self.object.len() == 64
            && self
                .object
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }
}
