//! The newest commit, as far as somebody knows it.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use crate::merkle::{Hash, Tree};

/// The head of the journal: all that is needed to go on from it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) tree: Tree,
    pub(crate) root: Hash,
    /// When its last event was recorded, in microseconds since 1970.
    pub(crate) recorded_at: i64,
}

impl Head {
    /// The head of a journal without events.
    pub(crate) fn empty() -> Self {
        let tree = Tree::default();
        Self {
            root: tree.root(),
            tree,
            recorded_at: 0,
        }
    }

    /// The head as stored; `None` if the tree does not have the root.
    pub(crate) fn load(size: i64, root: &[u8], frontier: &[u8], recorded_at: DateTime<Utc>) -> Option<Self> {
        let tree = Tree::load(size, frontier)?;
        let found = tree.root();
        (found[..] == *root).then(|| Self {
            tree,
            root: found,
            recorded_at: recorded_at.timestamp_micros(),
        })
    }

    /// The time of the next commit: now, but never before this one.
    pub(crate) fn next_time(&self) -> i64 {
        // Where the clock stands before 1970 or far beyond its range, time stands still instead.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let micros = now.and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0);
        micros.max(self.recorded_at)
    }
}

/// Microseconds since 1970 as a time.
pub(crate) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}
