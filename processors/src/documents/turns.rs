//! Turns at what only a few can do at once, shared out among owners: nobody's pile of files keeps others waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot::{self, error::RecvError};
use uuid::Uuid;

/// Gives out turns. Cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Who waits, by owner: the first owner is the next. Nobody waits while a turn is free.
    waiting: VecDeque<(Uuid, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A turn. When it is dropped, it is somebody else's.
pub(super) struct Turn(Turns);

impl Turns {
    /// So many turns at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: at_once.max(1),
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a turn. Owners come in rotation, what is one owner's in the order in which it was asked for.
    pub(super) async fn take(&self, owner: Uuid) -> Result<Turn, RecvError> {
        let turn = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(self.clone()));
            }
            let (sender, turn) = oneshot::channel();
            match state.waiting.iter_mut().find(|(other, _)| *other == owner) {
                Some((_, theirs)) => theirs.push_back(sender),
                None => state.waiting.push_back((owner, VecDeque::from([sender]))),
            }
            turn
        };
        turn.await
    }

    /// Who is next; where nobody waits, the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((owner, mut theirs)) = state.waiting.pop_front() else {
            state.free += 1;
            return None;
        };
        let next = theirs.pop_front();
        if !theirs.is_empty() {
            state.waiting.push_back((owner, theirs));
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(next) = self.0.next() {
            // Whoever does not wait any more does not take it: then it is dropped here, and goes on to the next.
            drop(next.send(Self(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::mpsc, task::JoinSet};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Lets these owners ask one after the other while the only turn is taken, and tells in which order they have theirs.
    async fn order(owners: &[u128]) -> Vec<u128> {
        let (turns, (had, mut order)) = (Turns::new(1), mpsc::unbounded_channel());
        let first = turns.take(Uuid::nil()).await.unwrap();
        let mut asking = JoinSet::new();
        for (n, owner) in owners.iter().copied().enumerate() {
            let (asked, had) = (turns.clone(), had.clone());
            asking.spawn(async move {
                let _turn = asked.take(Uuid::from_u128(owner)).await.unwrap();
                had.send(owner).unwrap();
            });
            let waits = || -> usize {
                let state = turns.0.lock().unwrap();
                state.waiting.iter().map(|(_, theirs)| theirs.len()).sum()
            };
            while waits() <= n {
                tokio::task::yield_now().await;
            }
        }
        drop(first);
        tokio::time::timeout(PATIENCE, asking.join_all()).await.unwrap();
        order.close();
        std::iter::from_fn(|| order.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn owners_come_in_rotation() {
        assert_eq!(order(&[1, 1, 1, 2, 2, 3]).await, [1, 2, 3, 1, 2, 1]);
        assert_eq!(order(&[1, 1, 1]).await, [1, 1, 1]);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_is_passed_over() {
        let turns = Turns::new(1);
        let first = turns.take(Uuid::nil()).await.unwrap();
        {
            let mut gone = Box::pin(turns.take(Uuid::nil()));
            assert!(futures_util::poll!(&mut gone).is_pending());
        }
        let mut patient = Box::pin(turns.take(Uuid::nil()));
        assert!(futures_util::poll!(&mut patient).is_pending());
        drop(first);
        let second = tokio::time::timeout(PATIENCE, patient).await.unwrap().unwrap();
        drop(second);
        assert_eq!(turns.0.lock().unwrap().free, 1);
    }
}
