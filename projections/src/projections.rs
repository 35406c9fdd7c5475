//! The read side's door: how far it is, waiting for it, running it, asking it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use spendlog_event_store::{Event, Journal, Query};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{Behind, Group, ProjectionError, Reader, custom, runner, writer::maintain};

/// Connections for queries. Each carries several queries at once, so this is how many run at the same time in Postgres.
const CONNECTIONS: usize = 6;

/// As of when a query is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// As the tables are.
    Now,
    /// As the journal stood at this position.
    Position(i64),
}

impl At {
    /// A position between `from_position` (inclusive) and `to_position` (exclusive) of every row that holds.
    pub(crate) fn position(self) -> i64 {
        match self {
            Self::Now => crate::OPEN_END - 1,
            Self::Position(position) => position.min(crate::OPEN_END - 1),
        }
    }
}

/// How far a group is behind the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The group.
    pub group: Group,
    /// The position that it has come to.
    pub position: i64,
    /// How many events of the journal are still before it.
    pub events: i64,
    /// How long the first of them has been waiting.
    pub seconds: i64,
}

/// The projections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Projections(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) journal: Journal,
    pub(crate) reader: Reader,
    marks: [Mark; Group::ALL.len()],
}

/// A position that a group has come to, and the connection that this was learnt through.
///
/// Commits of read tables wait for no disk, so a crash of the database can take the last ones back. It ends all connections as
/// well: what was learnt through one that still lives holds.
#[derive(Debug, Default)]
struct Seen {
    position: i64,
    /// Cancelled when the connection is lost.
    lost: CancellationToken,
}

impl Seen {
    /// The position, while it is sure; else 0.
    fn position(&self) -> i64 {
        if self.lost.is_cancelled() { 0 } else { self.position }
    }
}

/// How far a group is known to have come, and who waits for it.
#[derive(Debug)]
pub(crate) struct Mark {
    seen: watch::Sender<Seen>,
    waiting: AtomicUsize,
    /// Whether this process runs the group, so that `seen` moves by itself.
    running: AtomicBool,
    /// Whether the group was paused when its checkpoint was last read.
    paused: AtomicBool,
    pub(crate) urgent: Notify,
}

impl Mark {
    fn new() -> Self {
        Self {
            seen: watch::Sender::new(Seen::default()),
            waiting: AtomicUsize::new(0),
            running: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            urgent: Notify::new(),
        }
    }

    /// The group has come to this position, says a connection that is lost when `lost` is cancelled.
    pub(crate) fn reached(&self, position: i64, lost: &CancellationToken) {
        self.seen.send_if_modified(|seen| {
            let further = seen.position() < position;
            if further {
                let lost = lost.clone();
                *seen = Seen { position, lost };
            }
            further
        });
    }

    /// A runner begins at this position, on a connection that is lost when `lost` is cancelled. It can lie behind what was reached
    /// before a crash.
    pub(crate) fn begins_at(&self, position: i64, lost: &CancellationToken) {
        let lost = lost.clone();
        self.seen.send_replace(Seen { position, lost });
    }

    /// Whether somebody waits for what is not there yet.
    pub(crate) fn awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Says whether this process runs the group.
    pub(crate) fn run_here(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }
}

/// Counts somebody who waits.
struct Waiting<'a>(&'a Mark);

impl<'a> Waiting<'a> {
    fn on(mark: &'a Mark) -> Self {
        mark.waiting.fetch_add(1, Ordering::Relaxed);
        mark.urgent.notify_one();
        Self(mark)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Projections {
    /// The projections of a journal. Nothing runs yet: see [`run`](Self::run).
    pub fn new(journal: Journal) -> Self {
        let reader = Reader::new(journal.database().clone(), CONNECTIONS);
        Self(Arc::new(Inner {
            journal,
            reader,
            marks: [Mark::new(), Mark::new()],
        }))
    }

    /// For the typed queries of the modules.
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Runs all groups until `stop`. Of several processes that do, one at a time works on a group; the others take over
    /// when it ends.
    pub fn run(&self, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
        let runners = Group::ALL.map(|group| tokio::spawn(runner::run(self.clone(), group, stop.clone())));
        let sweeper = tokio::spawn(runner::sweep(self.clone(), stop.clone()));
        let customs = tokio::spawn(custom::run(self.clone(), stop.clone()));
        runners.into_iter().chain([sweeper, customs]).collect()
    }

    /// Waits until a group has come to a position.
    pub async fn wait(&self, group: Group, position: i64, timeout: Duration) -> Result<(), Behind> {
        let mark = self.mark(group);
        let mut seen = mark.seen.subscribe();
        if seen.borrow_and_update().position() >= position {
            return Ok(());
        }
        let _waiting = Waiting::on(mark);
        let deadline = Instant::now() + timeout;
        // Where another process runs the group, only its checkpoint tells; so it does where news got lost.
        let here = mark.running.load(Ordering::Relaxed);
        let mut pause = Duration::from_millis(if here { 200 } else { 4 });
        loop {
            let now = Instant::now();
            tokio::select! {
                _ = seen.changed() => {}
                () = sleep_until(deadline.min(now + pause)) => {
                    pause = (pause * 2).min(Duration::from_millis(200));
                    if let Err(error) = self.refresh(group).await {
                        tracing::warn!(group = group.name(), %error, "the checkpoint could not be read");
                    }
                }
            }
            let reached = seen.borrow_and_update().position();
            if reached >= position {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Behind {
                    group,
                    wanted: position,
                    reached,
                    paused: mark.paused.load(Ordering::Relaxed),
                });
            }
        }
    }

    /// How far a group has come, as its checkpoint says.
    pub async fn refresh(&self, group: Group) -> Result<i64, ProjectionError> {
        let (rows, lost) = self
            .reader()
            .query_through(
                "SELECT position, paused_at IS NOT NULL FROM read.checkpoints WHERE name = $1",
                &[&group.name()],
            )
            .await?;
        let (position, paused) = match rows.first() {
            Some(row) => (row.try_get(0)?, row.try_get(1)?),
            None => (0, false),
        };
        let mark = self.mark(group);
        mark.paused.store(paused, Ordering::Relaxed);
        mark.reached(position, &lost);
        Ok(position)
    }

    /// How far a group is behind the journal.
    pub async fn lag(&self, group: Group) -> Result<Lag, ProjectionError> {
        let position = self.refresh(group).await?;
        let head = *self.0.journal.head().borrow();
        let events = (head - position).max(0);
        let next = if events == 0 {
            Vec::new()
        } else {
            self.0
                .journal
                .read(&Query {
                    after: position,
                    limit: 1,
                    ..Query::default()
                })
                .await?
        };
        let seconds = next.first().map_or(0, seconds_since);
        Ok(Lag {
            group,
            position,
            events,
            seconds,
        })
    }

    /// Has Postgres clear away the rows that were deleted from a group's tables: otherwise they stay in its files until it
    /// finds that worth the while.
    pub async fn vacuum(&self, group: Group) -> Result<(), ProjectionError> {
        maintain(self.0.journal.database(), group, "VACUUM").await
    }

    pub(crate) fn mark(&self, group: Group) -> &Mark {
        match group {
            Group::Ledger => &self.0.marks[0],
            Group::Documents => &self.0.marks[1],
        }
    }
}

/// How long ago an event was recorded, in seconds.
pub(crate) fn seconds_since(event: &Event) -> i64 {
    (now() - event.recorded_at).num_seconds().max(0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an event has been waiting is measured, not decided upon"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
