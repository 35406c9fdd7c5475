//! Reads a range of events and commits, and shows that they are those of the journal: leaf by leaf up to the stored roots.

use chrono::DateTime;
use uuid::Uuid;

use super::{
    BackupError, Target, altered,
    part::{Part, Reader, fields, text},
};
use crate::{
    NamedFile, Names, StoredEvent,
    merkle::{Hash, Tree},
};

/// A file that an event in a range names.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) owner: Uuid,
    pub(super) file: NamedFile,
}

/// What a range came to.
pub(super) struct Walked {
    /// The tree with all its events.
    pub(super) tree: Tree,
    /// The parts as they were read.
    pub(super) events: Part,
    pub(super) commits: Part,
    /// The files that its events name.
    pub(super) wanted: Vec<Wanted>,
    /// Whether the leaf of any event was taken as it stands there, because its content was moved elsewhere.
    pub(super) moved: bool,
}

/// A commit, as it is written in a part.
struct Commit {
    size: i64,
    root: Vec<u8>,
    frontier: Vec<u8>,
    recorded_at: i64,
}

/// Reads the range in these parts, which goes on from `tree`. `names` tells which files the events name.
pub(super) async fn walk(
    target: &Target,
    (events, commits): (&str, &str),
    mut tree: Tree,
    names: Names,
) -> Result<Walked, BackupError> {
    let (stored, commits_read) = read_commits(target, commits).await?;
    let mut stored = stored.into_iter().peekable();
    let mut reader = Reader::open(target, events).await?;
    let columns = Columns::of(&reader)?;
    let (mut wanted, mut buffer, mut moved) = (Vec::new(), Vec::new(), false);
    while let Some(line) = reader.line().await? {
        let row = columns.row(line);
        let (event, kept) =
            row.ok_or_else(|| altered(events, format!("the event after {} can't be read", tree.size())))?;
        if event.position != tree.size() + 1 {
            let why = format!("event {} is missing: {} stands there", tree.size() + 1, event.position);
            return Err(altered(events, why));
        }
        moved |= kept.is_some();
        tree.push(kept.unwrap_or_else(|| event.entry().leaf(&mut buffer)));
        if let Some(file) = names(&event.event_type, &event.payload) {
            let owner = event.owner;
            wanted.push(Wanted { owner, file });
        }
        let Some(commit) = stored.next_if(|commit| commit.size <= tree.size()) else {
            continue;
        };
        let right = commit.size == tree.size() && tree.root()[..] == commit.root && tree.has(&commit.frontier);
        if !right || commit.recorded_at != event.recorded_at_us {
            let why = format!("the events up to {} don't have the root of their commit", commit.size);
            return Err(altered(events, why));
        }
    }
    if let Some(commit) = stored.next() {
        return Err(altered(events, format!("the events up to {} are missing", commit.size)));
    }
    Ok(Walked {
        tree,
        events: reader.part(),
        commits: commits_read,
        wanted,
        moved,
    })
}

async fn read_commits(target: &Target, name: &str) -> Result<(Vec<Commit>, Part), BackupError> {
    let mut reader = Reader::open(target, name).await?;
    let columns = ["size", "root", "frontier", "recorded_at"].map(|column| reader.column(column));
    let [size, root, frontier, recorded_at] = columns;
    let columns = [size?, root?, frontier?, recorded_at?];
    let mut commits = Vec::new();
    while let Some(line) = reader.line().await? {
        let fields = fields(line);
        let commit = || {
            let [size, root, frontier, recorded_at] = columns.map(|at| fields.get(at).and_then(|field| text(field)));
            Some(Commit {
                size: size?.parse().ok()?,
                root: bytes(&root?)?,
                frontier: bytes(&frontier?)?,
                recorded_at: micros(&recorded_at?)?,
            })
        };
        commits.push(commit().ok_or_else(|| altered(name, "a commit can't be read"))?);
    }
    Ok((commits, reader.part()))
}

/// Where the columns of events stand; and that of leaves, where there is one.
struct Columns([usize; 11], Option<usize>);

impl Columns {
    fn of(reader: &Reader) -> Result<Self, BackupError> {
        let names = [
            "aggregate_type",
            "aggregate_id",
            "sequence",
            "event_type",
            "event_version",
            "payload",
            "metadata",
            "position",
            "owner_id",
            "command_id",
            "recorded_at",
        ];
        let mut columns = [0; 11];
        for (column, name) in columns.iter_mut().zip(names) {
            *column = reader.column(name)?;
        }
        Ok(Self(columns, reader.column("leaf").ok()))
    }

    /// The event in a line; and its leaf, where that is kept in the place of its content.
    fn row(&self, line: &[u8]) -> Option<(StoredEvent, Option<Hash>)> {
        let fields = fields(line);
        let field = |number: usize| fields.get(*self.0.get(number)?).and_then(|field| text(field));
        // Of an event whose content was moved elsewhere its leaf is kept.
        let kept = self.1.and_then(|column| text(fields.get(column)?));
        let content = |number: usize| {
            if kept.is_some() {
                Some(String::new())
            } else {
                field(number)
            }
        };
        let event = StoredEvent {
            kind: field(0)?,
            stream: field(1)?,
            sequence: field(2)?.parse().ok()?,
            event_type: field(3)?,
            version: field(4)?,
            payload: content(5)?,
            metadata: content(6)?,
            position: field(7)?.parse().ok()?,
            owner: field(8)?.parse().ok()?,
            command_id: match field(9) {
                Some(id) => Some(id.parse().ok()?),
                None => None,
            },
            recorded_at_us: micros(&field(10)?)?,
        };
        let kept = match kept {
            Some(kept) => Some(bytes(&kept)?.try_into().ok()?),
            None => None,
        };
        Some((event, kept))
    }
}

/// Bytes, as Postgres writes them: `\x` and hexadecimal digits.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("\\x")?).ok()
}

/// Microseconds since 1970 of a time as Postgres writes it.
fn micros(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
    Some(time.timestamp_micros())
}
