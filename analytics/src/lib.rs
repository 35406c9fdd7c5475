//! Events for analysts: the journal as Parquet files, and SQL over them.
//!
//! An export ([`export()`]) holds the events as tables ([`Tables`]), derived from their schemas: `events`, one for each type of event,
//! one for each list in one. Sealed texts are never opened for it, unless it is one person's own ([`Scope`]). What it holds,
//! its [`Manifest`] says. A query ([`query`]) reads it together with the events that the journal has beyond it, which [`newest`]
//! writes in the same form.
//!
//! Of Spendlog this knows the journal alone: which events there are it is told by their schemas.

mod error;
mod explain;
mod export;
mod manifest;
mod output;
pub mod query;
mod rows;
#[cfg(test)]
mod sample;
mod tables;

pub use error::ExportError;
pub use explain::QueryError;
pub use export::{Exported, Progress, export, newest};
pub use manifest::{File, Manifest, Mark, Scope};
pub use output::{Answered, Format};
pub use tables::{Column, EVENTS, Table, Tables, Type};
