//! The ways by which events reach the processors: from the journal itself, or through a broker that a relay fills.

use std::sync::Arc;

use spendlog_event_store::{Feed, Journal};
use spendlog_kafka::KafkaFeed;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// What hands events to the processors.
pub(crate) fn feed(config: &Config, journal: &Journal) -> Arc<dyn Feed> {
    #[cfg(feature = "eventstoredb")]
    if let Some(server) = config.eventstoredb.clone() {
        return Arc::new(spendlog_eventstoredb::EventStoreDbFeed::new(journal.clone(), server));
    }
    match &config.kafka {
        Some(kafka) => Arc::new(KafkaFeed::new(journal.clone(), kafka.clone())),
        None => Arc::new(journal.clone()),
    }
}

/// Runs what fills the broker, where there is one.
pub(crate) fn relay(config: &Config, journal: &Journal, stop: &CancellationToken) -> Option<JoinHandle<()>> {
    let (journal, stop) = (journal.clone(), stop.clone());
    #[cfg(feature = "eventstoredb")]
    if let Some(server) = config.eventstoredb.clone() {
        let relay = spendlog_eventstoredb::Relay::new(journal, server);
        return Some(tokio::spawn(async move { relay.run(stop).await }));
    }
    config.kafka.clone().map(|kafka| {
        let relay = spendlog_kafka::Relay::new(journal, kafka);
        tokio::spawn(async move { relay.run(stop).await })
    })
}
