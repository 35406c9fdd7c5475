//! What both HTTP sides share: problems, authentication, conditional and repeated requests, positions, paging, limits
//! and the middleware that every request passes.
//!
//! Nothing here knows a feature.

pub mod auth;
pub mod body;
pub mod clock;
pub mod conditional;
pub mod edge;
pub mod fallback;
pub mod idempotency;
pub mod metrics;
pub mod page;
pub mod position;
pub mod problem;
pub mod rate_limit;

#[cfg(test)]
mod tests;

pub use auth::Caller;
pub use clock::Clock;
pub use problem::{Code, Problem};
