//! The feed out of the journal itself: one process at a time runs a subscription, hands it the events in the order of each
//! stream, and remembers how far it has come.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Database, DatabaseError, Feed, Handler, Journal, Lanes, Lease, Query, ReadError, Settled, Share, parked, persevere,
};

/// So many events are fetched at a time.
const PAGE: i64 = 500;
/// So many events are in hand at most before no more are fetched.
const WINDOW: usize = 2000;
/// How long a look at the newest events is put off after the last one: looking costs half as much as an append.
const BREATH: Duration = Duration::from_millis(25);
/// Progress is written down at most so often.
const CHECKPOINT: Duration = Duration::from_millis(250);
/// How long handlers have to come to an end after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// The journal hands its events on by itself: of all processes that ask for the same name one does the work, and another takes
/// over when it ends.
#[async_trait]
impl Feed for Journal {
    async fn subscribe(&self, handler: Arc<dyn Handler>, stop: CancellationToken) {
        let what = format!("the subscription {}", handler.name());
        persevere(&what, &stop, || Box::pin(Work::run(self, &handler, &stop))).await;
    }
}

/// The lock of a subscription. The journal's feed holds it alone; consumers of a broker, who share the work among themselves,
/// hold it together: so an event reaches a handler by one way only.
pub fn subscription_lock(name: &str) -> String {
    format!("subscription {name}")
}

/// The position up to which everything is done (or parked) of this subscription, whatever brought it there.
pub async fn subscription_position(db: &Database, name: &str) -> Result<i64, DatabaseError> {
    const BEGIN: &str = "INSERT INTO es.subscriptions (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    sqlx::query(BEGIN).bind(name).execute(db.pool()).await?;
    let position = sqlx::query_scalar("SELECT position FROM es.subscriptions WHERE name = $1")
        .bind(name)
        .fetch_one(db.pool());
    Ok(position.await?)
}

/// Writes down up to where everything is done, for a subscription whose position was asked for before. The lease is of its lock:
/// who has lost that has lost the connection too, and writes nothing.
pub async fn save_subscription_position(lease: &Lease, name: &str, position: i64) -> Result<(), DatabaseError> {
    const SAVE: &str = "UPDATE es.subscriptions SET position = $2, updated_at = now() WHERE name = $1";
    lease.client().execute(SAVE, &[&name, &position]).await?;
    Ok(())
}

struct Work<'a> {
    journal: &'a Journal,
    handler: &'a Arc<dyn Handler>,
    lease: Lease,
    /// Everything up to here was fetched.
    fetched: i64,
    /// What was fetched and is neither done nor parked.
    open: BTreeSet<i64>,
    /// What stands in `es.subscriptions`.
    saved: i64,
    /// What is in hand: parked events by their ids, others by none.
    lanes: Lanes<Option<i64>>,
    /// Parked events that are in hand.
    replaying: HashSet<i64>,
}

impl<'a> Work<'a> {
    /// Works until it is stopped, or the connection that holds the subscription is lost.
    async fn run(
        journal: &'a Journal,
        handler: &'a Arc<dyn Handler>,
        stop: &CancellationToken,
    ) -> Result<(), ReadError> {
        let (db, lock) = (journal.database(), subscription_lock(handler.name()));
        let Some(lease) = Lease::take(db, "spendlog-subscription", &lock, Share::Alone, stop).await? else {
            return Ok(());
        };
        // A checkpoint that is lost in a crash only means that some events are handed over again.
        let quick = "SET synchronous_commit = off";
        lease.client().batch_execute(quick).await.map_err(DatabaseError::from)?;
        let saved = subscription_position(db, handler.name()).await?;
        let work = Work {
            journal,
            handler,
            lease,
            fetched: saved,
            open: BTreeSet::new(),
            saved,
            lanes: Lanes::new(handler.clone()),
            replaying: HashSet::new(),
        };
        work.go(stop).await
    }

    async fn go(mut self, stop: &CancellationToken) -> Result<(), ReadError> {
        let (mut head, mut replays) = (self.journal.head(), self.journal.replays());
        replays.mark_changed();
        let (mut save_at, mut fetch_at) = (Instant::now(), Instant::now());
        loop {
            let newest = *head.borrow_and_update();
            self.report(newest);
            let full = self.open.len() >= WINDOW;
            if !full && self.fetched < newest && Instant::now() >= fetch_at {
                self.fetch().await?;
                if self.fetched >= newest {
                    fetch_at = Instant::now() + BREATH;
                }
            }
            if self.checkpoint() != self.saved && Instant::now() >= save_at {
                self.save().await?;
                save_at = Instant::now() + CHECKPOINT;
            }
            let (behind, unsaved) = (!full && self.fetched < newest, self.checkpoint() != self.saved);
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish().await,
                () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
                settled = self.lanes.settled() => self.settle(settled).await?,
                asked = changed(&mut replays) => if asked { self.take_parked().await? } else { return self.finish().await },
                () = tokio::time::sleep_until(fetch_at), if behind => {}
                more = changed(&mut head), if !full && !behind => if !more { return self.finish().await },
                () = tokio::time::sleep_until(save_at), if unsaved => {}
            }
        }
    }

    /// Everything up to here is done or parked.
    fn checkpoint(&self) -> i64 {
        self.open.first().map_or(self.fetched, |first| first - 1)
    }

    fn report(&self, newest: i64) {
        let lag = u32::try_from((newest - self.checkpoint()).max(0)).unwrap_or(u32::MAX);
        metrics::gauge!("spendlog_feed_lag_events", "subscription" => self.handler.name()).set(lag);
    }

    async fn save(&mut self) -> Result<(), ReadError> {
        let position = self.checkpoint();
        save_subscription_position(&self.lease, self.handler.name(), position).await?;
        self.saved = position;
        Ok(())
    }

    async fn fetch(&mut self) -> Result<(), ReadError> {
        let query = Query {
            after: self.fetched,
            limit: PAGE,
            ..Query::default()
        };
        let wanted = |kind: &str, event_type: &str| self.handler.wants(kind, event_type);
        let (events, last) = self.journal.read_wanted(&query, wanted).await?;
        for event in events {
            self.open.insert(event.position);
            self.lanes.take(event, None);
        }
        self.fetched = last.unwrap_or(self.fetched);
        Ok(())
    }

    /// Parked events that somebody wants tried again.
    async fn take_parked(&mut self) -> Result<(), ReadError> {
        for asked in parked::asked(self.journal.database(), self.handler.name()).await? {
            if self.replaying.insert(asked.id)
                && let Some(event) = self.journal.event(asked.position).await?
            {
                self.lanes.take(event, Some(asked.id));
            }
        }
        Ok(())
    }

    async fn settle(&mut self, settled: Settled<Option<i64>>) -> Result<(), ReadError> {
        parked::settle(self.journal.database(), self.handler.name(), &settled, settled.by).await?;
        match settled.by {
            Some(id) => drop(self.replaying.remove(&id)),
            None => drop(self.open.remove(&settled.event.position)),
        }
        Ok(())
    }

    /// Waits for what runs, and writes down how far it has come.
    async fn finish(&mut self) -> Result<(), ReadError> {
        let deadline = Instant::now() + GRACE;
        while let Some(settled) = self.lanes.last(deadline).await {
            self.settle(settled).await?;
        }
        self.save().await
    }
}

/// Waits for a change; false when there will never be one again.
async fn changed<T>(receiver: &mut watch::Receiver<T>) -> bool {
    receiver.changed().await.is_ok()
}

#[cfg(test)]
mod tests;
