//! The feed out of the journal itself: one process at a time runs a subscription, hands it the events in the order of each
//! stream, and remembers how far it has come.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use ring::digest;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::CancellationToken;

use crate::{Event, Handler, Journal, Outcome, Query, ReadError};

/// So many events are fetched at a time.
const PAGE: i64 = 500;
/// So many events are in hand at most (waiting, running, or waiting for another try) before no more are fetched.
const WINDOW: usize = 2000;
/// How long a look at the newest events is put off after the last one: looking costs half as much as an append.
const BREATH: Duration = Duration::from_millis(25);
/// Progress is written down at most so often.
const CHECKPOINT: Duration = Duration::from_millis(250);
/// How often a process that does not hold a subscription tries to get it.
const TAKE_OVER: Duration = Duration::from_secs(1);
/// How long handlers have to come to an end after a stop.
const GRACE: Duration = Duration::from_secs(10);
/// The longest pause before another try.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Hands all events that the handler wants to it, from where its subscription stood, until it is stopped. Of all processes that
/// call this for the same name one does the work; another takes over when it ends. An event is handed over again when the
/// process ends before its progress was written down.
pub async fn subscribe(journal: Journal, handler: Arc<dyn Handler>, stop: CancellationToken) {
    let mut pause = Duration::from_millis(100);
    loop {
        let begun = Instant::now();
        match Work::run(&journal, &handler, &stop).await {
            Ok(()) => return,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, subscription = handler.name(), "a subscription was interrupted");
            }
        }
        pause = if begun.elapsed() > Duration::from_secs(60) {
            Duration::from_millis(100)
        } else {
            (pause * 2).min(Duration::from_secs(5))
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Kind and id of a stream: its events go one behind the other.
type Lane = (String, String);

/// An event in hand.
struct Item {
    event: Arc<Event>,
    /// Its id among the parked ones, if it is one of them.
    parked: Option<i64>,
    attempts: u32,
}

struct Work<'a> {
    journal: &'a Journal,
    handler: &'a Arc<dyn Handler>,
    client: Client,
    /// Everything up to here was fetched.
    fetched: i64,
    /// What was fetched and is neither done nor parked.
    open: BTreeSet<i64>,
    /// What stands in `es.subscriptions`.
    saved: i64,
    lanes: HashMap<Lane, VecDeque<Item>>,
    /// Lanes whose first event can be started, by its position: the oldest is started first.
    ready: BTreeMap<i64, Lane>,
    running: JoinSet<Outcome>,
    running_lanes: HashMap<Id, Lane>,
    pauses: FuturesUnordered<BoxFuture<'static, Lane>>,
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
        let (client, connection) = journal
            .database()
            .config("spendlog-subscription")
            .connect(NoTls)
            .await
            .map_err(database)?;
        let lost = CancellationToken::new();
        let guard = lost.clone().drop_guard();
        tokio::spawn(async move {
            let _lost = guard;
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a subscription's connection ended");
            }
        });
        // A checkpoint that is lost in a crash only means that some events are handed over again.
        client
            .batch_execute("SET synchronous_commit = off")
            .await
            .map_err(database)?;
        let Some(saved) = hold(&client, handler.name(), stop).await? else {
            return Ok(());
        };
        let mut work = Work {
            journal,
            handler,
            client,
            fetched: saved,
            open: BTreeSet::new(),
            saved,
            lanes: HashMap::new(),
            ready: BTreeMap::new(),
            running: JoinSet::new(),
            running_lanes: HashMap::new(),
            pauses: FuturesUnordered::new(),
            replaying: HashSet::new(),
        };
        work.go(stop, &lost).await
    }

    async fn go(&mut self, stop: &CancellationToken, lost: &CancellationToken) -> Result<(), ReadError> {
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
            self.start();
            if self.checkpoint() != self.saved && Instant::now() >= save_at {
                self.save().await?;
                save_at = Instant::now() + CHECKPOINT;
            }
            let (behind, unsaved) = (!full && self.fetched < newest, self.checkpoint() != self.saved);
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish().await,
                () = lost.cancelled() => return Err(ReadError::Database(crate::DatabaseError::Unreachable)),
                Some(ended) = self.running.join_next_with_id() => self.ended(ended).await?,
                Some(lane) = self.pauses.next() => self.rouse(lane),
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
        let lag = u32::try_from(newest - self.checkpoint()).unwrap_or(u32::MAX);
        metrics::gauge!("spendlog_feed_lag_events", "subscription" => self.handler.name()).set(lag);
    }

    async fn save(&mut self) -> Result<(), ReadError> {
        let position = self.checkpoint();
        const SAVE: &str = "UPDATE es.subscriptions SET position = $2, updated_at = now() WHERE name = $1";
        self.client
            .execute(SAVE, &[&self.handler.name(), &position])
            .await
            .map_err(database)?;
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
            self.take(Item {
                event: Arc::new(event),
                parked: None,
                attempts: 0,
            });
        }
        self.fetched = last.unwrap_or(self.fetched);
        Ok(())
    }

    /// Parked events that somebody wants tried again.
    async fn take_parked(&mut self) -> Result<(), ReadError> {
        const ASKED: &str = "SELECT id, position FROM es.parked WHERE subscription = $1 AND replay_at IS NOT NULL ORDER BY position LIMIT 1000";
        for row in self
            .client
            .query(ASKED, &[&self.handler.name()])
            .await
            .map_err(database)?
        {
            let (id, position): (i64, i64) = (row.get(0), row.get(1));
            if !self.replaying.insert(id) {
                continue;
            }
            let query = Query {
                after: position - 1,
                limit: 1,
                ..Query::default()
            };
            for event in self.journal.read(&query).await? {
                self.take(Item {
                    event: Arc::new(event),
                    parked: Some(id),
                    attempts: 0,
                });
            }
        }
        Ok(())
    }

    fn take(&mut self, item: Item) {
        let lane = (item.event.kind.clone(), item.event.stream.clone());
        let queue = self.lanes.entry(lane.clone()).or_default();
        queue.push_back(item);
        if queue.len() == 1 {
            self.rouse(lane);
        }
    }

    /// The first event of the lane can be started.
    fn rouse(&mut self, lane: Lane) {
        if let Some(item) = self.lanes.get(&lane).and_then(VecDeque::front) {
            self.ready.insert(item.event.position, lane);
        }
    }

    /// Starts what may be started. An event that waits for another try holds up its own stream alone.
    fn start(&mut self) {
        while self.running.len() < self.handler.concurrency().max(1)
            && let Some((_, lane)) = self.ready.pop_first()
        {
            if let Some(item) = self.lanes.get(&lane).and_then(VecDeque::front) {
                let (handler, event) = (self.handler.clone(), item.event.clone());
                let task = self.running.spawn(async move { handler.handle(&event).await });
                self.running_lanes.insert(task.id(), lane);
            }
        }
    }

    async fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) -> Result<(), ReadError> {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Outcome::Park("the handler panicked".to_owned())),
        };
        let Some(lane) = self.running_lanes.remove(&id) else {
            return Ok(());
        };
        let Some(item) = self.lanes.get_mut(&lane).and_then(VecDeque::front_mut) else {
            return Ok(());
        };
        item.attempts += 1;
        let attempts = item.attempts;
        match outcome {
            Outcome::Done => {
                if let Some(id) = item.parked {
                    self.client
                        .execute("DELETE FROM es.parked WHERE id = $1", &[&id])
                        .await
                        .map_err(database)?;
                }
            }
            Outcome::RetryAfter(pause) if attempts < self.handler.attempts() => {
                let backoff = Duration::from_millis(50).saturating_mul(1 << attempts.min(10));
                let pause = pause.max(backoff).min(LONGEST_PAUSE);
                self.pauses.push(Box::pin(async move {
                    tokio::time::sleep(pause).await;
                    lane
                }));
                return Ok(());
            }
            Outcome::RetryAfter(_) => self.park(&lane, "tried too often").await?,
            Outcome::Park(reason) => self.park(&lane, &reason).await?,
        }
        self.next(lane);
        Ok(())
    }

    /// Parks the first event of the lane.
    async fn park(&mut self, lane: &Lane, reason: &str) -> Result<(), ReadError> {
        const PARK: &str = "INSERT INTO es.parked AS p (subscription, position, reason, attempts) VALUES ($1, $2, $3, $4)
            ON CONFLICT (subscription, position) DO UPDATE SET reason = excluded.reason, attempts = p.attempts + excluded.attempts,
                parked_at = now(), replay_at = NULL";
        let Some(item) = self.lanes.get(lane).and_then(VecDeque::front) else {
            return Ok(());
        };
        let (name, attempts) = (self.handler.name(), i32::try_from(item.attempts).unwrap_or(i32::MAX));
        tracing::warn!(
            subscription = name,
            position = item.event.position,
            attempts,
            reason,
            "an event was parked"
        );
        metrics::counter!("spendlog_feed_parked_total", "subscription" => name).increment(1);
        self.client
            .execute(PARK, &[&name, &item.event.position, &reason, &attempts])
            .await
            .map_err(database)?;
        Ok(())
    }

    /// The first event of the lane is done with.
    fn next(&mut self, lane: Lane) {
        let Some(queue) = self.lanes.get_mut(&lane) else { return };
        if let Some(item) = queue.pop_front() {
            match item.parked {
                Some(id) => drop(self.replaying.remove(&id)),
                None => drop(self.open.remove(&item.event.position)),
            }
        }
        if queue.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.rouse(lane);
        }
    }

    /// Starts nothing more, waits for what runs, and writes down how far it has come.
    async fn finish(&mut self) -> Result<(), ReadError> {
        let deadline = Instant::now() + GRACE;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.running.join_next_with_id()).await {
            self.ended(ended).await?;
        }
        self.running.shutdown().await;
        self.save().await
    }
}

