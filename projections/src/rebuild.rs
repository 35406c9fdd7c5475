//! Makes a group's tables again, beside the live ones, and puts them in their place in one transaction.
//!
//! Queries and the runner go on meanwhile. A rebuild that is interrupted has changed nothing: until the one transaction
//! that swaps the tables is committed the live ones are untouched, and what it left beside them is dropped later.

use std::time::{Duration, Instant};

use spendlog_event_store::Journal;
use tokio::time::sleep;

use crate::{
    Group, Progress, ProjectionError, Stage,
    beside::{Beside, Purpose, old},
    writer::Writer,
};

/// With no more events than these before it, the swap may hold up the runner.
const CLOSE: i64 = 1000;
/// How long others may be kept waiting by a swap that waits for somebody who reads. Less than Postgres lets pass before it
/// looks for a deadlock: it is always the swap that gives way.
const LOCK_MS: u32 = 100;
/// How long the readers have then, before the next try.
const BREATH: Duration = Duration::from_millis(400);
/// How long it is tried.
const SWAP_WITHIN: Duration = Duration::from_secs(600);

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

/// A rebuild that has begun: no other process can begin one of the same group.
#[derive(Debug)]
pub struct Rebuild(Beside);

/// Rebuilds a group's tables from the journal. `progress` hears of each batch.
pub async fn rebuild(
    journal: &Journal,
    group: Group,
    progress: impl FnMut(&Progress),
) -> Result<Rebuilt, ProjectionError> {
    Rebuild::begin(journal, group).await?.run(progress).await
}

impl Rebuild {
    /// Begins; refused while the group is being rebuilt or verified.
    pub async fn begin(journal: &Journal, group: Group) -> Result<Self, ProjectionError> {
        Ok(Self(Beside::make(journal, group, Purpose::Rebuild).await?))
    }

    /// Does it. `progress` hears of each batch.
    pub async fn run(mut self, mut progress: impl FnMut(&Progress)) -> Result<Rebuilt, ProjectionError> {
        let done = self.work(&mut progress).await;
        self.0.discard().await;
        done
    }

    async fn work(&mut self, progress: &mut impl FnMut(&Progress)) -> Result<Rebuilt, ProjectionError> {
        let tables = &mut self.0;
        let newest = tables.journal.head();
        let head = *newest.borrow();
        tables.fill(Stage::Filling, head, progress).await?;
        progress(&tables.progress(Stage::Indexing, head));
        tables.index().await?;
        catch_up(tables, progress).await?;
        // They come with their statistics: nobody meets them without.
        tables.analyze().await?;
        let since = Instant::now();
        loop {
            catch_up(tables, progress).await?;
            progress(&tables.progress(Stage::Swapping, tables.position));
            match swap(tables).await {
                Ok(()) => break,
                Err(error) if error.is_locked_out() && since.elapsed() < SWAP_WITHIN => sleep(BREATH).await,
                Err(error) if error.is_locked_out() => return Err(ProjectionError::InUse(tables.group)),
                Err(error) => return Err(error),
            }
        }
        Ok(Rebuilt {
            events: tables.events,
            position: tables.position,
            took: tables.elapsed(),
        })
    }
}

/// Comes so close to the journal's head that a swap holds nobody up for long.
async fn catch_up(tables: &mut Beside, progress: &mut impl FnMut(&Progress)) -> Result<(), ProjectionError> {
    let newest = tables.journal.head();
    loop {
        let head = *newest.borrow();
        if head - tables.position <= CLOSE {
            return Ok(());
        }
        tables.fill(Stage::CatchingUp, head, progress).await?;
    }
}

/// Holds the runner up, applies what is left, and exchanges the tables, all or nothing.
async fn swap(tables: &mut Beside) -> Result<(), ProjectionError> {
    let client = &tables.writer()?.client;
    client.batch_execute("BEGIN").await?;
    match exchange(tables).await {
        Ok((position, events)) => {
            client.batch_execute("COMMIT").await?;
            tables.position = position;
            tables.events += events;
            Ok(())
        }
        Err(error) => {
            client.batch_execute("ROLLBACK").await?;
            Err(error)
        }
    }
}

async fn exchange(tables: &Beside) -> Result<(i64, u64), ProjectionError> {
    let (writer, group, old) = (tables.writer()?, tables.group, old(tables.group));
    let live: Vec<String> = group.tables().iter().map(|table| format!("read.{table}")).collect();
    let live = live.join(", ");
    // First of all what keeps autovacuum away and nobody else: it gives way after a second, which is more than the readers
    // shall wait for below.
    let sql = format!("SET LOCAL lock_timeout = '3s'; LOCK TABLE {live} IN SHARE UPDATE EXCLUSIVE MODE");
    writer.client.batch_execute(&sql).await?;
    let name = group.name();
    let sql = "INSERT INTO read.checkpoints (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    writer.execute(sql.to_owned(), &[&name]).await?;
    let sql = "SELECT position FROM read.checkpoints WHERE name = $1 FOR UPDATE";
    let reached: i64 = match writer.query(sql.to_owned(), &[&name]).await?.first() {
        Some(row) => row.try_get(0)?,
        None => return Err(ProjectionError::TakenOver),
    };
    // Never back behind what readers have seen.
    let until = reached.max(*tables.journal.head().borrow()).max(tables.position);
    let events = tables.apply(until).await?;
    // From here on readers wait. Those that come meanwhile find the new tables: a statement that was prepared for the old
    // ones is planned anew when it has got its locks.
    let sql = format!("SET LOCAL lock_timeout = '{LOCK_MS}ms'; LOCK TABLE {live} IN ACCESS EXCLUSIVE MODE");
    writer.client.batch_execute(&sql).await?;
    let views = views_on(writer, group).await?;
    let mut sql = format!("CREATE SCHEMA {old};");
    for table in group.tables() {
        let next = &writer.schema;
        sql.push_str(&format!(
            "ALTER TABLE {next}.{table} RESET (autovacuum_enabled); \
             ALTER TABLE read.{table} SET SCHEMA {old}; ALTER TABLE {next}.{table} SET SCHEMA read;"
        ));
    }
    // They stay what they are to those who may read them and to views on them; only what they read is another table.
    sql.push_str(&views);
    writer.client.batch_execute(&sql).await?;
    let sql =
        "UPDATE read.checkpoints SET position = $2, generation = generation + 1, updated_at = now() WHERE name = $1";
    writer.execute(sql.to_owned(), &[&name, &until]).await?;
    Ok((until, events))
}

/// What makes the views on a group's live tables anew: names in it mean whatever tables are called so then.
async fn views_on(writer: &Writer, group: Group) -> Result<String, ProjectionError> {
    // So that all names are written with their schemas.
    writer
        .client
        .batch_execute("SET LOCAL search_path = pg_catalog")
        .await?;
    let sql = "SELECT coalesce(string_agg(format('CREATE OR REPLACE VIEW %s AS %s', v.view, pg_get_viewdef(v.view)), ' '), '') \
               FROM (SELECT DISTINCT r.ev_class::regclass AS view FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid \
                 JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v' \
                 WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass \
                   AND d.refobjid IN (SELECT format('read.%I', t)::regclass FROM unnest($1::text[]) t)) v";
    let rows = writer.query(sql.to_owned(), &[&group.tables()]).await?;
    Ok(rows.first().map_or(Ok(String::new()), |row| row.try_get(0))?)
}
