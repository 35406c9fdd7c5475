//! Contracts with the outside: the types of requests and answers, one module a feature.
//!
//! They are promises to clients, so they know nothing of the domain's types: the edges translate.

pub mod accounts;
pub mod books;
pub mod categories;
pub mod documents;
pub mod imports;
pub mod patch;
pub mod problem;
pub mod transactions;
pub mod users;
pub mod written;
