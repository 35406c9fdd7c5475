//! The keys in the database: made at first use, wrapped by the master key, kept in memory while the process runs.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Database, MasterKey, OwnerKeys, owner_keys};

/// So many owners' keys are kept in memory at most (about 1 KiB each); beyond that it begins anew.
const CACHE_LIMIT: usize = 50_000;

pub(crate) const OWNER: &str = "owner";
/// Scope and name of the key that only tells whether a master key is the right one.
pub(crate) const CHECK: (&str, &str) = ("master", "check");

/// A key can't be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    /// The owner was forgotten and their key destroyed.
    #[error("the owner was forgotten")]
    Forgotten,
    /// There is something sealed, but its owner never had a key.
    #[error("the key of an owner is missing")]
    Missing,
    /// The stored keys are wrapped by another master key, perhaps since this moment, or were changed.
    #[error("the stored keys can't be unwrapped: this is not the master key that they are wrapped by")]
    WrongMasterKey,
    /// The cryptographic library refused, or the system gave no random bytes.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for KeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// What is known of an owner.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// They have keys.
    Keys(Arc<OwnerKeys>),
    /// They were forgotten.
    Forgotten,
}

/// All keys but the master key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keyring(Arc<Inner>);

type Secret = Zeroizing<[u8; 32]>;

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    master: MasterKey,
    /// The check as it is stored: where another stands, the master key was changed meanwhile.
    check: Vec<u8>,
    owners: RwLock<HashMap<Uuid, Held>>,
    /// Counts up when it is learned that owners were forgotten.
    forgettings: watch::Sender<u64>,
    /// Secrets and index keys, by scope and name.
    others: RwLock<HashMap<(&'static str, String), Secret>>,
}

impl Keyring {
    /// Opens the keyring. On a database with keys that another master key wrapped this is refused at once, not at the first use.
    pub async fn open(db: &Database, master: MasterKey) -> Result<Self, KeyError> {
        let pool = db.pool().clone();
        let (scope, name) = CHECK;
        sqlx::query("INSERT INTO es.keys (scope, name, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(scope)
            .bind(name)
            .bind(fresh(&master, scope, name)?)
            .execute(&pool)
            .await?;
        let check = stored_check(&pool).await?;
        master.unwrap(scope, name, &check).ok_or(KeyError::WrongMasterKey)?;
        let keyring = Self(Arc::new(Inner {
            pool,
            master,
            check,
            owners: RwLock::default(),
            forgettings: watch::Sender::new(0),
            others: RwLock::default(),
        }));
        keyring.refresh().await?;
        Ok(keyring)
    }

    /// Learns who was forgotten, and that the master key is still the one that holds.
    pub(crate) async fn refresh(&self) -> Result<(), KeyError> {
        if stored_check(&self.0.pool).await? != self.0.check {
            return Err(KeyError::WrongMasterKey);
        }
        self.learn_forgotten(&self.forgotten().await?);
        Ok(())
    }

    /// All who are forgotten, by their tombstones.
    pub(crate) async fn forgotten(&self) -> Result<Vec<Uuid>, KeyError> {
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM es.keys WHERE scope = $1 AND wrapped IS NULL")
            .bind(OWNER)
            .fetch_all(&self.0.pool)
            .await?;
        Ok(names.iter().filter_map(|name| Uuid::try_parse(name).ok()).collect())
    }

    /// These owners are forgotten: their keys are dropped from memory, and never taken in again.
    pub(crate) fn learn_forgotten(&self, owners: &[Uuid]) {
        self.0.learn_forgotten(owners);
    }

    /// Whether this owner was forgotten, as far as it is known here: at once in the process that forgot them, and in the others
    /// as soon as they hear of it.
    pub fn is_forgotten(&self, owner: Uuid) -> bool {
        let cache = self.0.owners.read().unwrap_or_else(PoisonError::into_inner);
        matches!(cache.get(&owner), Some(Held::Forgotten))
    }

    /// Changes whenever it is learned that owners were forgotten: for whoever keeps something of theirs in memory.
    pub fn forgettings(&self) -> watch::Receiver<u64> {
        self.0.forgettings.subscribe()
    }

    /// The keys of an owner, made at first use. A forgotten owner never gets keys again.
    pub async fn owner(&self, owner: Uuid) -> Result<Arc<OwnerKeys>, KeyError> {
        let held = match self.held(&[owner]).await?.remove(&owner) {
            Some(held) => held,
            None => {
                let held = match self.0.made(OWNER, &owner.to_string()).await? {
                    Some(secret) => Held::Keys(Arc::new(OwnerKeys::derive(&secret)?)),
                    None => Held::Forgotten,
                };
                self.0.keep(owner, held.clone());
                held
            }
        };
        match held {
            Held::Keys(keys) => Ok(keys),
            Held::Forgotten => Err(KeyError::Forgotten),
        }
    }

    /// What is known of the owner without asking the database.
    pub(crate) fn cached(&self, owner: Uuid) -> Option<Held> {
        let cache = self.0.owners.read().unwrap_or_else(PoisonError::into_inner);
        cache.get(&owner).cloned()
    }

    /// What is known of these owners; those who never had a key are left out.
    pub(crate) async fn held(&self, owners: &[Uuid]) -> Result<HashMap<Uuid, Held>, KeyError> {
        let mut found = HashMap::with_capacity(owners.len());
        let mut missing = Vec::new();
        {
            let cache = self.0.owners.read().unwrap_or_else(PoisonError::into_inner);
            for owner in owners {
                match cache.get(owner) {
                    Some(held) => drop(found.insert(*owner, held.clone())),
                    None => missing.push(owner.to_string()),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let rows: Vec<(String, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT name, wrapped FROM es.keys WHERE scope = $1 AND name = ANY ($2)")
                .bind(OWNER)
                .bind(&missing)
                .fetch_all(&self.0.pool)
                .await?;
        for (name, wrapped) in rows {
            let owner = Uuid::try_parse(&name).map_err(|_| KeyError::WrongMasterKey)?;
            let held = match wrapped {
                Some(wrapped) => {
                    let secret = self
                        .0
                        .master
                        .unwrap(OWNER, &name, &wrapped)
                        .ok_or(KeyError::WrongMasterKey)?;
                    Held::Keys(Arc::new(OwnerKeys::derive(&secret)?))
                }
                None => Held::Forgotten,
            };
            self.0.keep(owner, held.clone());
            found.insert(owner, held);
        }
        Ok(found)
    }

    /// A hash of the value that nobody can compute without the system's key of this name, which never changes.
    pub async fn index(&self, name: &str, value: &[u8]) -> Result<[u8; 32], KeyError> {
        Ok(owner_keys::keyed(&self.index_key(name).await?, name, value))
    }

    /// The system's key of this name.
    pub(crate) async fn index_key(&self, name: &str) -> Result<hmac::Key, KeyError> {
        let key = self.other("index", name).await?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &*key))
    }

    /// A secret of the system, made at first use.
    pub async fn secret(&self, name: &str) -> Result<[u8; 32], KeyError> {
        Ok(*self.other("secret", name).await?)
    }

    async fn other(&self, scope: &'static str, name: &str) -> Result<Secret, KeyError> {
        let key = (scope, name.to_owned());
        if let Some(secret) = self.0.others.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(secret.clone());
        }
        let secret = self.0.made(scope, name).await?.ok_or(KeyError::Forgotten)?;
        self.0
            .others
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, secret.clone());
        Ok(secret)
    }
}

impl Inner {
    fn learn_forgotten(&self, owners: &[Uuid]) {
        let news = {
            let mut cache = self.owners.write().unwrap_or_else(PoisonError::into_inner);
            let news = |owner: &Uuid| !matches!(cache.insert(*owner, Held::Forgotten), Some(Held::Forgotten));
            owners.iter().map(news).filter(|new| *new).count()
        };
        if news > 0 {
            self.forgettings.send_modify(|count| *count += 1);
        }
    }

