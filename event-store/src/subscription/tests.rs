//! The journal's own feed.

use super::*;
use crate::testing::{
    TestDatabase,
    contract::{self, Recorder, Stage, until, write},
};

struct Own(TestDatabase);

#[async_trait]
impl Stage for Own {
    fn database(&self) -> &TestDatabase {
        &self.0
    }

    async fn feed(&self, journal: &Journal) -> Arc<dyn Feed> {
        Arc::new(journal.clone())
    }
}

crate::feed_contract!(Own(TestDatabase::new().await));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_does_all_of_it() {
    let database = TestDatabase::new().await;
    let (first, second) = (contract::journal(&database).await, contract::journal(&database).await);
    let own = Recorder::new(1, |_, _| crate::Outcome::Done);
    let (stop, task) = own.start(&(Arc::new(first.clone()) as Arc<dyn Feed>));
    write(&first, 1, 0..5).await;
    until("the first five", async || own.done() == 5).await;
    let other = Recorder::new(1, |_, _| crate::Outcome::Done);
    let (other_stop, other_task) = other.start(&(Arc::new(second) as Arc<dyn Feed>));
    write(&first, 1, 5..10).await;
    until("the next five", async || own.done() == 10).await;
    assert_eq!(other.done(), 0);
    stop.cancel();
    task.await.unwrap();
    write(&first, 1, 10..15).await;
    until("the last five", async || other.done() == 5).await;
    other_stop.cancel();
    other_task.await.unwrap();
    assert_eq!(
        subscription_position(database.database(), "recorder").await.unwrap(),
        15
    );
}

/// An event, and what handles it.
async fn one_in_hand(recorder: &Arc<Recorder>) -> Lanes<()> {
    let database = TestDatabase::new().await;
    let journal = contract::journal(&database).await;
    write(&journal, 1, 0..1).await;
    let mut lanes = Lanes::new(recorder.clone());
    lanes.take(journal.event(1).await.unwrap().unwrap(), ());
    lanes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letting_go_of_others_cuts_no_pause_short() {
    const PAUSE: Duration = Duration::from_millis(800);
    let recorder = Recorder::new(1, |_, tried| match tried {
        1 => crate::Outcome::RetryAfter(PAUSE),
        _ => crate::Outcome::Done,
    });
    let mut lanes = one_in_hand(&recorder).await;
    let begun = Instant::now();
    let early = tokio::time::timeout(PAUSE / 2, lanes.settled()).await;
    assert!(early.is_err(), "{early:?}");
    lanes.forgo(|_| false);
    assert_eq!(lanes.settled().await.attempts, 2);
    assert!(begun.elapsed() >= PAUSE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_when_it_is_let_go_of_is_not_tried_again() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let recorder = Recorder::new(1, move |_, _| {
        let _gone = tokio::task::block_in_place(|| wait.lock().unwrap().recv());
        crate::Outcome::RetryAfter(Duration::ZERO)
    });
    let mut lanes = one_in_hand(&recorder).await;
    let early = tokio::time::timeout(Duration::from_millis(300), lanes.settled()).await;
    assert!(early.is_err(), "{early:?}");
    lanes.forgo(|_| true);
    assert!(lanes.holds(|_| true), "it runs");
    drop(go);
    let settled = lanes.settled_while_held(|_| true).await;
    assert!(settled.is_none(), "{settled:?}");
    assert!(!lanes.holds(|_| true) && recorder.once());
}
