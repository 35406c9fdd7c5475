//! What was changed in a commit whose events don't have its root.
//!
//! A hash does not say what is wrong. But an event can be put back: with what may have stood in a column before, its leaf must
//! lead to the root. Tried are the time of its commit, all owners, all names and versions of events, all kinds of streams, the
//! metadata of its command's other events, and every other value of every single byte. Whatever fits is proved; nothing else can.

use std::collections::HashMap;

use ring::digest::{Context, SHA256};
use uuid::Uuid;

use super::StoredEvent;
use crate::{
    event,
    merkle::{self, Entry, Hash, Span, Tree},
};

/// What may have stood in a column before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) owners: Vec<Uuid>,
    pub(super) kinds: Vec<String>,
    /// Names and versions of events.
    pub(super) types: Vec<(String, String)>,
}

/// What was changed. Events are named by their place in the commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    /// A column of an event: with another byte at this place of it, or with something that is known.
    Column {
        event: usize,
        column: &'static str,
        byte: Option<usize>,
    },
    /// Two events stand in each other's place.
    Swapped(usize, usize),
}

/// A commit's events, between the tree before it and the tree that they were written to.
pub(super) struct Puzzle<'a> {
    before: &'a Tree,
    after: &'a Tree,
    events: &'a [StoredEvent],
    leaves: Vec<Hash>,
    nodes: HashMap<Span, Hash>,
    /// So many bytes may still be hashed.
    budget: &'a mut u64,
}

/// Where a leaf leads if those beside it are right.
struct Place {
    index: i64,
    size: i64,
    path: Vec<Hash>,
    root: Hash,
}

impl Place {
    fn fits(&self, leaf: Hash) -> bool {
        merkle::root_of(leaf, self.index, self.size, &self.path) == Some(self.root)
    }
}

impl<'a> Puzzle<'a> {
    /// The events must be as many as the trees are apart, in their order.
    pub(super) fn new(before: &'a Tree, after: &'a Tree, events: &'a [StoredEvent], budget: &'a mut u64) -> Self {
        let leaves = events.iter().map(StoredEvent::leaf).collect();
        let nodes = HashMap::new();
        Self {
            before,
            after,
            events,
            leaves,
            nodes,
            budget,
        }
    }

    /// What was changed, if it is one column of one event, or two events in each other's place.
    pub(super) fn solve(&mut self, known: &Known, recorded_at: i64) -> Option<Culprit> {
        let places: Vec<Place> = (0..self.events.len()).map_while(|event| self.place(event)).collect();
        // An event whose leaf leads where it should is as it was written.
        let altered = places.iter().enumerate();
        let altered = altered.filter(|(event, place)| !place.fits(self.leaves[*event]));
        let altered: Vec<(usize, &Place)> = altered.collect();
        for &(event, place) in &altered {
            if let Some(column) = self.column(event, place, known, recorded_at) {
                return Some(Culprit::Column {
                    event,
                    column,
                    byte: None,
                });
            }
        }
        if let Some((first, second)) = self.swapped(&altered) {
            return Some(Culprit::Swapped(first, second));
        }
        // What takes longest comes last.
        for &(event, place) in &altered {
            if let Some((column, byte)) = self.byte(event, place) {
                return Some(Culprit::Column {
                    event,
                    column,
                    byte: Some(byte),
                });
            }
        }
        None
    }

    fn swapped(&mut self, altered: &[(usize, &Place)]) -> Option<(usize, usize)> {
        /// Of more the pairs are too many.
        const MOST: usize = 100;
        if altered.len() > MOST {
            return None;
        }
        for (at, &(first, _)) in altered.iter().enumerate() {
            for &(second, _) in &altered[at + 1..] {
                let (one, other) = (&self.events[first], &self.events[second]);
                let mut leaves = self.leaves.clone();
                leaves[first] = moved(other, one.position);
                leaves[second] = moved(one, other.position);
                let mut tree = self.before.clone();
                leaves.into_iter().for_each(|leaf| tree.push(leaf));
                if tree == *self.after {
                    return Some((first, second));
                }
            }
        }
        None
    }

    /// Which of the commit's events stands where this one belongs.
    pub(super) fn displaced(&mut self, other: &StoredEvent) -> Option<usize> {
        (0..self.events.len()).find(|event| {
            let leaf = moved(other, self.events[*event].position);
            self.afford(other.payload.len()) && self.place(*event).is_some_and(|place| place.fits(leaf))
        })
    }