    fn keep(&self, owner: Uuid, held: Held) {
        if matches!(held, Held::Forgotten) {
            return self.learn_forgotten(&[owner]);
        }
        let mut cache = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        // What was read before the owner was forgotten must not come in afterwards.
        if matches!(cache.get(&owner), Some(Held::Forgotten)) {
            return;
        }
        if cache.len() >= CACHE_LIMIT {
            cache.retain(|_, held| matches!(held, Held::Forgotten));
        }
        cache.insert(owner, held);
    }

    /// The stored secret of this scope and name, made now if there was none; `None` where a tombstone stands.
    async fn made(&self, scope: &str, name: &str) -> Result<Option<Secret>, KeyError> {
        // What another process made first holds: ours is thrown away then, as it is where the owner was forgotten. And
        // nothing is stored that the master key of by now could not unwrap: a rotation locks the table, so that this
        // statement sees it or is seen by it.
        const MAKE: &str = "INSERT INTO es.keys (scope, name, wrapped) SELECT $1, $2, $3
            WHERE EXISTS (SELECT FROM es.keys WHERE scope = $4 AND name = $5 AND wrapped = $6) ON CONFLICT DO NOTHING";
        sqlx::query(MAKE)
            .bind(scope)
            .bind(name)
            .bind(fresh(&self.master, scope, name)?)
            .bind(CHECK.0)
            .bind(CHECK.1)
            .bind(&self.check)
            .execute(&self.pool)
            .await?;
        let stored: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT wrapped FROM es.keys WHERE scope = $1 AND name = $2")
                .bind(scope)
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        match stored.ok_or(KeyError::WrongMasterKey)? {
            Some(stored) => self
                .master
                .unwrap(scope, name, &stored)
                .map(Some)
                .ok_or(KeyError::WrongMasterKey),
            None => Ok(None),
        }
    }
}

/// A new secret, wrapped.
fn fresh(master: &MasterKey, scope: &str, name: &str) -> Result<Vec<u8>, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut *secret).map_err(|_| KeyError::Crypto)?;
    master.wrap(scope, name, &secret).ok_or(KeyError::Crypto)
}

async fn stored_check(pool: &PgPool) -> Result<Vec<u8>, KeyError> {
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT wrapped FROM es.keys WHERE scope = $1 AND name = $2")
        .bind(CHECK.0)
        .bind(CHECK.1)
        .fetch_one(pool)
        .await?;
    stored.ok_or(KeyError::WrongMasterKey)
}

#[cfg(test)]
mod tests;
