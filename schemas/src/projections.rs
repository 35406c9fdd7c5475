//! The projections, as those who run the system see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All projections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Projections {
    /// Each of them.
    pub data: Vec<Projection>,
}

/// A projection: read tables that are kept up to date together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Projection {
    /// Its name.
    #[schema(example = "ledger")]
    pub name: String,
    /// Its tables.
    pub tables: Vec<String>,
    /// Whether it is kept up to date.
    pub state: ProjectionState,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// The process that keeps it up to date, or will when it is resumed.
    #[schema(example = "process 4711 on books-1")]
    pub run_by: Option<String>,
    /// The process that rebuilds or verifies it this moment.
    pub rebuilt_by: Option<String>,
    /// The position of the journal that it has come to.
    pub position: i64,
    /// The newest position of the journal.
    pub head: i64,
    /// How many events of the journal are still before it.
    pub lag_events: i64,
    /// How long the first of them has been waiting, in seconds.
    pub lag_seconds: i64,
    /// What there is to say of a projection of one's own; null for those that Spendlog comes with.
    pub custom: Option<CustomProjection>,
}

/// A projection of one's own: a statement of somebody who runs the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomProjection {
    /// What it shows.
    pub columns: Vec<ProjectionColumn>,
    /// Whether everybody may read it, each the rows of their own books; otherwise only admins.
    pub by_book: bool,
    /// How often it is computed anew, in seconds; null where each batch of events changes what it has to.
    pub every_seconds: Option<u64>,
    /// When it was last brought up to date.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// What went wrong the last time; null when nothing did.
    pub failure: Option<String>,
}

/// A column of a projection of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectionColumn {
    /// Its name.
    #[schema(example = "merchant")]
    pub name: String,
    /// Its type, as Postgres calls it.
    #[schema(example = "text")]
    pub r#type: String,
}

/// Whether a projection is kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionState {
    /// It is.
    Running,
    /// Somebody paused it.
    Paused,
    /// No process runs it.
    Stopped,
}

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildProgress {
    /// What is being done.
    pub stage: RebuildStage,
    /// The position that it has come to.
    pub position: i64,
    /// The position that it goes for.
    pub head: i64,
    /// How many events were applied.
    pub events: u64,
    /// Positions per second so far.
    pub rate: u64,
    /// How long the rest of the events will take at this rate, in seconds; null while nothing is known of it.
    pub left_seconds: Option<u64>,
}

/// What a rebuild is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RebuildStage {
    /// Applying the events.
    Filling,
    /// Building indexes.
    Indexing,
    /// Applying what was appended meanwhile.
    CatchingUp,
    /// Waiting for the moment to take over.
    Swapping,
}

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildDone {
    /// The position at which the new tables took over.
    pub position: i64,
    /// How many events were applied.
    pub events: u64,
    /// How long it took.
    pub took_ms: u64,
}
