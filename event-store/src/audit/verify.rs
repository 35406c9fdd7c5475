//! Verifying all of it: every leaf, every commit, every file.
//!
//! The journal is cut into ranges that end where a commit ends. A range begins with the tree that the commit before it stored,
//! and must come, leaf by leaf, to the trees that all its commits stored; the first begins with nothing. Each ends with
//! the tree that the next begins with, so together they prove what one pass from the first event to the last would, and all
//! cores take ranges at once, each with a connection of its own. Rows go by and are not held: memory does not grow with the journal.

use std::{
    collections::{HashSet, VecDeque},
    num::NonZero,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use futures_util::{TryStreamExt as _, future::try_join_all};
use sqlx::postgres::PgRow;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{
    Audit, Broken, StoredEvent,
    commit::{COMMIT, Commit},
};
use crate::{
    DatabaseError, FileError, Files, ReadError, SealPlans,
    archive::Chunk,
    keyring::Held,
    merkle::{Hash, Tree},
    rows::{self, COLUMNS},
};

/// A range has so many events, and what is left of its last commit.
const RANGE: i64 = 8192;
/// So much that is broken is looked into; then the rest is left.
pub(super) const ENOUGH: usize = 20;
/// So many bytes are hashed at most to find out what was changed: half a minute or so.
const BUDGET: u64 = 32 << 30;
/// So often in a range somebody is told how far it is.
const TELL: i64 = 1024;

/// A file that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The object's name.
    pub object: String,
    /// The size of its content.
    pub bytes: u64,
}

/// Which file an event names, by the event's name and its content as stored.
pub type Names = fn(event_type: &str, payload: &str) -> Option<NamedFile>;

/// What verifying found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// How many events there were when it began.
    pub size: i64,
    /// The root over them, as stored.
    pub root: Option<Hash>,
    /// How many files have the content that their names say.
    pub files: u64,
    /// How many files belong to somebody forgotten: they can't be read any more, nor should they be there.
    pub forgotten: u64,
    /// What is not as it was written, in the order of positions; if there are [`Verified::ENOUGH`] or more, the rest was left.
    pub broken: Vec<Broken>,
}

impl Verified {
    /// With so much that is broken it ends.
    pub const ENOUGH: usize = ENOUGH;
}

/// A commit that does not come out right.
#[derive(Debug)]
pub(super) struct Case {
    /// The tree before it.
    pub(super) before: Tree,
    /// When the commit before it was.
    pub(super) before_at: i64,
    pub(super) commit: Commit,
    /// The first position at which another one stands, or nothing: where, and what is there instead.
    pub(super) gap: Option<(i64, Option<i64>)>,
}

/// An archive that is not as it was written: the positions that it is listed for, and what it says now where it can be understood.
pub(super) struct Lost {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) chunk: Option<Arc<Chunk>>,
}

/// A file to be looked at.
struct Wanted {
    position: i64,
    owner: Uuid,
    stream: String,
    file: NamedFile,
}

/// An event as it is looked at.
struct Looked {
    position: i64,
    recorded_at: i64,
    leaf: Hash,
    file: Option<Wanted>,
    /// Its stream, where the table keeps another leaf of it.
    unlike: Option<String>,
}

/// What a range came to.
#[derive(Default)]
struct Walked {
    cases: Vec<Case>,
    files: Vec<Wanted>,
}

/// A verification under way.
pub(super) struct Verification {
    pub(super) audit: Audit,
    pub(super) plans: SealPlans,
    files: Option<(Files, Names)>,
    progress: Box<dyn Fn(i64, i64) + Send + Sync>,
    /// The events up to here are verified.
    pub(super) head: i64,
    /// Where the next range begins.
    next: tokio::sync::Mutex<i64>,
    seen: AtomicI64,
    files_whole: AtomicU64,
    files_forgotten: AtomicU64,
    broken: Mutex<Vec<Broken>>,
    /// Streams in which numbers are missing.
    gaps: Mutex<Vec<Broken>>,
    /// The archives that were told of as broken.
    pub(super) told_archives: Mutex<HashSet<String>>,
    /// Commits of which it is not known yet what was changed, with their events.
    unexplained: Mutex<Vec<(Case, Vec<StoredEvent>)>>,
    /// So many bytes may still be hashed to find out what was changed.
    budget: Mutex<u64>,
}

