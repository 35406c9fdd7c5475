//! A subscription fed by EventStoreDB: one process at a time has it, and another takes over when that one ends.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use eventstore::RecordedEvent;
use spendlog_event_store::{
    DatabaseError, Feed, Handler, Journal, Lanes, Lease, Settled, Share, StoredEvent, parked, persevere,
    save_subscription_position, subscription_lock, subscription_position,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    EventStoreDb, TransportError,
    mirrored::stored_event,
    reading::{IN_FLIGHT, Reading},
    relay,
};

/// Progress is written down at most so often.
const SAVE: Duration = Duration::from_millis(250);
/// How often it is looked whether something is missing.
const LOOK: Duration = Duration::from_secs(1);
/// What has not come for so long, though it is mirrored, is read from the journal.
const MISSING: Duration = Duration::from_secs(2);
/// So many events are read from the journal at a time.
const PAGE: i64 = 500;
/// How long handlers have to come to an end after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// Hands the journal's events on as EventStoreDB delivers them, to the group that is called like the subscription.
///
/// Progress is the journal's: a position up to which everything is done. So a subscription can go from one transport to
/// another. The server is told of each event that is done; what it delivers again nevertheless is dropped, and what it
/// does not deliver again (since it was told, but the progress was not written down before a crash) is read from the journal.
#[derive(Clone, Debug)]
pub struct EventStoreDbFeed {
    journal: Journal,
    server: EventStoreDb,
}

impl EventStoreDbFeed {
    /// The feed of this journal's events, opened with its keys.
    pub fn new(journal: Journal, server: EventStoreDb) -> Self {
        Self { journal, server }
    }

    async fn work(&self, handler: &Arc<dyn Handler>, stop: &CancellationToken) -> Result<(), TransportError> {
        let (db, lock) = (self.journal.database(), subscription_lock(handler.name()));
        let lease = Lease::take(db, "spendlog-subscription", &lock, Share::Alone, stop).await?;
        let Some(lease) = lease else { return Ok(()) };
        // A checkpoint that is lost in a crash only means that some events are handed over again.
        let quick = "SET synchronous_commit = off";
        lease.client().batch_execute(quick).await.map_err(DatabaseError::from)?;
        let saved = subscription_position(db, handler.name()).await?;
        let session = Session {
            journal: &self.journal,
            handler: handler.clone(),
            lease,
            reading: Reading::start(&self.server.connect()?, handler.name()).await?,
            seen: saved,
            seen_at: Instant::now(),
            ahead: BTreeMap::new(),
            open: BTreeMap::new(),
            saved,
            lanes: Lanes::new(handler.clone()),
            replaying: HashSet::new(),
        };
        session.run(stop).await
    }
}

#[async_trait]
impl Feed for EventStoreDbFeed {
    async fn subscribe(&self, handler: Arc<dyn Handler>, stop: CancellationToken) {
        let what = format!("the subscription {}", handler.name());
        persevere(&what, &stop, || Box::pin(self.work(&handler, &stop))).await;
    }
}

/// An event that has come before those before it.
#[derive(Debug)]
struct Ahead {
    id: Uuid,
    event: StoredEvent,
}

/// One membership in the group.
struct Session<'a> {
    journal: &'a Journal,
    handler: Arc<dyn Handler>,
    lease: Lease,
    reading: Reading,
    /// Everything up to here was taken in hand.
    seen: i64,
    /// Since when nothing was.
    seen_at: Instant,
    ahead: BTreeMap<i64, Ahead>,
    /// What is in hand and neither done nor parked: positions, and the ids that are to be acknowledged then.
    open: BTreeMap<i64, Option<Uuid>>,
    /// The position as it is written down.
    saved: i64,
    /// What is in hand: parked events by their ids, others by none.
    lanes: Lanes<Option<i64>>,
    /// Parked events that are in hand.
    replaying: HashSet<i64>,
}

