//! A group's tables once more, in a schema of their own beside the live ones: made, filled, indexed, dropped.
//!
//! They are filled by several workers, each with the events of its share of the owners. That is sound because no row is
//! made of the events of two owners: all that a transaction, an account, a category or a cell of the summary refers to
//! lies in one book (commands guard it), and users and books are rows of their own.

use std::{
    collections::{HashSet, VecDeque},
    iter,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use spendlog_event_store::{Database, Event, Journal, Query};
use tokio::{sync::mpsc, task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::{
    Group, ProjectionError, Projections,
    forgotten::{leave_out, tombstones},
    status::holder,
    writer::Writer,
};

/// Events of a batch, before it is dealt out to the workers.
const BATCH: i64 = 10_000;
/// Batches that wait for a worker.
const WAITING: usize = 2;
/// Two fill a third faster than one also on two cores, since a worker waits for Postgres half of its time; more than these
/// are not worth their connections.
const WORKERS: std::ops::RangeInclusive<usize> = 2..=4;
/// How long the lock is waited for: a process that was killed holds it until its connection is seen to be broken.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Events are folded, and their rows copied.
    Filling,
    /// Indexes are built, and statistics gathered.
    Indexing,
    /// What was appended meanwhile is applied.
    CatchingUp,
    /// The new tables take the place of the live ones, as soon as nobody is in the way.
    Swapping,
    /// Rows are compared with those of the live tables.
    Comparing,
}

/// How far a rebuild or a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The group.
    pub group: Group,
    /// What is being done.
    pub stage: Stage,
    /// The position that it has come to.
    pub position: i64,
    /// The position that it goes for.
    pub head: i64,
    /// How many events were applied.
    pub events: u64,
    /// How long it has been at work.
    pub elapsed: Duration,
}

impl Progress {
    /// Positions per second so far.
    pub fn rate(&self) -> u64 {
        let done = u128::try_from(self.position).unwrap_or_default();
        u64::try_from(done * 1000 / self.elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
    }

    /// How long the rest of the events will take at this rate; none while nothing is known of it.
    pub fn left(&self) -> Option<Duration> {
        let rest = u64::try_from(self.head - self.position).unwrap_or_default();
        rest.checked_div(self.rate()).map(Duration::from_secs)
    }
}

/// What the tables beside the live ones are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// To take their place.
    Rebuild,
    /// To be compared with them.
    Verify,
}

/// The schemas that there can be beside the live one.
fn schemas(group: Group) -> [String; 3] {
    ["next", "old", "check"].map(|word| format!("read_{word}_{}", group.name()))
}

/// Tables of a group beside the live ones, the connections that fill them, and how far they have come.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) journal: Journal,
    pub(crate) group: Group,
    /// The position that they have come to.
    pub(crate) position: i64,
    /// How many events were applied.
    pub(crate) events: u64,
    /// Owners who were forgotten before the first event was applied.
    forgotten: Arc<HashSet<Uuid>>,
    /// One for each worker; the first one's connection holds the group's lock, the others share that of the workers.
    writers: Vec<Arc<Writer>>,
    started: Instant,
}

impl Beside {
    /// Makes the tables, empty. Of all processes one at a time can have some of a group; what another one left behind is
    /// dropped.
    pub(crate) async fn make(journal: &Journal, group: Group, purpose: Purpose) -> Result<Self, ProjectionError> {
        let (started, database) = (Instant::now(), journal.database());
        let [next, _, check] = schemas(group);
        let (work, schema) = match purpose {
            Purpose::Rebuild => ("spendlog rebuild", next),
            Purpose::Verify => ("spendlog verify", check),
        };
        let first = open(database, work, &schema).await?;
        if let Some(lock) = taken(&first, group, PATIENCE).await? {
            let by = holder(&first, lock).await?;
            return Err(ProjectionError::Busy { group, by });
        }
        let mut others = Vec::new();
        for _ in 1..workers() {
            let writer = open(database, work, &schema).await?;
            writer.lock_shared(group.lock_copying()).await?;
            others.push(writer);
        }
        // Not before: that it can be done shows that the group's lock was ours when the others took theirs.
        drop_all(&first, group).await?;
        make_tables(&first, group).await?;
        let forgotten = Arc::new(tombstones(&first).await?);
        let writers = iter::once(first).chain(others).map(Arc::new).collect();
        Ok(Self {
            journal: journal.clone(),
            group,
            position: 0,
            events: 0,
            forgotten,
            writers,
            started,
        })
    }

