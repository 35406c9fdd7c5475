//! Somebody who listens, and goes on after the last event they saw whenever the line breaks.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use tokio::task::JoinHandle;

use super::Ground;
use crate::{DEADLINE, Events};

/// The positions seen so far, in the order in which they came.
pub(super) type Seen = Arc<std::sync::Mutex<Vec<i64>>>;

/// Listens for ever.
pub(super) async fn follow(ground: Arc<Ground>, server: usize, seen: Seen) {
    loop {
        let last = seen.lock().expect("no one panicked").last().copied();
        let mut request = ground
            .person
            .request_at(&ground.address(server), Method::GET, "/audit/events")
            .bearer_auth(ground.token())
            .header("accept", "text/event-stream")
            .timeout(Duration::from_secs(3600));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        match request.send().await {
            Ok(response) if response.status().is_success() => {
                let mut events = Events::of(response);
                while let Some(event) = events.next().await {
                    let position = event
                        .id
                        .and_then(|id| id.parse().ok())
                        .expect("an event has a position");
                    seen.lock().expect("no one panicked").push(position);
                }
            }
            // The server is away, or the token is old: the writers see to that.
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Ends the listening when this position was seen, or when it takes too long.
pub(super) async fn ended(listening: JoinHandle<()>, seen: &Seen, head: i64) -> Vec<i64> {
    let reached = async {
        while seen
            .lock()
            .expect("no one panicked")
            .last()
            .is_none_or(|last| *last < head)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _too_long_is_seen_by_what_is_missing = tokio::time::timeout(DEADLINE, reached).await;
    listening.abort();
    seen.lock().expect("no one panicked").clone()
}
