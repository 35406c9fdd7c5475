//! A thing's versions while a batch is folded: what is stored, what the batch adds.

use crate::OPEN_END;

/// The versions of one thing. The stored rows tile the positions without a gap; so do they with what is added here.
#[derive(Debug)]
pub(crate) struct Versions<T> {
    live: Option<(i64, T)>,
    /// Where the stored row begins that held before the batch.
    stored: Option<i64>,
    /// Where it ends now.
    closed_at: Option<i64>,
    done: Vec<(i64, i64, T)>,
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self {
            live: None,
            stored: None,
            closed_at: None,
            done: Vec::new(),
        }
    }
}

impl<T> Versions<T> {
    /// The thing as stored, in a row that begins at `from`.
    pub(crate) fn stored(from: i64, value: T) -> Self {
        Self {
            live: Some((from, value)),
            stored: Some(from),
            closed_at: None,
            done: Vec::new(),
        }
    }

    /// What holds now.
    pub(crate) fn live(&self) -> Option<&T> {
        self.live.as_ref().map(|(_, value)| value)
    }

    /// From this position on, this holds. Positions never go back; at the same position the later word counts.
    pub(crate) fn set(&mut self, position: i64, value: T) {
        match self.live.take() {
            Some((from, _)) if from == position && self.stored != Some(from) => {}
            Some((from, _)) if self.stored == Some(from) => self.closed_at = Some(position),
            Some((from, before)) => self.done.push((from, position, before)),
            None => {}
        }
        self.live = Some((position, value));
    }

    /// The stored row that ends: where it begins, and where it ends now.
    pub(crate) fn closed(&self) -> Option<(i64, i64)> {
        Some((self.stored?, self.closed_at?))
    }

    /// The rows to be added: from, to, value.
    pub(crate) fn added(&self) -> impl Iterator<Item = (i64, i64, &T)> {
        let open = self
            .live
            .iter()
            .filter(|(from, _)| self.stored != Some(*from))
            .map(|(from, value)| (*from, OPEN_END, value));
        self.done
            .iter()
            .map(|(from, to, value)| (*from, *to, value))
            .chain(open)
    }
}
