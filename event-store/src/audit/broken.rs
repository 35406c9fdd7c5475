//! What is not as it was written, and how that is found out.

use std::fmt;

use super::{
    StoredEvent,
    diagnosis::{Culprit, Known, Puzzle},
    verify::{Case, ENOUGH, Verification},
};
use crate::{
    Metadata, ReadError,
    keyring::Held,
    merkle::Tree,
    sealing,
    unsealing::{Opener, Treatment, has_sealed},
};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The position.
    pub position: i64,
    /// The last position that it can be, where it is not known exactly; else the same.
    pub until: i64,
    /// Kind and id of the stream, as they are stored now, where it is known.
    pub stream: Option<String>,
    /// The column, or the file, where it is known. It is one of `es.events`, unless it says otherwise.
    pub column: Option<String>,
    /// What is wrong, and how sure that is.
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.until > self.position {
            write!(f, "positions {} to {}", self.position, self.until)?;
        } else {
            write!(f, "position {}", self.position)?;
        }
        write!(f, ", stream {}", self.stream.as_deref().unwrap_or("unknown"))?;
        write!(
            f,
            ", column {}: {}",
            self.column.as_deref().unwrap_or("unknown"),
            self.why
        )
    }
}

impl Broken {
    pub(super) fn of(event: &StoredEvent, column: &str, why: String) -> Self {
        Self {
            position: event.position,
            until: event.position,
            stream: Some(format!("{} {}", event.kind, event.stream)),
            column: Some(column.to_owned()),
            why,
        }
    }

    fn at(position: i64, column: &str, why: String) -> Self {
        Self {
            position,
            until: position,
            stream: None,
            column: Some(column.to_owned()),
            why,
        }
    }
}

const PROVED: &str = "this is proved, since put back it has the commit's root";
/// All that a leaf covers.
const COVERED: &str = "aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, position, \
    owner_id, command_id, recorded_at";

impl Verification {
    /// What stands beyond the newest commit, and who has come further than that.
    pub(super) async fn check_ends(&self) -> Result<(), ReadError> {
        // All of one snapshot, in which whoever has seen an event is not ahead of it.
        const ENDS: &str = "SELECT c.size, (SELECT max(position) FROM es.events),
                (SELECT min(name) FROM es.subscriptions WHERE position > c.size),
                (SELECT max(position) FROM es.subscriptions)
            FROM (SELECT coalesce(max(size), 0) AS size FROM es.commits) c";
        let (size, last, ahead, seen): (i64, Option<i64>, Option<String>, Option<i64>) =
            sqlx::query_as(ENDS).fetch_one(self.audit.database.pool()).await?;
        if let Some(last) = last.filter(|last| *last > size) {
            let why = format!(
                "the events after position {size} are in no commit: its row in es.commits was removed, or they were added by hand"
            );
            self.found(Broken {
                until: last,
                ..Broken::at(size + 1, "commits.size", why)
            });
        } else if let (Some(name), Some(seen)) = (ahead, seen) {
            let why = format!(
                "the journal ends at position {size}, but the subscription {name} has seen {seen}: its end was removed, or an \
                 older backup was restored"
            );
            self.found(Broken {
                until: seen,
                ..Broken::at(size + 1, "position", why)
            });
        }
        Ok(())
    }

