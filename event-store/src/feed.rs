//! What reacts to events, and the ways by which events reach it: from the journal itself, or through a broker.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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

/// A transport: it brings the journal's events to those who react to them. `testing::contract` says what all of them must
/// hold, in tests that each of them is put through.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// Hands all events that the handler wants to it, from where its subscription stands, until it is stopped; then waits a
    /// little for what it has begun. The events of a stream come in their order, each again and again until it is done or
    /// parked, and again if the process ends before its progress was written down. Of all processes that call this for the
    /// same name each event is with one.
    async fn subscribe(&self, handler: Arc<dyn Handler>, stop: CancellationToken);
}

/// Works until the work ends well or it is stopped, and begins again after each failure, in growing distances.
pub async fn persevere<'a, E: std::error::Error + 'static>(
    what: &str,
    stop: &CancellationToken,
    work: impl Fn() -> BoxFuture<'a, Result<(), E>> + Send,
) {
    let shortest = Duration::from_millis(100);
    let mut pause = shortest;
    loop {
        let begun = Instant::now();
        match work().await {
            Ok(()) => return,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "{what} was interrupted");
            }
        }
        pause = if begun.elapsed() > Duration::from_secs(60) {
            shortest
        } else {
            (pause * 2).min(Duration::from_secs(5))
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}
