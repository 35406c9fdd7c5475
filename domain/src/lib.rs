//! The rules of the ledger: values, and one aggregate per feature with its commands, events and errors.
//!
//! Nothing here does I/O, waits, reads a clock, draws a random number or calculates with floats: identifiers and
//! moments come in with the commands, so every decision can be repeated.

pub mod accounts;
pub mod books;
pub mod categories;
pub mod documents;
pub mod imports;
#[cfg(test)]
mod samples;
pub mod schema;
pub mod transactions;
pub mod users;
pub mod values;
