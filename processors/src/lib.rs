//! Consumers of the feed: they react to events by sending commands, and write nothing else. (What is forgotten they destroy.)
//!
//! A processor may see an event twice. It asks the aggregate whether the work is still to be done, and its commands'
//! ids are derived from the event that caused them.

pub mod documents;
mod run;
pub mod users;

pub use run::run;