/// Gets the subscription, unless it is stopped before: the position up to which everything is done.
async fn hold(client: &Client, name: &str, stop: &CancellationToken) -> Result<Option<i64>, ReadError> {
    let key = digest::digest(&digest::SHA256, format!("spendlog subscription {name}").as_bytes());
    let key = key
        .as_ref()
        .first_chunk::<8>()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes));
    loop {
        let held = client
            .query_one("SELECT pg_try_advisory_lock($1)", &[&key])
            .await
            .map_err(database)?;
        if held.get(0) {
            break;
        }
        if stop.run_until_cancelled(tokio::time::sleep(TAKE_OVER)).await.is_none() {
            return Ok(None);
        }
    }
    const BEGIN: &str = "INSERT INTO es.subscriptions (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    client.execute(BEGIN, &[&name]).await.map_err(database)?;
    let row = client
        .query_one("SELECT position FROM es.subscriptions WHERE name = $1", &[&name])
        .await
        .map_err(database)?;
    Ok(Some(row.get(0)))
}

/// Waits for a change; false when there will never be one again.
async fn changed<T>(receiver: &mut watch::Receiver<T>) -> bool {
    receiver.changed().await.is_ok()
}

fn database(error: tokio_postgres::Error) -> ReadError {
    ReadError::Database(error.into())
}

#[cfg(test)]
mod tests;
