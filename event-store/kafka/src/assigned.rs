//! A partition that is ours, and how far it has come.

use std::collections::BTreeMap;

use crate::{consumer::End, record::Delivered};

/// A partition that is ours.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    /// Everything up to here was delivered.
    pub(crate) seen: i64,
    /// The offset after the last record that was delivered, before any that are missing; none was, yet.
    pub(crate) next: Option<i64>,
    /// What was delivered and is neither done nor parked: positions, and the offsets of the records.
    pub(crate) open: BTreeMap<i64, i64>,
    /// Records are missing behind those that were delivered: somebody made the topic anew, or deleted them.
    pub(crate) is_torn: bool,
    /// The mark, as it is written down.
    pub(crate) saved: i64,
    /// The offset, as it was last committed.
    pub(crate) committed: Option<i64>,
}

/// What a record is to its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The next one.
    Next,
    /// One that was delivered before.
    Before,
    /// One behind others that are missing. It comes again when they have come, or in the topic that takes the place of this one.
    Torn,
    /// One that the journal does not have.
    Ahead,
}

impl Partition {
    /// Takes a record that was delivered; `newest` is the journal's newest position. One that does not say which one is before it
    /// is taken for the next only where none is known to be missing.
    pub(crate) fn take(&mut self, record: &Delivered, newest: i64) -> Taken {
        let misses = record.previous.map_or(self.is_torn, |previous| previous > self.seen);
        if record.position > self.seen && misses {
            self.is_torn = true;
            return Taken::Torn;
        }
        let taken = if record.position > newest {
            Taken::Ahead
        } else if record.position <= self.seen {
            Taken::Before
        } else {
            (self.seen, self.is_torn) = (record.position, false);
            Taken::Next
        };
        self.pass(record.offset);
        taken
    }

    /// Goes past the record at this offset; not while others before it are missing, or else they would count as read.
    pub(crate) fn pass(&mut self, offset: i64) {
        if !self.is_torn {
            self.next = Some(offset + 1);
        }
    }

    /// Everything up to here is done.
    pub(crate) fn mark(&self) -> i64 {
        self.open.first_key_value().map_or(self.seen, |(first, _)| first - 1)
    }

    /// The offset after the last record up to which everything is done.
    pub(crate) fn offset(&self) -> Option<i64> {
        self.open.first_key_value().map(|(_, offset)| *offset).or(self.next)
    }

    /// Whether all that there is up to this end was delivered, to us or to somebody who was done with it: and not less than
    /// this is known to have been there, or else some of it is lost.
    pub(crate) fn is_over(&self, end: &End, least: i64) -> bool {
        end.offset >= least && self.next.max(end.committed).unwrap_or_default() >= end.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_over_where_all_that_was_ever_there_was_delivered() {
        let partition = |next| Partition {
            next,
            ..Partition::default()
        };
        let end = |offset, committed| End {
            partition: 0,
            offset,
            committed,
        };
        assert!(partition(None).is_over(&end(0, None), 0), "nothing was ever there");
        assert!(partition(Some(7)).is_over(&end(7, None), 7));
        assert!(partition(Some(9)).is_over(&end(9, Some(4)), 7));
        assert!(
            partition(None).is_over(&end(7, Some(7)), 7),
            "somebody else was done with it"
        );
        assert!(!partition(Some(6)).is_over(&end(7, Some(5)), 7), "more is to come");
        assert!(!partition(None).is_over(&end(7, None), 0));
        // Somebody made the topic anew, or some of it is lost.
        assert!(!partition(None).is_over(&end(0, None), 7));
        assert!(!partition(Some(7)).is_over(&end(5, Some(7)), 7));
    }

    #[test]
    fn behind_missing_records_nothing_counts_as_read_before_they_have_come() {
        let mut partition = Partition {
            seen: 5,
            next: Some(2),
            ..Partition::default()
        };
        let mut take = |offset, position, previous| {
            let record = Delivered {
                partition: 0,
                offset,
                position,
                previous,
                event: None,
            };
            (partition.take(&record, 20), partition.next)
        };
        assert_eq!(take(2, 9, Some(7)), (Taken::Torn, Some(2)), "7 is missing");
        assert_eq!(take(3, 9, None), (Taken::Torn, Some(2)), "it does not say that none is");
        assert_eq!(take(4, 4, Some(3)), (Taken::Before, Some(2)));
        assert_eq!(take(5, 99, Some(5)), (Taken::Ahead, Some(2)));
        assert_eq!(take(6, 7, Some(5)), (Taken::Next, Some(7)), "it was published again");
        assert_eq!(take(7, 9, Some(7)), (Taken::Next, Some(8)));
        assert_eq!(take(8, 11, None), (Taken::Next, Some(9)), "none is missing any more");
        assert_eq!(partition.seen, 11);
    }

    #[test]
    fn what_is_none_of_ours_behind_missing_records_does_not_make_the_partition_read() {
        let mut partition = Partition {
            next: Some(2),
            is_torn: true,
            ..Partition::default()
        };
        partition.pass(3);
        let end = End {
            partition: 0,
            offset: 4,
            committed: Some(2),
        };
        assert!(!partition.is_over(&end, 2));
    }
}
