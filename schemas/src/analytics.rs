//! Projections of one's own: what they show.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::projections::ProjectionColumn;

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowsQuery {
    /// Of this book; of all books of the caller's where none is named.
    pub book: Option<String>,
    /// How many rows: 1 to 100, 50 unless said.
    pub limit: Option<u32>,
    /// The cursor of an earlier page.
    pub after: Option<String>,
}

/// All projections of one's own that the caller may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadableProjections {
    /// Each of them.
    pub data: Vec<ReadableProjection>,
}

/// A projection of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadableProjection {
    /// Its name.
    #[schema(example = "monthly_merchants")]
    pub name: String,
    /// What it shows.
    pub columns: Vec<ProjectionColumn>,
    /// The position of the journal that its rows are of.
    pub position: i64,
    /// When it was last brought up to date.
    pub refreshed_at: Option<DateTime<Utc>>,
}

/// A page of the rows of a projection of one's own.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProjectionRows {
    /// The rows: objects with the projection's columns. Numbers are exact, and can have more digits than a double holds.
    #[schema(value_type = Vec<Object>)]
    pub data: Vec<Box<RawValue>>,
    /// The cursor of the next page (`after`), if there is more; the `Link` header has its whole address.
    pub next: Option<String>,
    /// The position of the journal that the rows are of.
    pub position: i64,
    /// When they were last brought up to date.
    pub refreshed_at: Option<DateTime<Utc>>,
}
