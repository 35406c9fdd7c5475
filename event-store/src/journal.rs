//! The journal's door: what is appended is checked, measured and sealed here, in the caller's task, before the committer gets it.

use std::{
    collections::{HashMap, hash_map::Entry},
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
};

use cqrs_es::persist::EventUpcaster;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{
    Append, AppendError, Appended, Archive, Database, DatabaseError, Expect, KeyError, Keyring, OwnerKeys, SealPlans,
    StreamAppend,
    append::{APPEND_LIMIT, EVENT_LIMIT, ID_LIMIT},
    committer::{Committer, Heads, Pending},
    event,
    judge::{Command, Part, Row},
    listener::Listener,
    sealing::Sealer,
};

/// So many commands can wait for the committer; further callers wait to be let in.
const QUEUE: usize = 4096;

/// The journal. Cheap to clone; all clones share one committer and one listener, which end with the last clone.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    database: Database,
    keyring: Keyring,
    plans: SealPlans,
    reading: Reading,
    inbox: mpsc::Sender<Pending>,
    newest: watch::Receiver<i64>,
    replays: watch::Receiver<u64>,
    committer: Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
    /// Stops both tasks when the last clone is dropped.
    _stopped: DropGuard,
}

/// How what is stored is read.
pub struct Reading {
    /// What brings events of old versions to their newest shape, in this order. Each is given the event after it was opened.
    pub upcasters: Vec<Box<dyn EventUpcaster>>,
    /// Where old events are that don't stand in the table any more.
    pub archive: Archive,
    /// After how many events of a stream its state is kept, so that they need not be read again; `None`: never.
    pub snapshot_events: Option<NonZero<u32>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("head", &*self.0.newest.borrow())
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens the journal of a migrated database, and starts its committer and its listener.
    pub async fn open(db: Database, keyring: Keyring, plans: SealPlans) -> Result<Self, DatabaseError> {
        let reading = Reading {
            upcasters: Vec::new(),
            archive: Archive::new(&db, None),
            snapshot_events: None,
        };
        Self::open_with(db, keyring, plans, reading).await
    }

    /// As [`Journal::open`], where there are events of old versions, archives, or long streams.
    pub async fn open_with(
        db: Database,
        keyring: Keyring,
        plans: SealPlans,
        reading: Reading,
    ) -> Result<Self, DatabaseError> {
        let (inbox, waiting) = mpsc::channel(QUEUE);
        let (newest, seen) = watch::channel(0);
        let ((own, written), (told, announced)) = (watch::channel(0), watch::channel(0));
        let (replays, asked) = watch::channel(0);
        let stop = CancellationToken::new();
        let committer = Committer::open(
            db.clone(),
            waiting,
            Heads {
                newest: newest.clone(),
                written: own,
                announced: told,
            },
        )
        .await?;
        let committer = tokio::spawn(committer.run(stop.clone()));
        // Only since the committer's connection stands, the master key can't change.
        keyring.refresh().await?;
        let listener = Listener {
            database: db.clone(),
            keyring: keyring.clone(),
            newest,
            replays,
            written,
            announced,
        };
        tokio::spawn(listener.run(stop.clone()));
        Ok(Self(Arc::new(Inner {
            database: db,
            keyring,
            plans,
            reading,
            inbox,
            newest: seen,
            replays: asked,
            committer: Mutex::new(Some(committer)),
            _stopped: stop.clone().drop_guard(),
            stop,
        })))
    }