impl Audit {
    /// Verifies the whole journal as it is now, and all files that its events name where these are given, on all cores. Tells
    /// how many events of how many are done. What is appended meanwhile is left to the next time.
    pub async fn verify(
        &self,
        plans: SealPlans,
        files: Option<(Files, Names)>,
        progress: impl Fn(i64, i64) + Send + Sync + 'static,
    ) -> Result<Verified, ReadError> {
        let newest = self.commit(None).await?;
        let verification = Arc::new(Verification {
            audit: self.clone(),
            plans,
            files,
            progress: Box::new(progress),
            head: newest.as_ref().map_or(0, |newest| newest.size),
            next: tokio::sync::Mutex::new(0),
            seen: AtomicI64::new(0),
            files_whole: AtomicU64::new(0),
            files_forgotten: AtomicU64::new(0),
            broken: Mutex::default(),
            gaps: Mutex::default(),
            told_archives: Mutex::default(),
            unexplained: Mutex::default(),
            budget: Mutex::new(BUDGET),
        });
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let connections = usize::try_from(self.database.pool().options().get_max_connections()).unwrap_or(cores);
        // One connection that rows come by, and one for what has to be asked meanwhile.
        let workers = (0..cores.min(connections / 2).max(1)).map(|worker| {
            let (verification, runtime) = (Arc::clone(&verification), Handle::current());
            // A thread of its own: decoding and hashing must not hold up what else the runtime does.
            tokio::task::spawn_blocking(move || runtime.block_on(verification.work(worker == 0)))
        });
        let done = try_join_all(workers).await;
        let done: Result<Vec<()>, _> = done
            .map_err(|_| DatabaseError::Damaged("a worker of the verification failed"))?
            .into_iter()
            .collect();
        done?;
        verification.explain_moves().await?;
        let mut broken = std::mem::take(&mut *verification.broken());
        // A number that was changed leaves a gap too, but is known better from its commit.
        let mut gaps = std::mem::take(&mut *verification.gaps());
        gaps.retain(|gap| {
            let same = |broken: &Broken| broken.stream == gap.stream && broken.column == gap.column;
            !broken
                .iter()
                .any(|broken| broken.position == gap.position || same(broken))
        });
        broken.extend(gaps);
        broken.sort_by_key(|broken| broken.position);
        Ok(Verified {
            size: verification.head,
            root: newest.and_then(|newest| newest.root()),
            files: verification.files_whole.load(Ordering::Relaxed),
            forgotten: verification.files_forgotten.load(Ordering::Relaxed),
            broken,
        })
    }
}

impl Verification {
    async fn work(&self, first: bool) -> Result<(), ReadError> {
        if first {
            self.check_ends().await?;
            self.check_streams().await?;
            self.check_archives().await?;
        }
        while let Some(range) = self.next_range().await? {
            let walked = self.walk(&range).await?;
            for case in walked.cases {
                if let Some(broken) = self.diagnose(case).await? {
                    self.found(broken);
                }
            }
            if let Some((files, _)) = &self.files {
                for wanted in walked.files {
                    if let Some(broken) = self.check_file(files, wanted).await? {
                        self.found(broken);
                    }
                }
            }
        }
        Ok(())
    }

