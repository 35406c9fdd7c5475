//! Fixtures of the tests from outside: a real server on a port of its own, a fresh database, and people who use it.
//!
//! Nothing here looks into the server: all goes through HTTP, signals and the command line. (Only tests that prove what
//! a stolen database tells, or that put something in the server's way, reach into the database.)
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a fixture that fails is a failed test"
)]

mod answer;
mod app;
mod events;
mod person;
mod process;
mod sample;
pub mod torture;
mod wait;

pub use answer::Answer;
pub use app::{Options, TestApp, Vacant, has_models, root};
pub use events::{Events, Sent};
pub use person::Person;
pub use process::{Signal, send, succeed};
pub use sample::{field, sample, truth, value};
pub use wait::{DEADLINE, eventually};
