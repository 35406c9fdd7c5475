//! The feed through Apache Kafka: the relay publishes what the journal stored, sealed as it is, and consumers in groups hand
//! it to the handlers.
//!
//! Kafka delivers at least once, and nothing here asks more of it. Exactly the events after a checkpoint are published, in
//! the order of their positions; an owner's are in one partition. So whoever has seen a position in a partition has seen all
//! before it there, and knows what comes again by one number a partition.
//!
//! There is no TLS: librdkafka is built without, so that it needs nothing but a C compiler.

mod assigned;
mod config;
mod consumer;
mod dead_letters;
mod error;
mod feed;
mod marks;
mod partition;
mod record;
mod relay;
mod switch;
mod topics;

pub use config::KafkaConfig;
pub use error::TransportError;
pub use feed::KafkaFeed;
pub use partition::partition_of;
pub use record::{Record, RecordError};
pub use relay::Relay;
pub use switch::{Switched, switch};
pub use topics::{SubscriptionState, Topic, current, subscriptions};
