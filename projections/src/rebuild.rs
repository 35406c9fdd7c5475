//! Makes a group's tables again, beside the live ones, and puts them in their place in one transaction.
//!
//! Queries and the runner go on meanwhile. Rows are copied into tables that have nothing but their primary key; the other
//! indexes are built at the end.

use std::time::{Duration, Instant};

use spendlog_event_store::{Event, Journal, Query};
use tokio::sync::mpsc;

use crate::{Group, ProjectionError, forgotten::leave_out, writer::Writer};

/// Events of a batch.
const BATCH: i64 = 10_000;
/// With no more events than these before it, the swap may hold up the runner.
const CLOSE: i64 = 1000;

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The group.
    pub group: Group,
    /// The position that it has come to.
    pub position: i64,
    /// The position that it goes for.
    pub head: i64,
    /// How long it has been at work.
    pub elapsed: Duration,
}

impl Progress {
    /// Positions per second so far.
    pub fn rate(&self) -> u64 {
        let done = u128::try_from(self.position).unwrap_or_default();
        u64::try_from(done * 1000 / self.elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
    }

    /// How long the rest will take at this rate.
    pub fn left(&self) -> Duration {
        let rest = u64::try_from(self.head - self.position).unwrap_or_default();
        Duration::from_secs(rest / self.rate().max(1))
    }
}

/// What a rebuild did.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    /// How many events were applied.
    pub events: u64,
    /// The position at which the new tables took over.
    pub position: i64,
    /// How long it took.
    pub took: Duration,
}

/// Rebuilds a group's tables from the journal. `progress` hears of each batch.
pub async fn rebuild(
    journal: &Journal,
    group: Group,
    mut progress: impl FnMut(&Progress),
) -> Result<Rebuilt, ProjectionError> {
    let start = Instant::now();
    let next = format!("read_next_{}", group.name());
    let writer = Writer::open(journal.database(), "spendlog rebuild", &next, true).await?;
    // One rebuild of a group at a time; the lock goes with the connection.
    let sql = "SELECT pg_try_advisory_lock($1)".to_owned();
    if !writer
        .query(sql, &[&(group.lock() + 100)])
        .await?
        .iter()
        .all(|row| row.get(0))
    {
        return Err(ProjectionError::TakenOver);
    }
    let head = *journal.head().borrow();
    make_tables(&writer, group).await?;
    let mut report = |position| {
        progress(&Progress {
            group,
            position,
            head,
            elapsed: start.elapsed(),
        })
    };
    let mut events = fill(journal, &writer, group, head, &mut report).await?;
    make_indexes(&writer, group).await?;
    let mut position = head;
    loop {
        let now = *journal.head().borrow();
        if now - position <= CLOSE {
            break;
        }
        events += catch_up(journal, &writer, group, position, now).await?;
        position = now;
    }
    writer.client.batch_execute("BEGIN").await?;
    let swapped = swap(journal, &writer, group, position).await;
    let (position, more) = match swapped {
        Ok(swapped) => {
            writer.client.batch_execute("COMMIT").await?;
            swapped
        }
        Err(error) => {
            let _best_effort = writer.client.batch_execute("ROLLBACK").await;
            return Err(error);
        }
    };
    let sql = format!(
        "DROP SCHEMA IF EXISTS {next} CASCADE; DROP SCHEMA IF EXISTS {} CASCADE",
        old(group)
    );
    writer.client.batch_execute(&sql).await?;
    Ok(Rebuilt {
        events: events + more,
        position,
        took: start.elapsed(),
    })
}

fn old(group: Group) -> String {
    format!("read_old_{}", group.name())
}

/// Tables like the live ones, empty, with their primary keys alone.
async fn make_tables(writer: &Writer, group: Group) -> Result<(), ProjectionError> {
    let next = &writer.schema;
    writer
        .client
        .batch_execute(&format!("DROP SCHEMA IF EXISTS {next} CASCADE; CREATE SCHEMA {next}"))
        .await?;
    for table in group.tables() {
        let sql = format!(
            "CREATE TABLE {next}.{table} (LIKE read.{table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
        );
        writer.client.batch_execute(&sql).await?;
        let sql = "SELECT format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', $1::text, $2::text, c.conname, pg_get_constraintdef(c.oid)) \
                   FROM pg_constraint c WHERE c.conrelid = format('read.%I', $2::text)::regclass AND c.contype IN ('p', 'u') \
                   UNION ALL SELECT format('ALTER TABLE %I.%I SET (%s)', $1::text, $2::text, array_to_string(r.reloptions, ', ')) \
                   FROM pg_class r WHERE r.oid = format('read.%I', $2::text)::regclass AND r.reloptions IS NOT NULL";
        for row in writer.query(sql.to_owned(), &[next, table]).await? {
            writer.client.batch_execute(row.try_get(0)?).await?;
        }
    }
    Ok(())
}

