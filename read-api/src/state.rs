//! What the read side needs to do its work.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use spendlog_domain::values::UserId;
use spendlog_event_store::{Files, Journal};
use spendlog_projections::{Projections, Reader};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;

use spendlog_web::{Code, Problem};

use crate::access::KnownBooks;

/// Endless answers at the same time; each holds little, but a connection.
const STREAMS_MAX: usize = 512;
/// Endless answers of one user at the same time.
const STREAMS_OF_USER_MAX: usize = 32;
/// Files and books held whole in memory at the same time; each may take some hundred MiB, with what is made of it.
pub(crate) const WHOLES_MAX: usize = 3;
/// Requests that wait until they may take such a one into memory.
pub(crate) const WHOLES_WAITING_MAX: usize = 64;

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
    wholes: Arc<Semaphore>,
    wholes_waiting: Arc<Semaphore>,
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
            wholes: Arc::new(Semaphore::new(WHOLES_MAX)),
            wholes_waiting: Arc::new(Semaphore::new(WHOLES_WAITING_MAX)),
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

    /// Loads something whole and makes something smaller of it, off the threads that answer requests; a few at a time, and
    /// a few more wait.
    pub(crate) async fn whole<L: Send + 'static, T: Send + 'static>(
        &self,
        load: impl Future<Output = Result<L, Problem>>,
        make: impl FnOnce(L) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::new(Code::Busy, "as many large files are being read as can be held").retry_after(5);
        let waiting = self.wholes_waiting.try_acquire().map_err(|_| busy())?;
        let place = Arc::clone(&self.wholes).acquire_owned().await.map_err(|_| busy())?;
        drop(waiting);
        let loaded = load.await?;
        // What was begun goes on when the client goes away, and keeps its place until it is done.
        let made = spawn_blocking(move || {
            let made = make(loaded);
            drop(place);
            made
        });
        made.await.map_err(Problem::internal)
    }
}