    /// Numbers that are missing in a stream.
    pub(super) async fn check_streams(&self) -> Result<(), ReadError> {
        const GAPS: &str = "SELECT aggregate_type, aggregate_id FROM es.events GROUP BY aggregate_type, aggregate_id
            HAVING count(*) <> max(sequence) LIMIT $1";
        const GAP: &str = "SELECT sequence, position, before FROM (
                SELECT sequence, position, coalesce(lag(sequence) OVER (ORDER BY sequence), 0) AS before
                FROM es.events WHERE aggregate_type = $1 AND aggregate_id = $2) s
            WHERE sequence <> before + 1 ORDER BY sequence LIMIT 1";
        let pool = self.audit.database.pool();
        let streams: Vec<(String, String)> = sqlx::query_as(GAPS).bind(ENOUGH as i64).fetch_all(pool).await?;
        for (kind, id) in streams {
            let gap: Option<(i64, i64, i64)> = sqlx::query_as(GAP).bind(&kind).bind(&id).fetch_optional(pool).await?;
            let Some((sequence, position, before)) = gap else {
                continue;
            };
            let why =
                format!("the stream goes on with number {sequence} after number {before}: what was between is gone");
            self.gaps().push(Broken {
                stream: Some(format!("{kind} {id}")),
                ..Broken::at(position, "sequence", why)
            });
        }
        Ok(())
    }

    /// What was changed in a commit that does not come out right; `None` where that is put off until all are known.
    pub(super) async fn diagnose(&self, case: Case) -> Result<Option<Broken>, ReadError> {
        let (from, size) = (case.before.size() + 1, case.commit.size);
        match case.gap {
            Some((position, Some(found))) if found < position => {
                let why = "it does not follow the position before it".to_owned();
                return Ok(Some(Broken::at(found, "position", why)));
            }
            Some((position, _)) => {
                let why = "there is no event at this position: it was deleted, or has another position now".to_owned();
                return Ok(Some(Broken::at(position, "position", why)));
            }
            None => {}
        }
        let unknown = |why: &str| Broken {
            position: from,
            until: size,
            stream: None,
            column: None,
            why: why.to_owned(),
        };
        let Some(events) = self.events(case.before.size(), size).await? else {
            return Ok(Some(unknown(
                "the commit that ends here was changed; it has too many events to look for which, or not all can be had",
            )));
        };
        let mut tree = case.before.clone();
        events.iter().for_each(|event| tree.push(event.leaf()));
        if let Some(broken) = self.of_commit(&case, &tree).await? {
            return Ok(Some(broken));
        }
        if let Some(broken) = self.of_archive(&case, &events).await? {
            return Ok(Some(broken));
        }
        let Some(after) = case.commit.tree() else {
            return Ok(Some(unknown(
                "neither root nor frontier of the commit that ends here are those of its events, nor of each other",
            )));
        };
        let known = self.known().await?;
        let culprit = {
            let mut budget = self.budget();
            Puzzle::new(&case.before, &after, &events, &mut budget).solve(&known, case.commit.recorded_at)
        };
        match culprit {
            Some(Culprit::Column { event, column, byte }) => {
                let what = match byte {
                    Some(byte) => format!("byte {byte} of the column (from 0) was another one"),
                    None => "the column was changed: it was another one".to_owned(),
                };
                let why = format!("{what} when the event was written; {PROVED}");
                Ok(Some(Broken::of(&events[event], column, why)))
            }
            Some(Culprit::Swapped(first, second)) => Ok(Some(displaced(&events[first], &events[second]))),
            None => {
                self.unexplained().push((case, events));
                Ok(None)
            }
        }
    }

    /// What is wrong with the commit's own row, if its events are as they were.
    async fn of_commit(&self, case: &Case, tree: &Tree) -> Result<Option<Broken>, ReadError> {
        let commit = &case.commit;
        let of_commit = |column: &str, why: &str| Some(Broken::at(commit.size, column, why.to_owned()));
        let right = (tree.root()[..] == commit.root, tree.has(&commit.frontier));
        Ok(match right {
            (true, true) if commit.recorded_at < case.before_at => {
                of_commit("commits.recorded_at", "it is before the time of the commit before")
            }
            (true, true) => of_commit(
                "commits.recorded_at",
                "it is not the time of the commit's events, or a commit's row was removed: the events have the right root",
            ),
            (true, false) => of_commit(
                "commits.frontier",
                "it is not that of the events, which have the right root",
            ),
            (false, true) => of_commit(
                "commits.root",
                "it is not that of the events, which have the right frontier",
            ),
            (false, false) => {
                let next = self.commits(commit.size, i64::MAX, 1).await?.pop_front();
                let Some(next) = next else { return Ok(None) };
                let Some(events) = self.events(commit.size, next.size).await? else {
                    return Ok(None);
                };
                let mut tree = tree.clone();
                events.iter().for_each(|event| tree.push(event.leaf()));
                (tree.root()[..] == next.root).then(|| {
                    let why =
                        "root and frontier of the commit were changed: with its events the next commit comes out right";
                    Broken::at(commit.size, "commits.root", why.to_owned())
                })
            }
        })
    }

    /// Looks among the commits that nothing explains for events that stand in each other's place, and tells of the others what
    /// can be told.
    pub(super) async fn explain_moves(&self) -> Result<(), ReadError> {
        let unexplained = std::mem::take(&mut *self.unexplained());
        for (at, (case, events)) in unexplained.iter().enumerate() {
            let others = unexplained.iter().enumerate().filter(|(other, _)| *other != at);
            let found = case.commit.tree().and_then(|after| {
                let mut budget = self.budget();
                let mut puzzle = Puzzle::new(&case.before, &after, events, &mut budget);
                let mut others = others.flat_map(|(_, (_, events))| events);
                others.find_map(|other| Some((puzzle.displaced(other)?, other)))
            });
            let broken = match found {
                Some((event, other)) => displaced(&events[event], other),
                None => self.suspected(case, events).await?,
            };
            self.found(broken);
        }
        Ok(())
    }

    /// What can be told where nothing can be proved.
    async fn suspected(&self, case: &Case, events: &[StoredEvent]) -> Result<Broken, ReadError> {
        let owners: Vec<_> = events.iter().map(|event| event.owner).collect();
        let keys = self.audit.keyring.held(&owners).await?;
        for event in events {
            let of = |column, why: &str| {
                Ok(Broken::of(
                    event,
                    column,
                    format!("{why} (not proved: more than one column may be meant)"),
                ))
            };
            if self.plans.root(&event.event_type, &event.version).is_none() {
                return of("event_type", "there is no event of this name and version");
            }
            if Metadata::parse(&event.metadata).is_err() {
                return of("metadata", "it is not of the form that it is written in");
            }
            if event.command_id.is_some() != event.metadata.contains("\"events\":\"") {
                return of(
                    "command_id",
                    "it does not fit the metadata, which counts the events of a command on its first",
                );
            }
            if event.recorded_at_us != case.commit.recorded_at {
                return of("recorded_at", "it is not the time of its commit");
            }
            if !has_sealed(&event.payload) {
                continue;
            }
            let keys = match keys.get(&event.owner) {
                None => return of("owner_id", "this owner never had a key, but the event is sealed by one"),
                Some(Held::Forgotten) => continue,
                Some(Held::Keys(keys)) => keys,
            };
            let mut bound = Vec::new();
            sealing::associated(event.owner, &event.kind, &event.stream, event.sequence, &mut bound);
            if Opener::default()
                .open(Treatment::Open(keys), &mut bound, &event.payload)
                .is_err()
            {
                return of(
                    "payload",
                    "a sealed string does not open: it was changed, or was sealed for another owner, stream or sequence",
                );
            }
        }
        let why = match events.len() {
            1 => format!("something that its leaf covers was changed ({COVERED}), in more than one byte"),
            _ => format!(
                "one or more of the events of this commit were changed, in something that their leaves cover ({COVERED})"
            ),
        };
        let one = events.first().filter(|_| events.len() == 1);
        Ok(Broken {
            position: case.before.size() + 1,
            until: case.commit.size,
            stream: one.map(|event| format!("{} {}", event.kind, event.stream)),
            column: None,
            why,
        })
    }

    /// What may have stood in the columns.
    async fn known(&self) -> Result<Known, ReadError> {
        const OWNERS: &str = "SELECT name::uuid FROM es.keys WHERE scope = 'owner'";
        // From each kind to the next by the index, since there are few.
        const KINDS: &str = "WITH RECURSIVE kinds AS (
                SELECT min(aggregate_type) AS kind FROM es.events
                UNION ALL
                SELECT (SELECT min(aggregate_type) FROM es.events WHERE aggregate_type > kind) FROM kinds WHERE kind IS NOT NULL)
            SELECT kind FROM kinds WHERE kind IS NOT NULL LIMIT 100";
        let pool = self.audit.database.pool();
        let own = |(name, version): (&str, &str)| (name.to_owned(), version.to_owned());
        Ok(Known {
            owners: sqlx::query_scalar(OWNERS).fetch_all(pool).await?,
            kinds: sqlx::query_scalar(KINDS).fetch_all(pool).await?,
            types: self.plans.events().map(own).collect(),
        })
    }
}

fn displaced(event: &StoredEvent, belongs: &StoredEvent) -> Broken {
    let why = format!(
        "the event that stands at position {} (stream {} {}) was written here; {PROVED}",
        belongs.position, belongs.kind, belongs.stream
    );
    Broken::of(event, "position", why)
}