/// The indexes that the live tables have and the new ones don't.
async fn make_indexes(writer: &Writer, group: Group) -> Result<(), ProjectionError> {
    let next = &writer.schema;
    for table in group.tables() {
        // The definition names the live table once; the new one's index has the same name in its own schema.
        let sql = "SELECT replace(i.indexdef, format(' ON read.%I ', $2::text), format(' ON %I.%I ', $1::text, $2::text)) \
                   FROM pg_indexes i WHERE i.schemaname = 'read' AND i.tablename = $2::text \
                     AND NOT EXISTS (SELECT FROM pg_indexes n WHERE n.schemaname = $1::text AND n.indexname = i.indexname)";
        for row in writer.query(sql.to_owned(), &[next, table]).await? {
            writer.client.batch_execute(row.try_get(0)?).await?;
        }
        writer.client.batch_execute(&format!("ANALYZE {next}.{table}")).await?;
    }
    Ok(())
}

/// All events up to `head`: one task reads and opens them while the other folds and copies.
async fn fill(
    journal: &Journal,
    writer: &Writer,
    group: Group,
    head: i64,
    report: &mut impl FnMut(i64),
) -> Result<u64, ProjectionError> {
    let (sender, mut batches) = mpsc::channel::<Result<(i64, Vec<Event>), ProjectionError>>(2);
    let journal = journal.clone();
    let reading = tokio::spawn(async move {
        let mut after = 0;
        while after < head {
            let batch = read(&journal, group, after, head).await;
            after = batch.as_ref().map_or(head, |(position, _)| *position);
            // Nobody listens any more where the other side failed.
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    });
    let mut count = 0;
    while let Some(batch) = batches.recv().await {
        let (position, events) = batch?;
        group.fold(writer, &events, true).await?.write(writer).await?;
        count += u64::try_from(events.len()).unwrap_or_default();
        report(position);
    }
    // It has ended: its sender is gone.
    let _ended = reading.await;
    Ok(count)
}

/// The next events of the group, and the position that they reach to.
async fn read(journal: &Journal, group: Group, after: i64, until: i64) -> Result<(i64, Vec<Event>), ProjectionError> {
    let kinds = group.kinds().iter().map(|kind| (*kind).to_owned()).collect();
    let query = Query {
        after,
        until: Some(until),
        kinds: Some(kinds),
        limit: BATCH,
        ..Query::default()
    };
    let mut events = journal.read(&query).await?;
    let full = i64::try_from(events.len()).is_ok_and(|count| count == BATCH);
    let reached = events.last().filter(|_| full).map_or(until, |event| event.position);
    leave_out(journal, &mut events);
    Ok((reached, events))
}

async fn catch_up(
    journal: &Journal,
    writer: &Writer,
    group: Group,
    mut after: i64,
    until: i64,
) -> Result<u64, ProjectionError> {
    let mut count = 0;
    while after < until {
        let (reached, events) = read(journal, group, after, until).await?;
        group.fold(writer, &events, true).await?.write(writer).await?;
        count += u64::try_from(events.len()).unwrap_or_default();
        after = reached;
    }
    Ok(count)
}

/// Holds the runner up, applies what is left, and exchanges the tables.
async fn swap(journal: &Journal, writer: &Writer, group: Group, position: i64) -> Result<(i64, u64), ProjectionError> {
    let sql = "INSERT INTO read.checkpoints (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    writer.execute(sql.to_owned(), &[&group.name()]).await?;
    let sql = "SELECT position FROM read.checkpoints WHERE name = $1 FOR UPDATE";
    let live: i64 = match writer.query(sql.to_owned(), &[&group.name()]).await?.first() {
        Some(row) => row.try_get(0)?,
        None => return Err(ProjectionError::TakenOver),
    };
    // Never back behind what readers have seen.
    let until = live.max(*journal.head().borrow()).max(position);
    let events = catch_up(journal, writer, group, position, until).await?;
    let (next, old) = (&writer.schema, old(group));
    let mut sql = format!("DROP SCHEMA IF EXISTS {old} CASCADE; CREATE SCHEMA {old};");
    for table in group.tables() {
        sql.push_str(&format!(
            "ALTER TABLE read.{table} SET SCHEMA {old}; ALTER TABLE {next}.{table} SET SCHEMA read;"
        ));
    }
    writer.client.batch_execute(&sql).await?;
    let sql =
        "UPDATE read.checkpoints SET position = $2, generation = generation + 1, updated_at = now() WHERE name = $1";
    writer.execute(sql.to_owned(), &[&group.name(), &until]).await?;
    Ok((until, events))
}
