//! States of aggregates, with the versions at which they were seen.
//!
//! They may be old: another process may have gone on. That is safe because whatever is decided on them is appended only
//! if the journal still has that version, and because a refusal is never given on a remembered state.

use std::{
    any::Any,
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Parts with a lock each.
const SHARDS: usize = 16;
/// So many states are remembered for sure in each part; up to twice as many are.
const SHARD_STATES: usize = 512;

/// A state as it was seen.
#[derive(Debug)]
pub(crate) struct Seen<A> {
    /// The state.
    pub(crate) state: Arc<A>,
    /// How many events it has.
    pub(crate) version: i64,
    /// Position of the last of them.
    pub(crate) position: i64,
}

impl<A> Clone for Seen<A> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            version: self.version,
            position: self.position,
        }
    }
}

#[derive(Clone)]
struct Entry {
    state: Arc<dyn Any + Send + Sync>,
    version: i64,
    position: i64,
}

/// The young generation and the one before it: what is not asked for while the young one fills up is dropped.
#[derive(Default)]
struct Shard {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
}

impl Shard {
    fn insert(&mut self, id: String, entry: Entry) {
        if self.young.len() >= SHARD_STATES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, entry);
    }
}

/// The states that are remembered, by the ids of their streams.
#[derive(Default)]
pub(crate) struct Cache {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    era: AtomicU64,
}

impl Cache {
    /// Changes when all is forgotten: what was read before is not to be remembered afterwards.
    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::SeqCst)
    }

    /// Forgets all states.
    pub(crate) fn clear(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }

    /// The state of this stream, if it is remembered.
    pub(crate) fn get<A: Send + Sync + 'static>(&self, id: &str) -> Option<Seen<A>> {
        let mut shard = self.shard(id);
        let entry = match shard.young.get(id) {
            Some(entry) => entry.clone(),
            None => {
                let (id, entry) = shard.old.remove_entry(id)?;
                shard.insert(id, entry.clone());
                entry
            }
        };
        let (version, position) = (entry.version, entry.position);
        entry.state.downcast().ok().map(|state| Seen {
            state,
            version,
            position,
        })
    }

    /// Remembers a state that was read in this era, unless a newer one is remembered.
    pub(crate) fn put<A: Send + Sync + 'static>(&self, era: u64, id: &str, seen: Seen<A>) {
        let Seen {
            state,
            version,
            position,
        } = seen;
        self.put_any(era, id, state, version, position);
    }

    /// As [`Cache::put`], for a state whose type is not known here.
    pub(crate) fn put_any(&self, era: u64, id: &str, state: Arc<dyn Any + Send + Sync>, version: i64, position: i64) {
        let mut shard = self.shard(id);
        if era != self.era() {
            return;
        }
        let known = shard
            .young
            .get(id)
            .or_else(|| shard.old.get(id))
            .map_or(0, |entry| entry.version);
        if known <= version {
            shard.insert(
                id.to_owned(),
                Entry {
                    state,
                    version,
                    position,
                },
            );
        }
    }

    /// Forgets a state that has turned out to be old.
    pub(crate) fn forget(&self, id: &str) {
        let mut shard = self.shard(id);
        shard.young.remove(id);
        shard.old.remove(id);
    }

    fn shard(&self, id: &str) -> std::sync::MutexGuard<'_, Shard> {
        let number = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default();
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
