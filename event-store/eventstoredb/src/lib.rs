//! The feed through EventStoreDB (KurrentDB): the relay mirrors the journal into streams, and processors read by persistent
//! subscription.
//!
//! A stream of the journal becomes the stream `<kind>-<id>`, its events in the same order with the same versions, counted
//! from 0 as is usual there. Payloads stay sealed. The custom metadata hold what else is stored, so that an event that comes
//! back is the journal's to the byte: its id is made of the leaf that the journal's tree has for it, which shows every change.
//!
//! Events are appended in the order of positions, so `$all` has them in that order. Positions have no gap: what is missing
//! when it should have come is read from the journal itself, what comes again is known by its position.

mod error;
mod feed;
mod mirrored;
mod reading;
mod relay;
mod server;

pub use error::TransportError;
pub use feed::EventStoreDbFeed;
pub use mirrored::{NotOurs, event_id, stream_name};
pub use relay::Relay;
pub use server::{BadConnectionString, EventStoreDb};
