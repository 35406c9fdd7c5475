//! The write side against a real Postgres, over HTTP and by its functions.

mod accounts;
mod conflicts;
mod documents;
mod fixture;
mod idempotency;
mod imports;
mod transactions;
mod users;
