//! What is answered about categories.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::CategoryKind;

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its id.
    #[schema(example = "cat_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its book.
    pub book: String,
    /// What it is called; null if that is forgotten.
    pub name: Option<String>,
    /// On which side it stands.
    pub kind: CategoryKind,
    /// The category that it was merged into.
    pub merged_into: Option<String>,
    /// Its version.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// Which categories.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CategoriesQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}
