//! How far the read side and the journal have come, and whether what a projection of one's own has may stay because of it.

use super::{
    CustomError,
    incremental::Plan,
    statements::{Definition, computing},
};
use crate::{ProjectionError, writer::Writer};

/// What the read side and the journal have come to.
pub(super) struct World {
    /// Users, books, accounts, categories, transactions.
    ledger: i64,
    /// Those, and documents and imports.
    all: i64,
    /// Counts rebuilds.
    pub(super) generation: i64,
    pub(super) head: i64,
    /// How many owners were forgotten.
    pub(super) tombstones: i64,
}

impl World {
    pub(super) async fn see(writer: &Writer) -> Result<Self, ProjectionError> {
        let sql = "SELECT coalesce(max(position) FILTER (WHERE name = 'ledger'), 0), \
                     CASE WHEN count(*) < 2 THEN 0 ELSE min(position) END, coalesce(sum(generation), 0)::bigint, \
                     (SELECT coalesce(max(size), 0) FROM es.commits), (SELECT count(*) FROM es.keys WHERE wrapped IS NULL) \
                   FROM read.checkpoints";
        let rows = writer.query(sql.to_owned(), &[]).await?;
        let row = rows.first().ok_or(ProjectionError::TakenOver)?;
        Ok(Self {
            ledger: row.try_get(0)?,
            all: row.try_get(1)?,
            generation: row.try_get(2)?,
            head: row.try_get(3)?,
            tombstones: row.try_get(4)?,
        })
    }

    /// The position that a statement computed now is of.
    pub(super) fn reached(&self, plan: Option<&Plan>) -> i64 {
        match plan {
            Some(plan) if plan.only_events() => self.head,
            Some(_) => self.ledger,
            None => self.all,
        }
    }
}

/// Whether an owner was forgotten between two positions: their rows have gone without a trace.
pub(super) async fn forgotten(writer: &Writer, after: i64, until: i64) -> Result<bool, ProjectionError> {
    let sql = "SELECT EXISTS (SELECT FROM es.events WHERE position > $1 AND position <= $2 \
               AND event_type IN ('user.forgotten', 'book.forgotten'))";
    let rows = writer.query(sql.to_owned(), &[&after, &until]).await?;
    Ok(rows.first().map_or(Ok(false), |row| row.try_get(0))?)
}

/// Empties a projection that is not computed for now (it is paused, or fails) where somebody may stand in it who was forgotten
/// since; it is computed anew before it shows anything again. `looked` is up to where it was looked for these before; answers
/// with up to where it is now.
pub(super) async fn clear(writer: &Writer, definition: &Definition, looked: i64) -> Result<i64, CustomError> {
    let world = World::see(writer).await?;
    // Nothing is in one that was never computed, or was emptied.
    let stale = definition.generation >= 0
        && (definition.tombstones != world.tombstones
            || forgotten(writer, definition.position.max(looked), world.head).await?);
    if !stale {
        return Ok(world.head);
    }
    if !writer.try_lock(computing(&definition.name)).await? {
        // Somebody is computing it.
        return Ok(looked);
    }
    let emptied = empty(writer, definition).await;
    writer.unlock(computing(&definition.name)).await?;
    emptied.map(|()| world.head)
}

/// Removes all rows, where they are still those of this definition.
async fn empty(writer: &Writer, definition: &Definition) -> Result<(), CustomError> {
    writer
        .client
        .batch_execute("BEGIN; SET LOCAL lock_timeout = '1s'")
        .await?;
    let emptied = async {
        let sql = "UPDATE custom.statements SET position = 0, generation = -1 \
                   WHERE name = $1 AND added_at = $2 AND position = $3 AND generation = $4 AND tombstones = $5";
        let Definition { name, added_at, .. } = definition;
        let (position, generation, tombstones) = (definition.position, definition.generation, definition.tombstones);
        let moved = writer
            .execute(sql.to_owned(), &[name, added_at, &position, &generation, &tombstones])
            .await?;
        if moved == 1 {
            tracing::info!(projection = name, "emptied, for somebody in it was forgotten");
            let sql = format!("TRUNCATE {}", definition.table());
            writer.client.batch_execute(&sql).await?;
        }
        Ok::<_, CustomError>(())
    };
    match emptied.await {
        Ok(()) => Ok(writer.client.batch_execute("COMMIT").await?),
        Err(error) => {
            // It can't be left open: others go through this connection too.
            writer.client.batch_execute("ROLLBACK").await?;
            Err(error)
        }
    }
}
