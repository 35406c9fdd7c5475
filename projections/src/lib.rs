//! Events to read tables: one module per read model, with its tables and the typed queries on them side by side.
//!
//! Everything here can be thrown away and made again from the journal. A batch of events is folded in memory, over the
//! rows that it touches, and written by a few statements with array parameters, in one transaction with the
//! checkpoint; so each event counts exactly once, and an event that is applied again changes nothing. Rows that people
//! ask about in the past carry the positions between which they held: `at=` is a WHERE, not a replay.
//!
//! Nothing here sends a command or knows HTTP.

pub mod accounts;
mod balances;
mod beside;
pub mod books;
pub mod categories;
mod cells;
pub mod custom;
pub mod documents;
mod error;
mod forgotten;
pub mod imports;
mod ledger;
mod paperwork;
mod past;
mod projections;
mod reader;
mod rebuild;
mod registry;
pub mod replay;
mod rows;
mod runner;
mod status;
pub mod summary;
pub mod transactions;
pub mod users;
mod verify;
mod versions;
pub mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use beside::{Progress, Stage};
pub use error::{Behind, ProjectionError};
pub use projections::{At, Lag, Projections};
pub use reader::Reader;
pub use rebuild::{Rebuild, Rebuilt, rebuild};
pub use registry::Group;
pub use replay::replay;
pub use status::{RunBy, Status};
pub use verify::{Compared, Difference, How, Verified, verify};

/// Where a row ends that still holds.
pub(crate) const OPEN_END: i64 = i64::MAX;
