//! Projections of one's own: a name and one SQL statement over the views of `analytics` and `events`.
//!
//! The statement runs as a role that can read these views and nothing else (`analyst`); what it may do is decided by rights,
//! never by looking at its text. Its rows stand in a table of their own. Where the statement adds up (`adding_up`) they
//! are kept up to date by what each batch changed, and rows and position commit together, so each event counts once; else
//! they are computed anew by a schedule.
//!
//! The read tables keep old rows, so what changed between two positions can be known at any later time. A rebuild of the
//! read tables, and an owner who is forgotten, change rows without a trace: then everything is computed anew.

mod adding_up;
pub(crate) mod analyst;
mod archiving;
mod event_views;
pub(crate) mod incremental;
pub(crate) mod keeper;
mod rows;
pub(crate) mod statements;
mod supervisor;
mod world;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::error::SqlState;

pub use archiving::{hold_events, reading_events};
pub use incremental::NotIncremental;
pub use keeper::{Refreshed, Verified, refresh, verify};
pub use rows::{Readable, Row};
pub use statements::{Added, add, remove};
pub(crate) use supervisor::run;

use crate::{ProjectionError, RunBy};

/// The most rows that a projection may have.
pub const ROWS_MAX: u64 = if cfg!(test) { 10_000 } else { 1_000_000 };
/// The longest statement, in bytes.
pub const STATEMENT_MAX: usize = 64 * 1024;
/// The most columns.
const COLUMNS_MAX: usize = 60;
/// The most projections of one's own: each has two connections to itself as long as it is kept up to date.
const COUNT_MAX: i64 = 20;
/// The column by which it is known whose a row is.
pub const BOOK: &str = "book_id";

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as Postgres calls it.
    pub kind: String,
}

/// How a projection of one's own stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub columns: Vec<Column>,
    /// How often it is computed anew; none where each batch changes what it has to.
    pub every: Option<Duration>,
    /// The position that its rows are of.
    pub position: i64,
    /// The newest position of the journal.
    pub head: i64,
    /// How long the first event after its position has been waiting, in seconds.
    pub lag_seconds: i64,
    /// When it was last brought up to date.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// What went wrong the last time.
    pub failure: Option<String>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who keeps it up to date.
    pub run_by: Option<RunBy>,
}

impl Status {
    /// Whether everybody may read it, each the rows of their own books; otherwise those who run the system, and they all of it.
    pub fn is_by_book(&self) -> bool {
        is_by_book(&self.columns)
    }
}

fn is_by_book(columns: &[Column]) -> bool {
    columns
        .iter()
        .any(|column| column.name == BOOK && column.kind == "uuid")
}

/// A projection of one's own could not be added, computed or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CustomError {
    /// The name can't be one.
    #[error(
        "`{0}` can't be the name of a projection: it begins with a small letter, and has small letters, digits and _, 48 at most"
    )]
    Name(String),
    /// There is one of this name.
    #[error("there is a projection {0} already; `spendlog projections remove {0}` makes room")]
    Exists(String),
    /// There is none of this name.
    #[error("there is no projection {0} of one's own")]
    Unknown(String),
    /// There are as many as there can be.
    #[error("there are {COUNT_MAX} projections of one's own already, and no more can be added")]
    TooMany,
    /// The statement is longer than it may be.
    #[error("the statement is longer than {STATEMENT_MAX} bytes")]
    Length,
    /// The statement is wrong.
    #[error("{line}:{column}: {message}{}", .hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})")))]
    Statement {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What Postgres says.
        message: String,
        /// What it advises.
        hint: Option<String>,
    },
    /// The statement is no query, or shows something that can't be kept.
    #[error("{0}")]
    Shape(String),
    /// The statement can't be kept up to date by batches, and no schedule was given.
    #[error("it can't be kept up to date with each batch of events: {0}")]
    NotIncremental(NotIncremental),
    /// It would not see what was archived.
    #[error(
        "it reads views of `events`, and older events are archived: no view has them. The views of `analytics` have everything, and \
         `spendlog query` asks all events"
    )]
    Archived,
    /// Somebody archives events, or adds what reads them.
    #[error(
        "events are being archived, or a projection that reads views of `events` is being added: try again when that is done"
    )]
    Held,
    /// The statement was broken off.
    #[error("the statement takes longer than {} s", analyst::TIME_LIMIT.as_secs())]
    TooLong,
    /// It has too many rows.
    #[error("the statement has more than {ROWS_MAX} rows")]
    TooManyRows,
    /// A row of it is too long.
    #[error("a row of the statement is longer than {} bytes", analyst::ROW_MAX)]
    TooWide,
    /// Postgres refused it while it ran.
    #[error("the statement failed: {message}")]
    Failed {
        /// The SQLSTATE, which holds nothing of anybody's data.
        code: String,
        /// What Postgres said; it can name values.
        message: String,
    },
    /// The role that it runs as can't be had.
    #[error("{0}")]
    Role(String),
    /// Where the views of events belong something else stands.
    #[error(
        "the database has a schema `events` that was not made by Spendlog, and its views of events belong there: rename that schema, or \
         give Spendlog a database of its own"
    )]
    SchemaTaken,
    /// It was not computed anew since somebody was forgotten, and may still show them.
    #[error(
        "{0} may still show somebody who was forgotten: a process that keeps projections up to date has to compute or empty it"
    )]
    Remembers(String),
    /// The read tables have moved on since it was computed last.
    #[error(
        "it is of position {position}, and the read tables are at {reached}: `spendlog projections rebuild {name}` computes it anew"
    )]
    Older {
        /// Its name.
        name: String,
        /// The position that its rows are of.
        position: i64,
        /// The position of the read tables.
        reached: i64,
    },
    /// More was taken from a group than was in it: somebody changed the rows by hand. They are computed anew.
    #[error("its rows were changed by hand, and are computed anew")]
    Damaged,
    /// The read side failed.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl CustomError {
    /// The same without anything that can be somebody's data: for the log, and for what is kept.
    pub fn told(&self) -> String {
        match self {
            Self::Failed { code, .. } => format!("the statement failed with SQLSTATE {code}"),
            Self::Statement { .. } => {
                "the statement is not valid any more: `spendlog projections add` says why".to_owned()
            }
            error => error.to_string(),
        }
    }

    /// Whether another transaction was in the way, so that the same succeeds when it is tried again.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Projection(ProjectionError::Statement(error)) => error.code().is_some_and(is_in_the_way),
            _ => false,
        }
    }
}

/// Whether this is what Postgres says when another transaction was in the way.
fn is_in_the_way(code: &SqlState) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ]
    .contains(code)
}

impl From<tokio_postgres::Error> for CustomError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code().is_some_and(is_in_the_way) {
            return Self::Projection(error.into());
        }
        match error.as_db_error() {
            Some(refused) if *refused.code() == SqlState::QUERY_CANCELED => Self::TooLong,
            Some(refused) => Self::Failed {
                code: refused.code().code().to_owned(),
                message: refused.message().to_owned(),
            },
            None => Self::Projection(error.into()),
        }
    }
}