    fn broken(&self) -> MutexGuard<'_, Vec<Broken>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gaps(&self) -> MutexGuard<'_, Vec<Broken>> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unexplained(&self) -> MutexGuard<'_, Vec<(Case, Vec<StoredEvent>)>> {
        self.unexplained.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn budget(&self) -> MutexGuard<'_, u64> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn found(&self, broken: Broken) {
        self.broken().push(broken);
    }

    async fn next_range(&self) -> Result<Option<Range<i64>>, ReadError> {
        let mut next = self.next.lock().await;
        let from = *next;
        let found = self.broken().len() + self.unexplained().len();
        if from >= self.head || found >= ENOUGH {
            return Ok(None);
        }
        let until: i64 = sqlx::query_scalar("SELECT size FROM es.commits WHERE size >= $1 ORDER BY size LIMIT 1")
            .bind(self.head.min(from + RANGE))
            .fetch_one(self.audit.database.pool())
            .await?;
        *next = until;
        Ok(Some(from..until))
    }

    /// Commits after one size, up to another.
    pub(super) async fn commits(&self, after: i64, until: i64, limit: i64) -> Result<VecDeque<Commit>, ReadError> {
        let sql = format!("SELECT {COMMIT} FROM es.commits WHERE size > $1 AND size <= $2 ORDER BY size LIMIT $3");
        let statement = sqlx::query(&sql).bind(after).bind(until).bind(limit);
        let rows = statement.fetch_all(self.audit.database.pool()).await?;
        rows.iter().map(Commit::of).collect()
    }

    /// The newest commit up to this size whose tree has its root, and its time. Where nobody changed the row of `size`, that is it.
    async fn sound(&self, mut size: i64) -> Result<(Tree, i64), ReadError> {
        let sql = format!("SELECT {COMMIT} FROM es.commits WHERE size <= $1 AND size > 0 ORDER BY size DESC LIMIT 1");
        while size > 0 {
            let row = sqlx::query(&sql)
                .bind(size)
                .fetch_optional(self.audit.database.pool())
                .await?;
            let Some(row) = row else { break };
            let commit = Commit::of(&row)?;
            if let Some(tree) = commit.tree() {
                return Ok((tree, commit.recorded_at));
            }
            size = commit.size - 1;
        }
        Ok((Tree::default(), i64::MIN))
    }

    async fn walk(&self, range: &Range<i64>) -> Result<Walked, ReadError> {
        let (mut tree, mut before_at) = self.sound(range.start).await?;
        let commits = self.commits(tree.size(), range.end, i64::MAX).await?;
        let sql =
            format!("SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position");
        // What stands before the first position does not belong there, and is found by the first range.
        let after = if tree.size() == 0 { i64::MIN } else { tree.size() };
        let mut rows = sqlx::query(&sql)
            .bind(after)
            .bind(range.end)
            .fetch(self.audit.database.pool());
        let (mut lost, mut buffer): (Option<Lost>, _) = (None, Vec::new());
        let mut row = self.look(rows.try_next().await?, &mut lost, &mut buffer).await?;
        let (mut walked, mut told) = (Walked::default(), range.start);
        // Where a commit does not have the root of its events: the tree of these, in case it is the commit that was changed.
        let mut other: Option<Tree> = None;
        for commit in commits {
            let (before, mut gap, mut same_time, mut unlike) = (tree.clone(), None, true, Vec::new());
            while let Some(looked) = row.take_if(|looked| looked.position <= commit.size) {
                if gap.is_none() && looked.position != tree.size() + 1 {
                    gap = Some((tree.size() + 1, Some(looked.position)));
                }
                same_time &= looked.recorded_at == commit.recorded_at;
                tree.push(looked.leaf);
                if let Some(other) = &mut other {
                    other.push(looked.leaf);
                }
                unlike.extend(looked.unlike.map(|stream| (looked.position, stream)));
                walked
                    .files
                    .extend(looked.file.filter(|_| looked.position > range.start));
                row = self.look(rows.try_next().await?, &mut lost, &mut buffer).await?;
            }
            if gap.is_none() && tree.size() < commit.size {
                gap = Some((tree.size() + 1, None));
            }
            if commit.size > range.start && commit.size - told >= TELL {
                self.tell(commit.size - told);
                told = commit.size;
            }
            if let Some(other) = other.take().filter(|other| other.root()[..] == commit.root) {
                tree = other;
            }
            let right = gap.is_none() && tree.root()[..] == commit.root;
            let whole = right && tree.has(&commit.frontier) && same_time && commit.recorded_at >= before_at;
            let case_at = std::mem::replace(&mut before_at, commit.recorded_at);
            if whole {
                let wrong = unlike.into_iter().filter(|(position, _)| *position > range.start);
                wrong.for_each(|(position, stream)| self.found(Broken::of_leaf(position, stream)));
                continue;
            }
            let stored = commit.tree().filter(|_| !right);
            let lost = gap.is_some() && stored.is_none();
            // What comes after was written on top of the stored tree.
            if let Some(stored) = stored {
                other = Some(std::mem::replace(&mut tree, stored)).filter(|_| gap.is_none());
            }
            if commit.size > range.start {
                walked.cases.push(Case {
                    before,
                    before_at: case_at,
                    commit,
                    gap,
                });
            }
            if lost || walked.cases.len() >= ENOUGH {
                break;
            }
        }
        self.tell(range.end - told);
        Ok(walked)
    }

    /// What is to be known of the event in a row. Where its archive can't be had, the leaf stands for it that the table keeps.
    async fn look(
        &self,
        row: Option<PgRow>,
        lost: &mut Option<Lost>,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Looked>, ReadError> {
        let Some(row) = row else { return Ok(None) };
        let (position, recorded_at) = (rows::position(&row)?, rows::micros(&row, 10)?);
        let kept = rows::kept_leaf(&row)?;
        let Some(row) = self.complete(row, lost).await? else {
            // Nothing has this leaf, if even that is gone.
            let leaf = kept.unwrap_or_default();
            return Ok(Some(Looked {
                position,
                recorded_at,
                leaf,
                file: None,
                unlike: None,
            }));
        };
        let entry = row.entry()?;
        let leaf = entry.leaf(buffer);
        let file = self.files.as_ref().and_then(|(_, names)| {
            Some(Wanted {
                position,
                owner: entry.owner,
                stream: format!("{} {}", entry.kind, entry.stream),
                file: names(entry.event_type, entry.payload)?,
            })
        });
        Ok(Some(Looked {
            position,
            recorded_at,
            unlike: kept
                .filter(|kept| *kept != leaf)
                .map(|_| format!("{} {}", entry.kind, entry.stream)),
            leaf,
            file,
        }))
    }

    fn tell(&self, events: i64) {
        let seen = self.seen.fetch_add(events, Ordering::Relaxed) + events;
        (self.progress)(seen, self.head);
    }

    /// The events of a commit, unless they are more than can be looked into, or one can't be had.
    pub(super) async fn events(&self, after: i64, until: i64) -> Result<Option<Vec<StoredEvent>>, ReadError> {
        const MOST: i64 = 10_000;
        if until - after > MOST {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3"
        );
        let statement = sqlx::query(&sql).bind(after).bind(until).bind(MOST);
        let rows = statement.fetch_all(self.audit.database.pool()).await?;
        let (mut events, mut lost) = (Vec::with_capacity(rows.len()), None);
        for row in rows {
            match self.complete(row, &mut lost).await? {
                Some(row) => events.push(StoredEvent::of(&row.entry()?)),
                None => return Ok(None),
            }
        }
        Ok(Some(events))
    }

    async fn check_file(&self, files: &Files, wanted: Wanted) -> Result<Option<Broken>, ReadError> {
        let Wanted {
            position,
            owner,
            stream,
            file,
        } = wanted;
        let held = self.audit.keyring.held(&[owner]).await?.remove(&owner);
        let why = match held {
            None => "its owner has no key, so it can't be read".to_owned(),
            Some(Held::Forgotten) => {
                self.files_forgotten.fetch_add(1, Ordering::Relaxed);
                return Ok(None);
            }
            Some(Held::Keys(keys)) => {
                let read = async {
                    let pieces = files.get(&keys, owner, &file.object).await?;
                    pieces
                        .try_fold(0, async |sum, piece| Ok(sum + piece.len() as u64))
                        .await
                };
                match read.await {
                    Ok(bytes) if bytes == file.bytes => {
                        self.files_whole.fetch_add(1, Ordering::Relaxed);
                        return Ok(None);
                    }
                    Ok(bytes) => format!("it has {bytes} bytes, but the event says {}", file.bytes),
                    Err(FileError::NotFound) => "it is gone".to_owned(),
                    Err(error) => error.to_string(),
                }
            }
        };
        Ok(Some(Broken {
            position,
            until: position,
            stream: Some(stream),
            column: Some(format!("file {}", file.object)),
            why,
        }))
    }
}
