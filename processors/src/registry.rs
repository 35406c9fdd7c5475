//! Every processor, in one list.

use std::sync::Arc;

use spendlog_event_store::{Handler, Journal, subscribe};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs the processors until `stop` is cancelled. Each holds its subscription by itself, so the same processors may
/// run in several servers: all but one of them wait.
pub async fn run(journal: Journal, processors: Vec<Arc<dyn Handler>>, stop: CancellationToken) {
    let mut running = JoinSet::new();
    for processor in processors {
        running.spawn(subscribe(journal.clone(), processor, stop.clone()));
    }
    running.join_all().await;
}
