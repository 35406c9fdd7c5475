//! The write side against a real Postgres, over HTTP and by its functions.
#![allow(clippy::unwrap_used, reason = "a test that lacks what it needs has failed")]

mod accounts;
mod conflicts;
mod documents;
mod fixture;
mod idempotency;
mod imports;
mod transactions;
mod users;
mod versions;
