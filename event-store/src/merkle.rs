//! The Merkle tree of RFC 9162 (section 2.1) over all events, in position order, kept as a frontier.
//!
//! A leaf is `SHA-256(0x00 || entry)`, a node `SHA-256(0x01 || left || right)`, the empty tree `SHA-256()`. An entry covers
//! every stored column, all integers big-endian: each text (`aggregate_type`, `aggregate_id`, `event_type`, `event_version`,
//! `payload`, `metadata`, as stored) after its length in bytes (4 bytes); then `sequence`, `position` and `recorded_at`
//! (microseconds since 1970) in 8 bytes each; the 16 bytes of `owner_id`; and one byte, 1 followed by the 16 bytes of
//! `command_id`, or 0 where there is none.

mod proof;

use std::ops::Range;

use ring::digest;
use uuid::Uuid;

pub(crate) use proof::{consistency, inclusion, is_consistent, root_of, split};

/// A leaf, a node or a root: SHA-256.
pub type Hash = [u8; 32];

/// Leaves that stand side by side, counted from 0.
pub(crate) type Span = Range<i64>;

/// The columns of an event as stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) sequence: i64,
    pub(crate) event_type: &'a str,
    pub(crate) version: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) position: i64,
    pub(crate) owner: Uuid,
    pub(crate) command_id: Option<Uuid>,
    /// Microseconds since 1970.
    pub(crate) recorded_at: i64,
}

impl Entry<'_> {
    /// The leaf. The buffer is only there to be used again.
    pub(crate) fn leaf(&self, buffer: &mut Vec<u8>) -> Hash {
        self.encode(buffer);
        hash(&[buffer])
    }

    /// What the leaf is the hash of.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.push(0);
        for (_, text) in self.texts() {
            // No column comes near 4 GiB: an event is at most 64 KiB.
            buffer.extend_from_slice(&(text.len() as u32).to_be_bytes());
            buffer.extend_from_slice(text.as_bytes());
        }
        for number in [self.sequence, self.position, self.recorded_at] {
            buffer.extend_from_slice(&number.to_be_bytes());
        }
        buffer.extend_from_slice(self.owner.as_bytes());
        match self.command_id {
            Some(command) => {
                buffer.push(1);
                buffer.extend_from_slice(command.as_bytes());
            }
            None => buffer.push(0),
        }
    }

    /// The column that a byte of [`Entry::encode`]'s belongs to, and where in it; `None` for what only holds columns apart.
    pub(crate) fn column(&self, at: usize) -> Option<(&'static str, usize)> {
        let numbers = [("sequence", 8), ("position", 8), ("recorded_at", 8), ("owner_id", 16)];
        let texts = self.texts().map(|(name, text)| (name, 4, text.len()));
        let fixed = numbers.map(|(name, length)| (name, 0, length));
        let mut begin = 1;
        for (name, apart, length) in texts.into_iter().chain(fixed).chain([("command_id", 1, 16)]) {
            begin += apart;
            if at < begin {
                return None;
            }
            if at < begin + length {
                return Some((name, at - begin));
            }
            begin += length;
        }
        None
    }

    fn texts(&self) -> [(&'static str, &str); 6] {
        [
            ("aggregate_type", self.kind),
            ("aggregate_id", self.stream),
            ("event_type", self.event_type),
            ("event_version", self.version),
            ("payload", self.payload),
            ("metadata", self.metadata),
        ]
    }
}

/// The tree so far: one root per set bit of the size, that of the largest perfect subtree first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    size: i64,
    frontier: Vec<Hash>,
}

impl Tree {
    /// The stored tree; `None` if there are not as many roots as the size asks for.
    pub(crate) fn load(size: i64, frontier: &[u8]) -> Option<Self> {
        let (roots, rest) = frontier.as_chunks::<32>();
        let fits = size >= 0 && rest.is_empty() && roots.len() == size.count_ones() as usize;
        fits.then(|| Self {
            size,
            frontier: roots.to_vec(),
        })
    }

    /// How many leaves it has.
    pub(crate) fn size(&self) -> i64 {
        self.size
    }

    /// Whether this is the stored frontier.
    pub(crate) fn has(&self, frontier: &[u8]) -> bool {
        self.frontier.as_flattened() == frontier
    }

    /// The frontier as stored.
    pub(crate) fn frontier(&self) -> Vec<u8> {
        self.frontier.concat()
    }

    /// Adds a leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        // The perfect subtrees at the right end, one for each trailing set bit, join with the new leaf to one.
        let joined = self.size.trailing_ones() as usize;
        let kept = self.frontier.len().saturating_sub(joined);
        let root = self
            .frontier
            .drain(kept..)
            .rev()
            .fold(leaf, |right, left| node(&left, &right));
        self.frontier.push(root);
        self.size += 1;
    }

    /// What stands from leaf `start` on, as a tree of its own; `None` if a perfect subtree of this one reaches across.
    pub(crate) fn tail(&self, start: i64) -> Option<Self> {
        let mut begin = 0;
        for at in 0..=self.frontier.len() {
            if begin == start {
                return Some(Self {
                    size: self.size - start,
                    frontier: self.frontier[at..].to_vec(),
                });
            }
            let rest = self.size - begin;
            begin += if rest > 0 { 1 << rest.ilog2() } else { 0 };
        }
        None
    }

    /// The perfect subtree that the leaf is in, and its root; `None` if the tree has no such leaf.
    pub(crate) fn perfect(&self, leaf: i64) -> Option<(Span, Hash)> {
        let mut begin = 0;
        for root in &self.frontier {
            let end = begin + (1 << (self.size - begin).ilog2());
            if (begin..end).contains(&leaf) {
                return Some((begin..end, *root));
            }
            begin = end;
        }
        None
    }

    /// Its root.
    pub(crate) fn root(&self) -> Hash {
        let root = self
            .frontier
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node(&left, &right));
        root.unwrap_or_else(|| hash(&[]))
    }
}

/// The node above two.
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

/// The hash of what went into the context.
pub(crate) fn finish(context: digest::Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests;
