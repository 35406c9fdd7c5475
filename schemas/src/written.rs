//! The answer to a write.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was written, and where it stands in the journal. `ETag` and `Spendlog-Position` say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// What was created or changed.
    #[schema(example = "txn_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its version now: how many events it has.
    pub version: i64,
    /// The journal's position that this stands at; a read that sends it back as `Spendlog-Position` sees it.
    pub position: i64,
}