    /// Appends all of it, or nothing. Commands of other callers that wait at the same moment go into the same transaction; what
    /// becomes of them changes nothing for this one. Once it was let in it is carried out even if the caller goes away.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.commit(append, false).await
    }

    /// As [`Journal::append`], also for owners whose keys are destroyed already, if nothing in it has to be sealed: a database
    /// that was restored is told of the forgettings that came after it.
    pub async fn append_forgetting(&self, append: Append) -> Result<Appended, AppendError> {
        self.commit(append, true).await
    }

    async fn commit(&self, append: Append, of_forgotten: bool) -> Result<Appended, AppendError> {
        let command = self.prepare(append, of_forgotten).await?;
        let (reply, answer) = oneshot::channel();
        self.0
            .inbox
            .send(Pending { command, reply })
            .await
            .map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }

    /// The newest position that is known here. It wakes by what this process commits and by what others announce, and is looked
    /// after now and then in case an announcement got lost.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.0.newest.clone()
    }

    /// Counts up when somebody asks for parked events to be tried again.
    pub fn replays(&self) -> watch::Receiver<u64> {
        self.0.replays.clone()
    }

    /// The keys that it seals by.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The database that it is in.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn upcasters(&self) -> &[Box<dyn EventUpcaster>] {
        &self.0.reading.upcasters
    }

    /// What was archived.
    pub fn archive(&self) -> &Archive {
        &self.0.reading.archive
    }

    pub(crate) fn snapshot_events(&self) -> Option<i64> {
        self.0.reading.snapshot_events.map(|events| events.get().into())
    }

    /// Takes no more commands, and waits until all that were taken are answered.
    pub async fn close(&self) {
        self.0.stop.cancel();
        let committer = self.0.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer
            && let Err(error) = committer.await
        {
            tracing::error!(%error, "the committer failed");
        }
    }

    async fn prepare(&self, append: Append, of_forgotten: bool) -> Result<Command, AppendError> {
        let metadata = event::stored(&append.origin).map_err(|_| AppendError::TooLarge { bytes: 0 })?;
        let named = append
            .streams
            .iter()
            .map(|stream| &stream.stream)
            .chain(append.guards.iter().map(|guard| &guard.stream));
        if let Some(bytes) = named.map(|stream| stream.id.len()).find(|bytes| *bytes > ID_LIMIT) {
            return Err(AppendError::TooLarge { bytes });
        }
        let mut keys: HashMap<Uuid, Option<Arc<OwnerKeys>>> = HashMap::new();
        for stream in &append.streams {
            if let Entry::Vacant(entry) = keys.entry(stream.owner) {
                entry.insert(match self.0.keyring.owner(stream.owner).await {
                    Err(KeyError::Forgotten) if of_forgotten => None,
                    keys => Some(keys?),
                });
            }
        }
        let mut sealer = Sealer::new(&self.0.plans);
        let mut command = Command {
            id: append.command_id,
            metadata,
            parts: Vec::new(),
            guards: append.guards,
            bytes: 0,
        };
        for stream in append.streams {
            let keys = keys.get(&stream.owner).ok_or(KeyError::Missing)?;
            let part = self.seal(stream, keys.as_deref(), &mut sealer, &mut command)?;
            command.parts.push(part);
        }
        Ok(command)
    }

    fn seal(
        &self,
        stream: StreamAppend,
        keys: Option<&OwnerKeys>,
        sealer: &mut Sealer<'_>,
        command: &mut Command,
    ) -> Result<Part, AppendError> {
        let StreamAppend {
            stream,
            owner,
            expect,
            events,
        } = stream;
        let version = match expect {
            Expect::Version(version) => version,
            Expect::AbsentElseSkip => 0,
        };
        let mut rows = Vec::with_capacity(events.len());
        for (number, event) in (1..).zip(events) {
            // A version beyond all that can be is a conflict, which the committer finds.
            let sequence = version.saturating_add(number);
            let Some(place) = self.0.plans.root(&event.event_type, &event.version) else {
                return Err(AppendError::UnknownEvent {
                    event_type: event.event_type,
                    version: event.version,
                });
            };
            let payload = sealer.seal(keys, (owner, stream.kind, &stream.id, sequence), place, &event.payload)?;
            let bytes = payload.len() + command.metadata.len();
            command.bytes += bytes;
            if bytes > EVENT_LIMIT {
                return Err(AppendError::TooLarge { bytes });
            }
            if command.bytes > APPEND_LIMIT {
                return Err(AppendError::TooLarge { bytes: command.bytes });
            }
            rows.push(Row {
                event_type: event.event_type,
                version: event.version,
                payload,
            });
        }
        Ok(Part {
            stream,
            owner,
            expect,
            rows,
        })
    }
}

#[cfg(test)]
mod tests;