impl Session<'_> {
    async fn run(mut self, stop: &CancellationToken) -> Result<(), TransportError> {
        let mut replays = self.journal.replays();
        replays.mark_changed();
        let (mut save, mut look) = (tokio::time::interval(SAVE), tokio::time::interval(LOOK));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish().await,
                () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
                _ = save.tick() => self.save().await?,
                _ = look.tick() => self.look().await?,
                settled = self.lanes.settled() => self.settle(settled).await?,
                changed = replays.changed() => {
                    if changed.is_err() {
                        return self.finish().await;
                    }
                    self.take_parked().await?;
                }
                event = self.reading.next(), if self.open.len() < IN_FLIGHT => self.delivered(event?).await?,
            }
        }
    }

    /// Everything up to here is done.
    fn mark(&self) -> i64 {
        self.open.first_key_value().map_or(self.seen, |(first, _)| first - 1)
    }

    /// Takes what has come in hand, as far as nothing before it is missing.
    async fn delivered(&mut self, first: RecordedEvent) -> Result<(), TransportError> {
        let mut next = Some(first);
        while let Some(event) = next {
            self.sort_in(&event);
            next = if self.ahead.len() < IN_FLIGHT {
                self.reading.here()
            } else {
                None
            };
        }
        let claimed = self.ahead.last_key_value().map_or(0, |(last, _)| *last);
        let newest = self.journal.newest(claimed).await?;
        for (position, Ahead { id, .. }) in self.ahead.split_off(&(newest + 1)) {
            tracing::error!(position, "an event that is ahead of the journal is passed over");
            self.reading.acknowledge(id);
        }
        self.take_in_turn().await
    }

    fn sort_in(&mut self, event: &RecordedEvent) {
        match stored_event(event) {
            // If it took the place of one of ours, that one is missing, and read from the journal.
            Err(error) => {
                tracing::warn!(%error, "an event is passed over");
                self.reading.acknowledge(event.id);
            }
            Ok(stored) => match self.open.get_mut(&stored.position) {
                Some(id) => *id = Some(event.id),
                None if stored.position <= self.seen => self.reading.acknowledge(event.id),
                None => {
                    let (id, position) = (event.id, stored.position);
                    self.ahead.insert(position, Ahead { id, event: stored });
                }
            },
        }
    }

    async fn take_in_turn(&mut self) -> Result<(), TransportError> {
        let mut wanted = Vec::new();
        while let Some(Ahead { id, event }) = self.ahead.remove(&(self.seen + 1)) {
            self.seen = event.position;
            self.seen_at = Instant::now();
            if self.handler.wants(&event.kind, &event.event_type) {
                self.open.insert(event.position, Some(id));
                wanted.push(event);
            } else {
                self.reading.acknowledge(id);
            }
        }
        for event in self.journal.open_delivered(&wanted).await? {
            self.lanes.take(event, None);
        }
        Ok(())
    }

    /// Reads from the journal what was mirrored and should have come long ago.
    async fn look(&mut self) -> Result<(), TransportError> {
        let mirrored =
            sqlx::query_scalar("SELECT position FROM es.subscriptions WHERE name = $1").bind(relay::CHECKPOINT);
        let mirrored: i64 = mirrored
            .fetch_optional(self.journal.database().pool())
            .await?
            .unwrap_or_default();
        let newest = *self.journal.head().borrow();
        let lag = u32::try_from((newest - self.mark()).max(0)).unwrap_or(u32::MAX);
        metrics::gauge!("spendlog_feed_lag_events", "subscription" => self.handler.name()).set(lag);
        let missing = mirrored.min(newest) - self.seen;
        // With many in hand the server waits for us, not we for it.
        if missing <= 0 || self.open.len() > IN_FLIGHT / 2 || self.seen_at.elapsed() < MISSING {
            return Ok(());
        }
        tracing::info!(
            subscription = self.handler.name(),
            after = self.seen,
            "missing events are read from the journal"
        );
        for event in self.journal.stored(self.seen, missing.min(PAGE)).await? {
            // What has come meanwhile stays, so that it is acknowledged.
            let id = self.ahead.remove(&event.position).map(|ahead| ahead.id);
            self.seen = event.position;
            if self.handler.wants(&event.kind, &event.event_type) {
                self.open.insert(event.position, id);
                for event in self.journal.open_delivered(std::slice::from_ref(&event)).await? {
                    self.lanes.take(event, None);
                }
            } else if let Some(id) = id {
                self.reading.acknowledge(id);
            }
        }
        self.take_in_turn().await
    }

    /// Parked events that somebody wants tried again.
    async fn take_parked(&mut self) -> Result<(), TransportError> {
        for asked in parked::asked(self.journal.database(), self.handler.name()).await? {
            if self.replaying.insert(asked.id)
                && let Some(event) = self.journal.event(asked.position).await?
            {
                self.lanes.take(event, Some(asked.id));
            }
        }
        Ok(())
    }

    async fn settle(&mut self, settled: Settled<Option<i64>>) -> Result<(), TransportError> {
        parked::settle(self.journal.database(), self.handler.name(), &settled, settled.by).await?;
        match settled.by {
            Some(id) => drop(self.replaying.remove(&id)),
            None => {
                if let Some(Some(id)) = self.open.remove(&settled.event.position) {
                    self.reading.acknowledge(id);
                }
            }
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), TransportError> {
        let position = self.mark();
        if position != self.saved {
            save_subscription_position(&self.lease, self.handler.name(), position).await?;
            self.saved = position;
        }
        Ok(())
    }

    /// Waits for what runs, and writes down how far it has come.
    async fn finish(mut self) -> Result<(), TransportError> {
        let deadline = Instant::now() + GRACE;
        while let Some(settled) = self.lanes.last(deadline).await {
            self.settle(settled).await?;
        }
        self.save().await
    }
}
