//! Judging the commands of a batch in their order, each seeing those before it.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{AppendError, Expect, Guard, StreamId, event};

/// An event as it will be stored.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) event_type: String,
    pub(crate) version: String,
    pub(crate) payload: String,
}

/// Events for one stream, sealed.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) stream: StreamId,
    pub(crate) owner: Uuid,
    pub(crate) expect: Expect,
    pub(crate) rows: Vec<Row>,
}

/// A command that is ready to be committed.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) id: Uuid,
    /// Metadata of all its events but the first.
    pub(crate) metadata: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) guards: Vec<Guard>,
    /// How large its events are together.
    pub(crate) bytes: usize,
}

/// The streams that a batch names, each once, with a guess of its version: what the first mention expects.
pub(crate) struct Mentions<'a> {
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) ids: Vec<&'a str>,
    pub(crate) guesses: Vec<i64>,
    /// Which of them are expected to be there already as likely as not.
    open: Vec<bool>,
    /// For each mention, guards before parts, command by command: which of the streams it is.
    slots: Vec<usize>,
}

impl<'a> Mentions<'a> {
    pub(crate) fn of(batch: impl Iterator<Item = &'a Command>) -> Self {
        let mut mentions = Self {
            kinds: Vec::new(),
            ids: Vec::new(),
            guesses: Vec::new(),
            open: Vec::new(),
            slots: Vec::new(),
        };
        let mut known = HashMap::new();
        for command in batch {
            let guards = command.guards.iter().map(|guard| (&guard.stream, guard.version, false));
            let parts = command.parts.iter().map(|part| {
                let (guess, open) = match part.expect {
                    Expect::Version(version) => (version, false),
                    Expect::AbsentElseSkip => (0, true),
                };
                (&part.stream, guess, open)
            });
            for (stream, guess, open) in guards.chain(parts) {
                let slot = *known.entry((stream.kind, stream.id.as_str())).or_insert_with(|| {
                    mentions.kinds.push(stream.kind);
                    mentions.ids.push(&stream.id);
                    mentions.guesses.push(guess);
                    mentions.open.push(open);
                    mentions.guesses.len() - 1
                });
                mentions.slots.push(slot);
            }
        }
        mentions
    }

    /// What must be checked of a guess. `versions` are those after the batch: that a stream which it creates, and which nobody
    /// expects to be there, does not exist yet, the unique index checks.
    pub(crate) fn claims(&self, versions: &[i64]) -> Claims {
        let mut claims = Claims::default();
        for (slot, (&guess, &version)) in self.guesses.iter().zip(versions).enumerate() {
            if guess != 0 || version == 0 || self.open[slot] {
                claims.kinds.push(self.kinds[slot]);
                claims.ids.push(self.ids[slot].to_owned());
                claims.versions.push(guess);
            }
        }
        claims
    }
}

/// Streams and the versions that they must have for a guess to be right.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) ids: Vec<String>,
    pub(crate) versions: Vec<i64>,
}

/// A command that holds.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// Position of its last event, or of the last before it where it has none.
    pub(crate) position: i64,
    pub(crate) skipped: Vec<StreamId>,
}

/// An event that is to be written: where it stands in the batch, and what became known of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) command: usize,
    pub(crate) part: usize,
    pub(crate) row: usize,
    pub(crate) sequence: i64,
    /// Its metadata, where it is the first of its command.
    pub(crate) first: Option<String>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// For each command, in the batch's order.
    pub(crate) answers: Vec<Result<Accepted, AppendError>>,
    /// The events to be written, in the order of their positions.
    pub(crate) lines: Vec<Line>,
    /// For each mentioned stream: the version that it has afterwards.
    pub(crate) versions: Vec<i64>,
}

/// Judges a batch. `versions` are those of the mentioned streams, `used` the batch's command ids that are in the journal
/// already, `position` the head.
pub(crate) fn judge<'a>(
    batch: impl Iterator<Item = &'a Command>,
    mentions: &Mentions<'_>,
    versions: Vec<i64>,
    mut used: HashSet<Uuid>,
    position: i64,
) -> Verdict {
    let mut verdict = Verdict {
        answers: Vec::new(),
        lines: Vec::new(),
        versions,
    };
    let mut slots = mentions.slots.as_slice();
    let (mut before, mut position) = (Vec::new(), position);
    for (number, command) in batch.enumerate() {
        let (own, rest) = slots.split_at(command.guards.len() + command.parts.len());
        slots = rest;
        if used.contains(&command.id) {
            verdict.answers.push(Err(AppendError::Duplicate));
            continue;
        }
        before.clear();
        let first = verdict.lines.len();
        let answer = one(number, command, own, &mut verdict, &mut before).map(|skipped| {
            let count = verdict.lines.len() - first;
            if let Some(line) = verdict.lines.get_mut(first) {
                line.first = Some(event::stored_first(&command.metadata, count));
                used.insert(command.id);
            }
            position += count as i64;
            Accepted { position, skipped }
        });
        if answer.is_err() {
            verdict.lines.truncate(first);
            for (slot, version) in before.drain(..).rev() {
                verdict.versions[slot] = version;
            }
        }
        verdict.answers.push(answer);
    }
    verdict
}

/// Judges one command; what it would write is added to the verdict, and the versions that were there before to `before`.
fn one(
    number: usize,
    command: &Command,
    slots: &[usize],
    verdict: &mut Verdict,
    before: &mut Vec<(usize, i64)>,
) -> Result<Vec<StreamId>, AppendError> {
    let (guards, parts) = slots.split_at(command.guards.len());
    for (guard, &slot) in command.guards.iter().zip(guards) {
        expect(&guard.stream, guard.version, verdict.versions[slot])?;
    }
    let mut skipped = Vec::new();
    for (place, (part, &slot)) in command.parts.iter().zip(parts).enumerate() {
        let version = verdict.versions[slot];
        match part.expect {
            Expect::Version(expected) => expect(&part.stream, expected, version)?,
            Expect::AbsentElseSkip if version != 0 => {
                skipped.push(part.stream.clone());
                continue;
            }
            Expect::AbsentElseSkip => {}
        }
        before.push((slot, version));
        for row in 0..part.rows.len() {
            let sequence = version + 1 + row as i64;
            verdict.lines.push(Line {
                command: number,
                part: place,
                row,
                sequence,
                first: None,
            });
            verdict.versions[slot] = sequence;
        }
    }
    Ok(skipped)
}

fn expect(stream: &StreamId, expected: i64, actual: i64) -> Result<(), AppendError> {
    if expected == actual {
        return Ok(());
    }
    Err(AppendError::Conflict {
        stream: stream.clone(),
        expected,
        actual,
    })
}

#[cfg(test)]
mod tests;
