//! A limit on tries, per key, in this process: against guessing passwords and mass registration.
//!
//! Counts are kept in fixed windows and in memory: they are per process and gone with it, and a window's border lets
//! through up to twice as many. That is enough to make guessing hopeless, and no more is claimed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{Clock, Code, Problem};

/// So many keys are remembered at most; then those of past windows are dropped.
const KEYS_MAX: usize = 100_000;

/// A limit of so many tries in a window. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct RateLimit {
    clock: Clock,
    tries_max: u32,
    window: Duration,
    counts: Arc<Mutex<HashMap<String, Count>>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    window: i64,
    tries: u32,
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

    /// Whether another try is allowed; it is not counted yet.
    pub fn check(&self, key: &str) -> Result<(), Problem> {
        let (window, rest) = self.window();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = counts
            .get(key)
            .is_some_and(|count| count.window == window && count.tries >= self.tries_max);
        if spent && self.tries_max > 0 {
            Err(Problem::from(Code::TooManyTries).retry_after(rest))
        } else {
            Ok(())
        }
    }

    /// Counts a try.
    pub fn count(&self, key: &str) {
        let (window, _) = self.window();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= KEYS_MAX {
            counts.retain(|_, count| count.window == window);
        }
        let count = counts.entry(key.to_owned()).or_insert(Count { window, tries: 0 });
        if count.window == window {
            count.tries = count.tries.saturating_add(1);
        } else {
            *count = Count { window, tries: 1 };
        }
    }

    /// The window's number, and the seconds until the next one.
    fn window(&self) -> (i64, u32) {
        let length = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let now = self.clock.now().timestamp();
        (
            now.div_euclid(length),
            u32::try_from(length - now.rem_euclid(length)).unwrap_or(u32::MAX),
        )
    }
}
