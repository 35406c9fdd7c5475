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
