//! A database, a server, and a relay between them.

use std::sync::Arc;

use async_trait::async_trait;
use spendlog_event_store::{
    Feed, Journal,
    testing::{
        TestDatabase,
        contract::{self, until},
    },
};
use spendlog_eventstoredb::{EventStoreDbFeed, Relay};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server::Server;

pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) journal: Journal,
    pub(crate) server: Server,
    _relay: DropGuard,
}

/// Runs a relay, until the token is cancelled.
pub(crate) fn relay(journal: &Journal, server: &Server) -> (CancellationToken, JoinHandle<()>) {
    let (relay, stop) = (Relay::new(journal.clone(), server.client()), CancellationToken::new());
    let stopped = stop.clone();
    (stop, tokio::spawn(async move { relay.run(stopped).await }))
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (database, server) = (TestDatabase::new().await, Server::start().await);
        let journal = contract::journal(&database).await;
        let (stop, _) = relay(&journal, &server);
        Self {
            database,
            journal,
            server,
            _relay: stop.drop_guard(),
        }
    }

    pub(crate) fn feed(&self) -> Arc<dyn Feed> {
        Arc::new(EventStoreDbFeed::new(self.journal.clone(), self.server.client()))
    }

    /// Waits until so many events are in the server.
    pub(crate) async fn mirrored(&self, count: usize) {
        until("the mirror", async || self.server.store().log.len() >= count).await;
    }
}

#[async_trait]
impl contract::Stage for Stage {
    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn feed(&self, journal: &Journal) -> Arc<dyn Feed> {
        Arc::new(EventStoreDbFeed::new(journal.clone(), self.server.client()))
    }
}
