//! What the server keeps: streams, the log of all of them, and how far each group has come.

use std::collections::{BTreeSet, HashMap, VecDeque};

use uuid::Uuid;

use crate::messages::{ExpectedStreamRevision, ProposedMessage, UuidValue};

/// An event as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) stream: String,
    pub(crate) revision: u64,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) custom_metadata: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

/// A group of a persistent subscription to all streams.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The index of the next event that was never delivered.
    next: usize,
    /// What has to be delivered again.
    again: VecDeque<usize>,
    /// What was delivered and not acknowledged.
    in_flight: BTreeSet<usize>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) log: Vec<Kept>,
    pub(crate) groups: HashMap<String, Group>,
}

impl Store {
    pub(crate) fn stream(&self, name: &str) -> Vec<&Kept> {
        self.log.iter().filter(|event| event.stream == name).collect()
    }

    /// Appends as the real one does: all or nothing, at the expected revision, and once. The newest revision, or else what
    /// it is in truth.
    pub(crate) fn append(
        &mut self,
        stream: &str,
        expected: ExpectedStreamRevision,
        events: Vec<ProposedMessage>,
    ) -> Result<u64, Option<u64>> {
        let there = self.stream(stream);
        let current = u64::try_from(there.len()).expect("a short stream").checked_sub(1);
        let from = match expected {
            ExpectedStreamRevision::Revision(revision) => revision + 1,
            ExpectedStreamRevision::NoStream(_) => 0,
            ExpectedStreamRevision::Any(_) => there.len() as u64,
            ExpectedStreamRevision::StreamExists(_) => current.map(|current| current + 1).ok_or(current)?,
        };
        if from != there.len() as u64 {
            // What was appended before, whole and by the same ids, is appended.
            let from = usize::try_from(from).expect("a short stream");
            let same =
                |(n, event): (usize, &ProposedMessage)| there.get(from + n).is_some_and(|kept| kept.id == id(event));
            let done = events.iter().enumerate().all(same);
            return if done {
                Ok((from + events.len()) as u64 - 1)
            } else {
                Err(current)
            };
        }
        let mut revision = from;
        for event in events {
            self.log.push(Kept {
                id: id(&event),
                stream: stream.to_owned(),
                revision,
                metadata: event.metadata,
                custom_metadata: event.custom_metadata,
                data: event.data,
            });
            revision += 1;
        }
        Ok(revision - 1)
    }

    /// The next event for a consumer of the group, if it may have one more.
    pub(crate) fn deliver(&mut self, group: &str, most: usize) -> Option<(usize, Kept)> {
        let log = &self.log;
        let group = self.groups.get_mut(group)?;
        if group.in_flight.len() >= most {
            return None;
        }
        let index = group.again.pop_front().or_else(|| {
            while log.get(group.next)?.metadata["type"].starts_with('$') {
                group.next += 1;
            }
            group.next += 1;
            Some(group.next - 1)
        })?;
        group.in_flight.insert(index);
        Some((index, log[index].clone()))
    }

    pub(crate) fn acknowledge(&mut self, group: &str, id: Uuid) {
        let Self { log, groups } = self;
        let group = groups.get_mut(group).expect("a group that is read");
        group.in_flight.retain(|index| log[*index].id != id);
    }

    /// A consumer is gone: what it had is for the next one.
    pub(crate) fn abandon(&mut self, group: &str, had: &BTreeSet<usize>) {
        let group = self.groups.get_mut(group).expect("a group that was read");
        let left: Vec<usize> = group.in_flight.intersection(had).copied().collect();
        for index in left.into_iter().rev() {
            group.in_flight.remove(&index);
            group.again.push_front(index);
        }
    }
}

fn id(event: &ProposedMessage) -> Uuid {
    uuid(event.id.as_ref().expect("an event has an id"))
}

/// An id as it came over the wire.
pub(crate) fn uuid(id: &crate::messages::Uuid) -> Uuid {
    match id.value.as_ref().expect("an id") {
        UuidValue::String(text) => text.parse().expect("a UUID"),
        UuidValue::Structured(halves) => Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        ),
    }
}
