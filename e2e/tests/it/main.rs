//! The whole system from outside: each feature's story, and what must hold across all of them.
#![allow(clippy::expect_used, reason = "functions that tests share fail like tests")]

mod access;
mod accounts;
mod analytics;
mod archive;
mod asyncapi;
mod audit;
mod backup;
mod books;
mod categories;
mod consistency;
mod crash;
mod documents;
mod export;
mod forgetting;
mod idempotency;
mod imports;
mod kafka;
mod keys;
mod layout;
mod lists;
mod openapi;
mod operations;
mod pipeline;
mod problems;
mod projections;
mod proofs;
mod query;
mod restore;
mod s3;
mod sealing;
mod traces;
mod transactions;
mod two_servers;
mod upload;
mod users;
