//! What reacts to events. How they reach it (from the journal, or through a broker) is another matter.

use std::time::Duration;

use async_trait::async_trait;

use crate::Event;

/// What came of handling an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It can't be done now: try again, not before this time has passed. After [`Handler::attempts`] it is parked.
    RetryAfter(Duration),
    /// It can't be done: a person has to look at it. The reason is kept and shown, so it must hold nothing personal.
    Park(String),
}

/// Reacts to events. It can be given the same event again, so doing it twice must change nothing.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The subscription's name, under which its progress is kept.
    fn name(&self) -> &'static str;

    /// Whether it wants the events of this type, of streams of this kind.
    fn wants(&self, kind: &str, event_type: &str) -> bool;

    /// How many events of different streams it may be given at the same time. Those of one stream come one after the other.
    fn concurrency(&self) -> usize {
        1
    }

    /// How often an event is tried before it is parked.
    fn attempts(&self) -> u32 {
        8
    }

    /// Handles one event.
    async fn handle(&self, event: &Event) -> Outcome;
}
