//! The transport against a server of the documented protocol, which the tests bring: what it keeps is in memory, and it
//! can be told to fail. No real server was asked.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that fails is a failed test"
)]

mod feed;
mod grpc;
mod messages;
mod relay;
mod server;
mod stage;
mod store;
