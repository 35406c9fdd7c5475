//! Events that a subscription could not handle: they wait here for a person, and block nothing.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{Database, DatabaseError, Settled, listener::REPLAYS};

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

/// A parked event that somebody wants tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By which it is named here.
    pub id: i64,
    /// The event.
    pub position: i64,
    /// The event's owner.
    pub owner: Uuid,
}

/// The oldest of this subscription's parked events that are to be tried again.
pub async fn asked(db: &Database, subscription: &str) -> Result<Vec<Asked>, DatabaseError> {
    const ASKED: &str = "SELECT p.id, p.position, e.owner_id FROM es.parked p JOIN es.events e USING (position)
        WHERE p.subscription = $1 AND p.replay_at IS NOT NULL ORDER BY p.position LIMIT 1000";
    let rows: Vec<(i64, i64, Uuid)> = sqlx::query_as(ASKED).bind(subscription).fetch_all(db.pool()).await?;
    let asked = rows
        .into_iter()
        .map(|(id, position, owner)| Asked { id, position, owner });
    Ok(asked.collect())
}

/// Writes down what came of an event: one that was refused is parked; one that was parked, by this id, and is done now, no
/// longer is.
pub async fn settle<T>(
    db: &Database,
    subscription: &'static str,
    settled: &Settled<T>,
    parked: Option<i64>,
) -> Result<(), DatabaseError> {
    const PARK: &str = "INSERT INTO es.parked AS p (subscription, position, reason, attempts) VALUES ($1, $2, $3, $4)
        ON CONFLICT (subscription, position) DO UPDATE SET reason = excluded.reason, attempts = p.attempts + excluded.attempts,
            parked_at = now(), replay_at = NULL";
    if let Some(reason) = &settled.refused {
        let (position, attempts) = (
            settled.event.position,
            i32::try_from(settled.attempts).unwrap_or(i32::MAX),
        );
        tracing::warn!(subscription, position, attempts, reason, "an event was parked");
        metrics::counter!("spendlog_feed_parked_total", "subscription" => subscription).increment(1);
        let park = sqlx::query(PARK)
            .bind(subscription)
            .bind(position)
            .bind(reason)
            .bind(attempts);
        park.execute(db.pool()).await?;
    } else if let Some(id) = parked {
        drop(db, Some(&[id])).await?;
    }
    Ok(())
}
