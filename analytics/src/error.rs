//! What can go wrong with an export or a query.

use spendlog_event_store::{DatabaseError, ReadError};

/// An export could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal could not be read.
    #[error("the journal can't be read")]
    Journal(#[from] ReadError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The place of the export failed.
    #[error("the place of the export can't be used")]
    Store(#[from] object_store::Error),
    /// A file of this machine failed.
    #[error("a file can't be used")]
    File(#[from] std::io::Error),
    /// Rows could not be made or written.
    #[error("rows can't be written as Parquet")]
    Parquet(#[from] polars::prelude::PolarsError),
    /// The task that made them ended before its time.
    #[error("the making of a file was broken off")]
    BrokenOff,
    /// An event's content is not what it should be.
    #[error("the content of the event at position {position} can't be read")]
    Event {
        /// The event.
        position: i64,
    },
    /// Another run is at work.
    #[error("another export of this journal is running; wait until it has ended")]
    Running,
    /// There is an export, which says something else of itself.
    #[error("there is an export already {there}; export {asked} to another place")]
    Scope {
        /// What stands there.
        there: String,
        /// What was asked for.
        asked: String,
    },
    /// It was made of another journal, or of what this one was before an older backup was restored.
    #[error(
        "the export there was not made of this journal as it is: they differ at position {position}. Was a backup restored, or is \
         this another database? Remove the export, or export to another place"
    )]
    OtherJournal {
        /// Where they differ.
        position: i64,
    },
    /// A column has another type than in the export.
    #[error(
        "{table}.{column} has another type than in the export there: remove the export, or export to another place"
    )]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The owner of its texts was forgotten since.
    #[error("{user}, whose texts the export holds, was forgotten: run the export once more, which removes them")]
    Forgotten {
        /// The user.
        user: String,
    },
    /// What says what it holds can't be understood.
    #[error("_spendlog.json, which says what the export holds, can't be understood")]
    Manifest,
    /// It was written by a newer version.
    #[error("the export is of form {form}, which this version does not know")]
    Form {
        /// Its form.
        form: u32,
    },
}

impl From<sqlx::Error> for ExportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
