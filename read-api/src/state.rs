//! What the read side needs to do its work.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use spendlog_domain::values::UserId;
use spendlog_event_store::{Files, Journal};
use spendlog_projections::{Projections, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use spendlog_web::{Code, Problem};

use crate::access::KnownBooks;

/// Endless answers at the same time; each holds little, but a connection.
const STREAMS_MAX: usize = 512;
/// Of one user.
const STREAMS_OF_USER_MAX: usize = 32;

/// The right to one endless answer.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    _one_of_all: OwnedSemaphorePermit,
    user: UserId,
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.user) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The read side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadApi {
    pub(crate) journal: Journal,
    pub(crate) files: Files,
    pub(crate) projections: Projections,
    pub(crate) known: Arc<KnownBooks>,
    pub(crate) stop: CancellationToken,
    streams: Arc<Semaphore>,
    streams_of: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl ReadApi {
    /// The read side of this journal, its files and its projections. Endless answers end with `stop`.
    pub fn new(journal: Journal, files: Files, projections: Projections, stop: CancellationToken) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self {
            journal,
            files,
            projections,
            known: Arc::default(),
            stop,
            streams,
            streams_of: Arc::default(),
        }
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.projections.reader()
    }

    /// The right of a user to one endless answer.
    pub(crate) fn stream(&self, user: UserId) -> Result<StreamPermit, Problem> {
        let busy = |detail| Problem::new(Code::Busy, detail).retry_after(30);
        let one_of_all = Arc::clone(&self.streams).try_acquire_owned();
        let one_of_all = one_of_all.map_err(|_| busy("as many live streams are open as can be served"))?;
        let mut open = self.streams_of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= STREAMS_OF_USER_MAX {
            return Err(busy("you have as many live streams open as one user may"));
        }
        *count += 1;
        Ok(StreamPermit {
            _one_of_all: one_of_all,
            user,
            open: Arc::clone(&self.streams_of),
        })
    }
}
