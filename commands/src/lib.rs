//! The write side: every change of state goes through here.
//!
//! A use case reads aggregates, lets them decide, and says what is to be written and what must not have moved on
//! meanwhile ([`UseCase`], [`Plan`]); the one [`Dispatch`] appends it, once. HTTP handlers, processors and the command
//! line call the same functions, one module a feature. Nothing here answers queries.

mod cache;
mod context;
mod dispatch;
mod http;
mod ids;
mod input;
mod plan;
mod refusal;
pub mod routes;
mod state;
mod stateful;

pub mod accounts;
pub mod books;
pub mod categories;
pub mod documents;
pub mod imports;
pub mod transactions;
pub mod users;

pub use context::{Actor, Context};
pub use dispatch::{Dispatch, Done, Outcome};
pub use ids::{first_book, first_category};
pub use plan::{Open, Plan, UseCase, Written};
pub use spendlog_web::{Code, Problem};
pub use state::{Commands, CommandsConfig, Sniff};
pub use stateful::Stateful;
