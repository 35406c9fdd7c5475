//! A limit on tries, per key, in this process: against guessing passwords and mass registration.
//!
//! Counts are kept in fixed windows and in memory: they are per process and gone with it, and a window's border lets
//! through up to twice as many. That is enough to make guessing hopeless, and no more is claimed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{Clock, Code, Problem};

/// So many keys are remembered at most; then each new one takes the place of another.
const KEYS_MAX: usize = 100_000;

/// A limit of so many tries in a window. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct RateLimit {
    clock: Clock,
    tries_max: u32,
    window: Duration,
    counts: Arc<Mutex<Counts>>,
}

/// The tries of a window, by key.
#[derive(Debug, Default)]
struct Counts {
    window: i64,
    tries: HashMap<String, u32>,
}

impl RateLimit {
    /// Allows so many tries of one key in each window. 0 tries: no limit.
    pub fn new(clock: Clock, tries_max: u32, window: Duration) -> Self {
        Self {
            clock,
            tries_max,
            window,
            counts: Arc::default(),
        }
    }

    /// Counts a try, before it is made: of those at the same moment none gets past the limit. Refused where it was reached.
    pub fn count(&self, key: &str) -> Result<(), Problem> {
        if self.tries_max == 0 {
            return Ok(());
        }
        let (mut counts, rest) = self.counts();
        let tries = &mut counts.tries;
        if tries.len() >= KEYS_MAX
            && !tries.contains_key(key)
            && let Some(other) = tries.keys().next().cloned()
        {
            tries.remove(&other);
        }
        let count = tries.entry(key.to_owned()).or_default();
        if *count >= self.tries_max {
            return Err(Problem::from(Code::TooManyTries).retry_after(rest));
        }
        *count += 1;
        Ok(())
    }

    /// Takes a try back that was none: it went well, or nothing was tried.
    pub fn forgive(&self, key: &str) {
        let (mut counts, _) = self.counts();
        if let Some(count) = counts.tries.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    /// The counts of this window, and the seconds until the next one.
    fn counts(&self) -> (MutexGuard<'_, Counts>, u32) {
        let length = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let now = self.clock.now().timestamp();
        let window = now.div_euclid(length);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.window != window {
            *counts = Counts {
                window,
                tries: HashMap::new(),
            };
        }
        (
            counts,
            u32::try_from(length - now.rem_euclid(length)).unwrap_or(u32::MAX),
        )
    }
}
