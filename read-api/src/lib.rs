//! HTTP queries over the read tables, the audit, live progress, and the running of the read tables themselves. Nothing
//! here changes what is true.
//!
//! Who asks sees their own books and nothing else: everything that is not theirs is 404. A request that names a position
//! (`Spendlog-Position`) is answered from tables that have come to it, or with 503 `read-model-behind`; one that says
//! `at=` is answered as the journal stood then.

mod access;
mod accounts;
mod analytics;
mod answer;
mod audit;
mod books;
mod categories;
mod documents;
mod files;
mod history;
mod imports;
mod projections;
pub mod routes;
mod sse;
mod state;
mod summary;
mod transactions;
mod users;

#[cfg(test)]
mod tests;

pub use audit::{proof, replay::replayed};
pub use projections::{custom_projection, projection};
pub use state::ReadApi;
