//! Events that a subscription could not handle: they wait here for a person, and block nothing.

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use crate::{Database, DatabaseError, listener::REPLAYS};

/// A parked event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// By which it is named here.
    pub id: i64,
    /// The subscription that could not handle it.
    pub subscription: String,
    /// The event.
    pub position: i64,
    /// What the handler said.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was parked last.
    pub parked_at: DateTime<Utc>,
    /// When another try was asked for; none if that is not so.
    pub replay_at: Option<DateTime<Utc>>,
}

/// The parked events, of all subscriptions or of one, oldest first.
pub async fn list(db: &Database, subscription: Option<&str>) -> Result<Vec<Parked>, DatabaseError> {
    const LIST: &str = "SELECT id, subscription, position, reason, attempts, parked_at, replay_at FROM es.parked
        WHERE $1::text IS NULL OR subscription = $1 ORDER BY id LIMIT 10000";
    let rows = sqlx::query(LIST).bind(subscription).fetch_all(db.pool()).await?;
    let parked = rows.iter().map(|row| {
        Ok(Parked {
            id: row.try_get(0)?,
            subscription: row.try_get(1)?,
            position: row.try_get(2)?,
            reason: row.try_get(3)?,
            attempts: row.try_get(4)?,
            parked_at: row.try_get(5)?,
            replay_at: row.try_get(6)?,
        })
    });
    Ok(parked.collect::<Result<_, sqlx::Error>>()?)
}

/// Asks for these (all, if `None`) to be tried again, by whoever runs their subscription. Those that succeed are gone then.
/// Returns how many there are.
pub async fn replay(db: &Database, ids: Option<&[i64]>) -> Result<u64, DatabaseError> {
    const REPLAY: &str = "UPDATE es.parked SET replay_at = now() WHERE $1::bigint[] IS NULL OR id = ANY ($1)";
    let asked = sqlx::query(REPLAY).bind(ids).execute(db.pool()).await?.rows_affected();
    sqlx::query("SELECT pg_notify($1, '')")
        .bind(REPLAYS)
        .execute(db.pool())
        .await?;
    Ok(asked)
}

/// Gives these (all, if `None`) up for good. Returns how many there were.
pub async fn drop(db: &Database, ids: Option<&[i64]>) -> Result<u64, DatabaseError> {
    const DROP: &str = "DELETE FROM es.parked WHERE $1::bigint[] IS NULL OR id = ANY ($1)";
    Ok(sqlx::query(DROP).bind(ids).execute(db.pool()).await?.rows_affected())
}