    /// The connection that holds the lock.
    pub(crate) fn writer(&self) -> Result<&Writer, ProjectionError> {
        self.writers
            .first()
            .map(|writer| &**writer)
            .ok_or(ProjectionError::Worker)
    }

    /// Drops the tables, or those that they have taken the place of, and gives the locks back. Where that fails, the next
    /// one does it, or the next server that looks.
    pub(crate) async fn discard(self) {
        let dropped = async {
            drop_all(self.writer()?, self.group).await?;
            for writer in &self.writers {
                writer.client.batch_execute("SELECT pg_advisory_unlock_all()").await?;
            }
            Ok::<_, ProjectionError>(())
        };
        if let Err(error) = dropped.await {
            tracing::warn!(projection = self.group.name(), %error, "tables beside the live ones could not be dropped");
        }
    }

    /// How long it has been since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How far it has come on the way to `head`.
    pub(crate) fn progress(&self, stage: Stage, head: i64) -> Progress {
        Progress {
            group: self.group,
            stage,
            position: self.position,
            head: head.max(self.position),
            events: self.events,
            elapsed: self.elapsed(),
        }
    }

    fn source(&self) -> Source {
        Source {
            journal: self.journal.clone(),
            group: self.group,
            forgotten: Arc::clone(&self.forgotten),
        }
    }

    /// Applies all events up to `until`: one task reads and opens them, the workers fold them and copy the rows.
    pub(crate) async fn fill(
        &mut self,
        stage: Stage,
        until: i64,
        progress: &mut impl FnMut(&Progress),
    ) -> Result<(), ProjectionError> {
        let (done, mut heard) = mpsc::unbounded_channel();
        let (mut tasks, mut shares) = (JoinSet::new(), Vec::new());
        for (number, writer) in self.writers.iter().enumerate() {
            let (share, batches) = mpsc::channel(WAITING);
            shares.push(share);
            let (writer, done) = (Arc::clone(writer), done.clone());
            tasks.spawn(work(self.group, writer, batches, move |position, events| {
                // Nobody listens any more where another worker failed.
                let _unheard = done.send((number, position, events));
            }));
        }
        drop(done);
        let mut reached = vec![self.position; shares.len()];
        tasks.spawn(deal(self.source(), self.position, until, shares));
        while let Some((number, position, events)) = heard.recv().await {
            if let Some(reached) = reached.get_mut(number) {
                *reached = position;
            }
            self.position = reached.iter().copied().min().unwrap_or(until);
            self.events += events;
            progress(&self.progress(stage, until));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|_| ProjectionError::Worker)??;
        }
        self.position = until;
        Ok(())
    }

    /// Applies events up to `until` through the connection that holds the lock, in whatever transaction it is. Answers
    /// with how many.
    pub(crate) async fn apply(&self, until: i64) -> Result<u64, ProjectionError> {
        let (writer, mut after, mut count) = (self.writer()?, self.position, 0);
        while after < until {
            let (reached, events) = self.source().read(after, until).await?;
            self.group.fold(writer, &events, true).await?.write(writer).await?;
            count += u64::try_from(events.len()).unwrap_or_default();
            after = reached;
        }
        Ok(count)
    }

    /// Builds the indexes that the live tables have and these don't, as many at a time as there are workers.
    pub(crate) async fn index(&self) -> Result<(), ProjectionError> {
        // The definition names the live table once; the new one's index has the same name in its own schema. What takes
        // longest comes first.
        let sql = "SELECT replace(i.indexdef, format(' ON read.%I ', i.tablename), format(' ON %I.%I ', $1::text, i.tablename)) \
                   FROM pg_indexes i WHERE i.schemaname = 'read' AND i.tablename = ANY ($2::text[]) \
                     AND NOT EXISTS (SELECT FROM pg_indexes n WHERE n.schemaname = $1::text AND n.indexname = i.indexname) \
                   ORDER BY i.indexdef LIKE '% USING gin %' DESC, \
                     pg_relation_size(format('%I.%I', $1::text, i.tablename)::regclass) DESC";
        let writer = self.writer()?;
        let rows = writer
            .query(sql.to_owned(), &[&writer.schema, &self.group.tables()])
            .await?;
        let statements = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<VecDeque<_>, _>>()?;
        self.each(statements).await
    }

    /// Tells the planner what the tables hold.
    pub(crate) async fn analyze(&self) -> Result<(), ProjectionError> {
        let schema = &self.writer()?.schema;
        let tables = self.group.tables().iter();
        self.each(tables.map(|table| format!("ANALYZE {schema}.{table}")).collect())
            .await
    }

    /// Runs statements, as many at a time as there are workers.
    async fn each(&self, statements: VecDeque<String>) -> Result<(), ProjectionError> {
        let left = Mutex::new(statements);
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let workers = self.writers.iter().map(|writer| async {
            while let Some(statement) = next() {
                writer.client.batch_execute(&statement).await?;
            }
            Ok::<_, ProjectionError>(())
        });
        try_join_all(workers).await.map(drop)
    }
}