    fn column(&mut self, event: usize, place: &Place, known: &Known, recorded_at: i64) -> Option<&'static str> {
        let all = self.events;
        let stored = &all[event];
        let entry = stored.entry();
        let metadata = self.metadata(event);
        let time = ("recorded_at", Entry { recorded_at, ..entry });
        let metadata = metadata
            .iter()
            .map(|metadata| ("metadata", Entry { metadata, ..entry }));
        let types = known.types.iter().map(|(event_type, version)| {
            let column = if *event_type == stored.event_type {
                "event_version"
            } else {
                "event_type"
            };
            let put_back = Entry {
                event_type,
                version,
                ..entry
            };
            (column, put_back)
        });
        let kinds = known
            .kinds
            .iter()
            .map(|kind| ("aggregate_type", Entry { kind, ..entry }));
        let owners = known
            .owners
            .iter()
            .map(|owner| ("owner_id", Entry { owner: *owner, ..entry }));
        let mut buffer = Vec::new();
        for (column, put_back) in [time]
            .into_iter()
            .chain(metadata)
            .chain(types)
            .chain(kinds)
            .chain(owners)
        {
            if !self.afford(entry.payload.len() + entry.metadata.len()) {
                return None;
            }
            if place.fits(put_back.leaf(&mut buffer)) {
                return Some(column);
            }
        }
        None
    }

    /// The metadata that the event must have had by those of its neighbours, where they are of the same command.
    fn metadata(&self, event: usize) -> Option<String> {
        let plain = |at: usize| {
            let metadata = &self.events.get(at)?.metadata;
            let plain = metadata.split(",\"events\":").next()?;
            Some(format!("{}}}", plain.strip_suffix('}').unwrap_or(plain)))
        };
        if self.events[event].command_id.is_none() {
            return plain(event.checked_sub(1)?);
        }
        let others = self.events[event + 1..].iter();
        let others = others.take_while(|other| other.command_id.is_none()).count();
        let plain = plain(event + 1).filter(|_| others > 0)?;
        Some(event::stored_first(&plain, others + 1))
    }

    /// The one byte that was another one.
    fn byte(&mut self, event: usize, place: &Place) -> Option<(&'static str, usize)> {
        let (entry, mut buffer) = (self.events[event].entry(), Vec::new());
        entry.encode(&mut buffer);
        let mut begun = Context::new(&SHA256);
        for at in 0..buffer.len() {
            if let Some(column) = entry.column(at) {
                if !self.afford(255 * (buffer.len() - at + 64 + 128 * place.path.len())) {
                    return None;
                }
                for value in (0..=u8::MAX).filter(|value| *value != buffer[at]) {
                    let mut whole = begun.clone();
                    whole.update(&[value]);
                    whole.update(&buffer[at + 1..]);
                    if place.fits(merkle::finish(whole)) {
                        return Some(column);
                    }
                }
            }
            begun.update(&buffer[at..=at]);
        }
        None
    }

    fn afford(&mut self, bytes: usize) -> bool {
        let left = self.budget.checked_sub(bytes as u64 + 128);
        *self.budget = left.unwrap_or(*self.budget);
        left.is_some()
    }

    fn place(&mut self, event: usize) -> Option<Place> {
        let leaf = self.before.size() + event as i64;
        let (span, root) = self.after.perfect(leaf)?;
        let (index, size) = (leaf - span.start, span.end - span.start);
        let path = merkle::inclusion(index, size);
        let path = path
            .into_iter()
            .map(|beside| self.node(beside.start + span.start..beside.end + span.start));
        Some(Place {
            index,
            size,
            path: path.collect::<Option<_>>()?,
            root,
        })
    }

    /// The root over these leaves, which are a perfect subtree: known from before, or made of the commit's own.
    fn node(&mut self, span: Span) -> Option<Hash> {
        if let Some((known, root)) = self.before.perfect(span.start)
            && known == span
        {
            return Some(root);
        }
        if span.end - span.start == 1 {
            return self
                .leaves
                .get(usize::try_from(span.start - self.before.size()).ok()?)
                .copied();
        }
        if let Some(node) = self.nodes.get(&span) {
            return Some(*node);
        }
        let split = merkle::split(&span);
        let node = merkle::node(&self.node(span.start..split)?, &self.node(split..span.end)?);
        self.nodes.insert(span, node);
        Some(node)
    }
}

fn moved(event: &StoredEvent, position: i64) -> Hash {
    Entry {
        position,
        ..event.entry()
    }
    .leaf(&mut Vec::new())
}
