//! A partition that is ours, and how far it has come.

use std::collections::BTreeMap;

use crate::consumer::End;

/// A partition that is ours.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    /// Everything up to here was delivered.
    pub(crate) seen: i64,
    /// The offset after the last record that was delivered; none was, yet.
    pub(crate) next: Option<i64>,
    /// What was delivered and is neither done nor parked: positions, and the offsets of the records.
    pub(crate) open: BTreeMap<i64, i64>,
    /// Records are missing behind those that were delivered.
    pub(crate) is_torn: bool,
    /// The mark, as it is written down.
    pub(crate) saved: i64,
    /// The offset, as it was last committed.
    pub(crate) committed: Option<i64>,
}

impl Partition {
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
}