/// As many as can run at the same time.
fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.clamp(*WORKERS.start(), *WORKERS.end())
}

/// Which worker an owner's events go to. The last digits of ids are random.
fn share_of(owner: Uuid, workers: usize) -> usize {
    let workers = u128::try_from(workers.max(1)).unwrap_or(1);
    usize::try_from(owner.as_u128() % workers).unwrap_or_default()
}

/// Reads events and deals each owner's to one worker.
async fn deal(
    source: Source,
    mut after: i64,
    until: i64,
    shares: Vec<mpsc::Sender<(i64, Vec<Event>)>>,
) -> Result<(), ProjectionError> {
    while after < until {
        let (reached, events) = source.read(after, until).await?;
        let mut dealt = vec![Vec::new(); shares.len()];
        for event in events {
            if let Some(part) = dealt.get_mut(share_of(event.owner, shares.len())) {
                part.push(event);
            }
        }
        for (share, part) in shares.iter().zip(dealt) {
            // A worker that is gone has failed, and says why.
            if share.send((reached, part)).await.is_err() {
                return Ok(());
            }
        }
        after = reached;
    }
    Ok(())
}

/// Folds a worker's events and copies the rows.
async fn work(
    group: Group,
    writer: Arc<Writer>,
    mut batches: mpsc::Receiver<(i64, Vec<Event>)>,
    done: impl Fn(i64, u64) + Send,
) -> Result<(), ProjectionError> {
    while let Some((position, events)) = batches.recv().await {
        group.fold(&writer, &events, true).await?.write(&writer).await?;
        done(position, u64::try_from(events.len()).unwrap_or_default());
    }
    Ok(())
}

/// Where the events of a group come from.
struct Source {
    journal: Journal,
    group: Group,
    /// Whose events are none of them.
    forgotten: Arc<HashSet<Uuid>>,
}

impl Source {
    /// The next events of the group, and the position that they reach to.
    async fn read(&self, after: i64, until: i64) -> Result<(i64, Vec<Event>), ProjectionError> {
        let kinds = self.group.kinds().iter().map(|kind| (*kind).to_owned()).collect();
        let query = Query {
            after,
            until: Some(until),
            kinds: Some(kinds),
            limit: BATCH,
            ..Query::default()
        };
        let mut events = self.journal.read(&query).await?;
        let full = i64::try_from(events.len()).is_ok_and(|count| count == BATCH);
        let reached = events.last().filter(|_| full).map_or(until, |event| event.position);
        leave_out(&self.journal, &self.forgotten, &mut events);
        Ok((reached, events))
    }
}

