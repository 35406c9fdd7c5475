//! What keeps a group up to date: reads the journal in batches, folds them, writes rows and checkpoint in one transaction.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use spendlog_event_store::{DatabaseError, Event, Journal, Query};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Group, ProjectionError, Projections,
    writer::{Writer, maintain},
};

/// Events of a batch.
const BATCH: i64 = 1000;
/// A batch that is not full is followed by a pause, in which the next one grows: a transaction costs nearly the same for one
/// event and for fifty. Not while somebody waits.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it is waited at most before one that failed begins again: for less time than a read waits for it.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// After so many events, and whenever they have become twice as many, the planner is told what the tables hold now: of tables that
/// were filled in one go it knows nothing until autovacuum comes by, and reads lists in the wrong order.
pub(crate) const ANALYZE_AFTER: usize = 10_000;
/// How often it is looked for what an interrupted rebuild left behind.
const SWEEP: Duration = Duration::from_secs(5);
/// How often a runner that is not needed looks whether it is.
const STAND_BY: Duration = Duration::from_millis(500);
/// How often one that is paused looks whether it is resumed.
const PAUSED: Duration = Duration::from_millis(250);

/// Runs a group until `stop`; a failure, a panic too, is logged, and it begins again from the checkpoint.
pub(crate) async fn run(projections: Projections, group: Group, stop: CancellationToken) {
    let mut pause = Duration::from_millis(100);
    loop {
        let outcome = tokio::select! {
            outcome = AssertUnwindSafe(session(&projections, group, &mut pause)).catch_unwind() => {
                outcome.unwrap_or(Err(ProjectionError::Panicked))
            }
            () = stop.cancelled() => return,
        };
        projections.mark(group).run_here(false);
        match outcome {
            Err(ProjectionError::TakenOver) => tracing::info!(projection = group.name(), "the projection begins again"),
            Err(error) => {
                metrics::counter!("spendlog_projection_failures_total", "projection" => group.name()).increment(1);
                let chain = chain(&error);
                tracing::error!(
                    projection = group.name(),
                    error = chain,
                    "the projection failed and begins again"
                );
            }
            Ok(never) => match never {},
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

/// How far a group has come, in which generation of its tables, and whether it is to rest there.
#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    position: i64,
    generation: i64,
    paused: bool,
}

/// Works on one connection, which holds the group's lock: whoever loses the connection loses the lock with it.
async fn session(
    projections: &Projections,
    group: Group,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, ProjectionError> {
    let journal = &projections.0.journal;
    let mark = projections.mark(group);
    let writer = Writer::open(journal.database(), "spendlog projection", "read", false).await?;
    while !writer.try_lock(group.lock()).await? {
        projections.refresh(group).await?;
        sleep(STAND_BY).await;
    }
    let mut checkpoint = load(&writer, group).await?;
    if checkpoint.paused {
        tracing::info!(
            projection = group.name(),
            position = checkpoint.position,
            "the projection is paused"
        );
        while checkpoint.paused {
            sleep(PAUSED).await;
            checkpoint = load(&writer, group).await?;
        }
    }
    mark.begins_at(checkpoint.position, &writer.lost);
    mark.run_here(true);
    tracing::info!(
        projection = group.name(),
        position = checkpoint.position,
        "the projection runs"
    );
    let mut head = journal.head();
    let (mut applied, mut analyze_at) = (0, ANALYZE_AFTER);
    loop {
        let until = *head.borrow_and_update();
        if until <= checkpoint.position {
            tokio::select! {
                // The sender lives as long as the journal, which we hold.
                changed = head.changed() => if changed.is_err() {
                    return Err(ProjectionError::TakenOver);
                },
                // What a crash took back is made again at once, not only when more is to be done.
                () = writer.lost.cancelled() => return Err(DatabaseError::Unreachable.into()),
            }
            continue;
        }
        let kinds = group.kinds().iter().map(|kind| (*kind).to_owned()).collect();
        let query = Query {
            after: checkpoint.position,
            until: Some(until),
            kinds: Some(kinds),
            limit: BATCH,
            ..Query::default()
        };
        let events = journal.read(&query).await?;
        let full = i64::try_from(events.len()).is_ok_and(|count| count == BATCH);
        let next = events.last().filter(|_| full).map_or(until, |event| event.position);
        apply(&writer, group, checkpoint, next, &events).await?;
        checkpoint.position = next;
        mark.reached(next, &writer.lost);
        *pause = Duration::from_millis(100);
        metrics::counter!("spendlog_projection_events_total", "projection" => group.name())
            .increment(u64::try_from(events.len()).unwrap_or_default());
        applied += events.len();
        if applied >= analyze_at {
            analyze_at = applied.saturating_mul(2);
            // By the side: the runner goes on meanwhile.
            tokio::spawn(analyze(journal.clone(), group));
        }
        if !full && !mark.awaited() {
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = mark.urgent.notified() => {}
            }
        }
    }
}

async fn analyze(journal: Journal, group: Group) {
    match maintain(journal.database(), group, "ANALYZE").await {
        Ok(()) => tracing::debug!(projection = group.name(), "the tables are analysed"),
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(projection = group.name(), error, "the tables could not be analysed");
        }
    }
}

async fn load(writer: &Writer, group: Group) -> Result<Checkpoint, ProjectionError> {
    let name = group.name();
    let sql = "INSERT INTO read.checkpoints (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    writer.execute(sql.to_owned(), &[&name]).await?;
    let sql = "SELECT position, generation, paused_at IS NOT NULL FROM read.checkpoints WHERE name = $1";
    let rows = writer.query(sql.to_owned(), &[&name]).await?;
    let row = rows.first().ok_or(ProjectionError::TakenOver)?;
    Ok(Checkpoint {
        position: row.try_get(0)?,
        generation: row.try_get(1)?,
        paused: row.try_get(2)?,
    })
}

/// Rows and checkpoint, in one transaction.
async fn apply(
    writer: &Writer,
    group: Group,
    checkpoint: Checkpoint,
    next: i64,
    events: &[Event],
) -> Result<(), ProjectionError> {
    let changes = group.fold(writer, events, false).await?;
    writer.client.batch_execute("BEGIN").await?;
    let written = async {
        // First of all, so that a rebuild that swaps the tables comes before or after, never between; and so does a pause.
        let sql = "UPDATE read.checkpoints SET position = $2, updated_at = now() \
                   WHERE name = $1 AND position = $3 AND generation = $4 AND paused_at IS NULL";
        let Checkpoint {
            position, generation, ..
        } = checkpoint;
        let moved = writer
            .execute(sql.to_owned(), &[&group.name(), &next, &position, &generation])
            .await?;
        if moved != 1 {
            return Err(ProjectionError::TakenOver);
        }
        changes.write(writer).await
    };
    match written.await {
        Ok(()) => Ok(writer.client.batch_execute("COMMIT").await?),
        Err(error) => {
            // The connection is given up after this error, and with it the transaction.
            let _best_effort = writer.client.batch_execute("ROLLBACK").await;
            Err(error)
        }
    }
}

/// Applies events without a checkpoint, as if they came again.
#[cfg(test)]
pub(crate) async fn apply_again(writer: &Writer, group: Group, events: &[Event]) -> Result<(), ProjectionError> {
    group.fold(writer, events, false).await?.write(writer).await
}

/// Drops, now and then, what interrupted rebuilds and verifications left behind.
pub(crate) async fn sweep(projections: Projections, stop: CancellationToken) {
    loop {
        if let Err(error) = projections.sweep(Duration::ZERO).await {
            let error = chain(&error);
            tracing::debug!(error, "it could not be looked for what rebuilds left behind");
        }
        tokio::select! {
            () = sleep(SWEEP) => {}
            () = stop.cancelled() => return,
        }
    }
}
