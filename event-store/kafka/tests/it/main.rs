//! The transport through Kafka: what every transport must hold, and what only this one has.
//!
//! Against Apache Kafka itself, where it can be had. Else against librdkafka's imitation, as far as that goes, and the broker's
//! harness says so once.
#![allow(clippy::expect_used, reason = "functions that tests share fail like tests")]

mod broker;
mod contract;
mod relay;
mod stage;
mod subscription;
mod switch;