/// Tables like the live ones, empty, with their primary keys alone.
async fn make_tables(writer: &Writer, group: Group) -> Result<(), ProjectionError> {
    let schema = &writer.schema;
    writer.client.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    for table in group.tables() {
        let sql = format!(
            "CREATE TABLE {schema}.{table} (LIKE read.{table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
        );
        writer.client.batch_execute(&sql).await?;
        let sql = "SELECT format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', $1::text, $2::text, c.conname, pg_get_constraintdef(c.oid)) \
                   FROM pg_constraint c WHERE c.conrelid = format('read.%I', $2::text)::regclass AND c.contype IN ('p', 'u') \
                   UNION ALL SELECT format('ALTER TABLE %I.%I SET (%s)', $1::text, $2::text, array_to_string(r.reloptions, ', ')) \
                   FROM pg_class r WHERE r.oid = format('read.%I', $2::text)::regclass AND r.reloptions IS NOT NULL";
        for row in writer.query(sql.to_owned(), &[schema, table]).await? {
            writer.client.batch_execute(row.try_get(0)?).await?;
        }
        // Autovacuum would stand in the way of every index for a second.
        let sql = format!("ALTER TABLE {schema}.{table} SET (autovacuum_enabled = false)");
        writer.client.batch_execute(&sql).await?;
    }
    Ok(())
}

/// A connection that copies. Postgres looks now and then whether we still live, so that an index which takes minutes is
/// not built to its end for somebody who was killed (from version 14 on).
async fn open(database: &Database, work: &str, schema: &str) -> Result<Writer, ProjectionError> {
    let writer = Writer::open(database, work, schema, true).await?;
    let sql = "SELECT set_config(name, '1000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";
    writer.query(sql.to_owned(), &[]).await?;
    Ok(writer)
}

/// Takes the group's lock, and answers with the lock that was not to be had within this time: that one, or that of the workers,
/// who copy for a while longer where the group's lock alone was lost with its connection.
async fn taken(writer: &Writer, group: Group, patience: Duration) -> Result<Option<i64>, ProjectionError> {
    let until = Instant::now() + patience;
    for lock in [group.lock_beside(), group.lock_copying()] {
        while !writer.try_lock(lock).await? {
            if Instant::now() >= until {
                return Ok(Some(lock));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    // It is for workers of one's own.
    writer.unlock(group.lock_copying()).await?;
    Ok(None)
}

async fn drop_all(writer: &Writer, group: Group) -> Result<(), ProjectionError> {
    for schema in schemas(group) {
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
        writer.client.batch_execute(&sql).await?;
    }
    Ok(())
}

impl Projections {
    /// Drops what rebuilds and verifications that were interrupted left beside the live tables, and what is left of a
    /// projection of one's own that was being added; not what somebody is at
    /// work on, though one that has just been killed may need as long as `patience` to be gone.
    pub async fn sweep(&self, patience: Duration) -> Result<(), ProjectionError> {
        for group in Group::ALL {
            let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY ($1::text[])";
            let left = self.reader().query(sql, &[&schemas(group).to_vec()]).await?;
            if left.is_empty() {
                continue;
            }
            let writer = Writer::open(self.0.journal.database(), "spendlog sweep", "read", false).await?;
            if taken(&writer, group, patience).await?.is_none() {
                drop_all(&writer, group).await?;
                writer.unlock(group.lock_beside()).await?;
                let projection = group.name();
                tracing::info!(
                    projection,
                    "dropped what an interrupted rebuild or verification left behind"
                );
            }
        }
        self.sweep_custom(patience).await
    }
}

/// The schema that the tables which were replaced wait in to be dropped.
pub(crate) fn old(group: Group) -> String {
    let [_, old, _] = schemas(group);
    old
}
