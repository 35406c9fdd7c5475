//! Contracts with the outside: the types of requests and answers, one module a feature.
//!
//! They are promises to clients, so they know nothing of the domain's types: the edges translate.

pub mod accounts;
pub mod analytics;
pub mod audit;
pub mod books;
pub mod categories;
pub mod documents;
pub mod headers;
pub mod history;
pub mod imports;
pub mod page;
pub mod patch;
pub mod problem;
pub mod projections;
pub mod summary;
pub mod transactions;
pub mod users;
pub mod written;
