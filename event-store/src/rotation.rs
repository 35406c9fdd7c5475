//! Another master key: every key is wrapped anew, in one transaction. No event is touched.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Database, KeyError, MasterKey};

/// Held, shared, by every process that has the journal open, and alone by whoever changes the master key.
pub(crate) const OPENED: i64 = 6_003_374_505_740_488_520;

/// How long a process that has just ended may hold it: Postgres sees only a moment later that it is gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The master key was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RotationError {
    /// Some process has the journal open. It would go on with the old master key.
    #[error("a server, or another command, is running on this database")]
    InUse,
    /// The keys can't be read or wrapped.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<sqlx::Error> for RotationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Key(error.into())
    }
}

/// Wraps all keys by `new` that are wrapped by `old`: all of them or none. Gives how many they are.
pub async fn rotate_master_key(db: &Database, old: &MasterKey, new: &MasterKey) -> Result<usize, RotationError> {
    let mut transaction = db.pool().begin().await?;
    let since = Instant::now();
    while !sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
        .bind(OPENED)
        .fetch_one(&mut *transaction)
        .await?
    {
        if since.elapsed() > PATIENCE {
            return Err(RotationError::InUse);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    const LOCK: &str = "LOCK TABLE es.keys IN EXCLUSIVE MODE";
    sqlx::query(LOCK).execute(&mut *transaction).await?;
    let stored: Vec<(String, String, Vec<u8>)> =
        sqlx::query_as("SELECT scope, name, wrapped FROM es.keys WHERE wrapped IS NOT NULL")
            .fetch_all(&mut *transaction)
            .await?;
    let (mut scopes, mut names, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
    for (scope, name, by_old) in stored {
        let secret = old.unwrap(&scope, &name, &by_old).ok_or(KeyError::WrongMasterKey)?;
        wrapped.push(new.wrap(&scope, &name, &secret).ok_or(KeyError::Crypto)?);
        scopes.push(scope);
        names.push(name);
    }
    const REPLACE: &str = "UPDATE es.keys k SET wrapped = u.wrapped
        FROM unnest($1::text[], $2::text[], $3::bytea[]) u (scope, name, wrapped) WHERE k.scope = u.scope AND k.name = u.name";
    sqlx::query(REPLACE)
        .bind(&scopes)
        .bind(&names)
        .bind(&wrapped)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(wrapped.len())
}

#[cfg(test)]
mod tests;
