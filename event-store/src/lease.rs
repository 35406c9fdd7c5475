//! Locks that go with their connection: whoever dies, or loses the connection, has lost the lock.

use std::time::Duration;

use ring::digest;
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::{Database, DatabaseError};

/// How often somebody who wants a lock that another one has tries to get it.
const TAKE_OVER: Duration = Duration::from_secs(1);

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// By nobody else.
    Alone,
    /// Together with others who hold it like this.
    Together,
}

/// A lock of this database, and the connection that holds it.
pub struct Lease {
    client: Client,
    lost: CancellationToken,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("lost", &self.lost.is_cancelled())
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// Waits for the lock of this name, unless it is stopped before. The connection is called `application` in `pg_stat_activity`.
    pub async fn take(
        db: &Database,
        application: &str,
        name: &str,
        share: Share,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, DatabaseError> {
        let (client, connection) = db.config(application, "").connect(NoTls).await?;
        let lost = CancellationToken::new();
        let guard = lost.clone().drop_guard();
        tokio::spawn(async move {
            let _lost = guard;
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection that held a lock ended");
            }
        });
        let sql = match share {
            Share::Alone => "SELECT pg_try_advisory_lock($1)",
            Share::Together => "SELECT pg_try_advisory_lock_shared($1)",
        };
        while !client.query_one(sql, &[&lock_key(name)]).await?.get::<_, bool>(0) {
            if stop.run_until_cancelled(tokio::time::sleep(TAKE_OVER)).await.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Self { client, lost }))
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Resolves when the connection, and the lock with it, is lost.
    pub fn lost(&self) -> WaitForCancellationFuture<'_> {
        self.lost.cancelled()
    }

    /// Whether somebody holds the lock of this name alone just now.
    pub async fn is_taken(&self, name: &str) -> Result<bool, DatabaseError> {
        const TRY: &str =
            "SELECT CASE WHEN pg_try_advisory_lock_shared($1) THEN NOT pg_advisory_unlock_shared($1) ELSE true END";
        Ok(self.client.query_one(TRY, &[&lock_key(name)]).await?.get(0))
    }
}

/// The number that Postgres knows the lock of this name by.
pub fn lock_key(name: &str) -> i64 {
    let digest = digest::digest(&digest::SHA256, format!("spendlog {name}").as_bytes());
    digest
        .as_ref()
        .first_chunk::<8>()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
