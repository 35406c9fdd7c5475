//! Runs processors, each with a subscription of its own.

use std::sync::Arc;

use spendlog_event_store::{Feed, Handler};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs the processors until `stop` is cancelled, each with a subscription of its own. The same processors may run in
/// several servers: the feed sees to it that each event is with one of them.
pub async fn run(feed: Arc<dyn Feed>, processors: Vec<Arc<dyn Handler>>, stop: CancellationToken) {
    let mut running = JoinSet::new();
    for processor in processors {
        let (feed, stop) = (feed.clone(), stop.clone());
        running.spawn(async move { feed.subscribe(processor, stop).await });
    }
    running.join_all().await;
}
