//! What the read side needs to do its work.

use std::sync::Arc;

use spendlog_event_store::{Files, Journal};
use spendlog_projections::{Projections, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use spendlog_web::{Code, Problem};

use crate::access::KnownBooks;

/// Endless answers at the same time; each holds little, but a connection.
const STREAMS_MAX: usize = 512;

/// The read side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadApi {
    pub(crate) journal: Journal,
    pub(crate) files: Files,
    pub(crate) projections: Projections,
    pub(crate) known: Arc<KnownBooks>,
    pub(crate) stop: CancellationToken,
    streams: Arc<Semaphore>,
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
        }
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.projections.reader()
    }

    /// The right to one endless answer.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        permit.map_err(|_| Problem::new(Code::Busy, "as many live streams are open as can be served").retry_after(30))
    }
}
