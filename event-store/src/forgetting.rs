//! Forgetting: an owner's key is destroyed, and with it all that was sealed by it. The events stay as they are.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Database, DatabaseError, Journal, keyring::OWNER};

/// The channel on which it is announced that an owner was forgotten.
pub(crate) const FORGOTTEN: &str = "spendlog_forgotten";

/// How long clearing old keys away waits for older transactions to end.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

impl Journal {
    /// Destroys the keys of these owners, all or none, and for good: a tombstone stands in the place of each. Their strings read
    /// as forgotten from now on, in every process as soon as it hears of it, and nothing can be appended for them. Their
    /// parked events are dropped, since nothing can come of them any more, and so are snapshots of their streams. Doing it again changes nothing.
    pub async fn forget(&self, owners: &[Uuid]) -> Result<(), DatabaseError> {
        let mut transaction = self.database().pool().begin().await?;
        const DESTROY: &str = "INSERT INTO es.keys AS k (scope, name) SELECT $1, unnest($2::text[])
            ON CONFLICT (scope, name) DO UPDATE SET wrapped = NULL WHERE k.wrapped IS NOT NULL";
        let names: Vec<String> = owners.iter().map(Uuid::to_string).collect();
        sqlx::query(DESTROY)
            .bind(OWNER)
            .bind(&names)
            .execute(&mut *transaction)
            .await?;
        const DROP: &str =
            "DELETE FROM es.parked p USING es.events e WHERE e.position = p.position AND e.owner_id = ANY ($1)";
        sqlx::query(DROP).bind(owners).execute(&mut *transaction).await?;
        const UNKEEP: &str = "DELETE FROM es.snapshots WHERE owner_id = ANY ($1)";
        sqlx::query(UNKEEP).bind(owners).execute(&mut *transaction).await?;
        sqlx::query("SELECT pg_notify($1, name) FROM unnest($2::text[]) name")
            .bind(FORGOTTEN)
            .bind(&names)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.keyring().learn_forgotten(owners);
        Ok(())
    }
}

/// Writes the table of keys anew. Postgres leaves the old version of a changed row in the table's file until its place is
/// needed: of a destroyed key, or of one that was wrapped by another master key, nothing must stay there. Others wait
/// meanwhile, for milliseconds. Where the table is not free at once, or a transaction that began before still sees old
/// versions for some seconds more (so that Postgres keeps them), this fails, and can be tried again.
pub async fn scrub_keys(db: &Database) -> Result<(), DatabaseError> {
    // Not given back to the pool: broken off anywhere, it would keep the limit.
    let mut connection = db.pool().acquire().await?.detach();
    sqlx::query("SET lock_timeout = '500ms'")
        .execute(&mut connection)
        .await?;
    scrub(&mut connection).await
}

async fn scrub(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // What this leaves as dead, writing the table anew would keep. It stands in nobody's way.
        sqlx::query("VACUUM es.keys").execute(&mut *connection).await?;
        const DEAD: &str = "SELECT n_dead_tup > 0 FROM pg_stat_all_tables WHERE relid = 'es.keys'::regclass";
        if !sqlx::query_scalar::<_, bool>(DEAD).fetch_one(&mut *connection).await? {
            break;
        }
        if Instant::now() > deadline {
            return Err(DatabaseError::StillSeen);
        }
        sleep(PAUSE).await;
    }
    sqlx::query("VACUUM (FULL) es.keys").execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
