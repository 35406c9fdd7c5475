//! A handler on the journal's own feed, in this process: its connections are cut, and the database is restarted beneath it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use spendlog_event_store::{
    Database, Event, Feed as _, Handler, Journal, Keyring, MasterKey, Outcome, SealPlans, subscription_position,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::DEADLINE;

const NAME: &str = "torture";

/// What it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Handled {
    /// Position and stream of each event, in the order in which they came.
    pub(super) events: Vec<(i64, String)>,
    /// Up to here all was written down as done, when somebody looked last.
    done: i64,
    /// How many events came again that were written down as done.
    pub(super) again: u64,
}

#[derive(Default)]
struct Recorder(Mutex<Handled>);

impl Recorder {
    fn change<T>(&self, change: impl FnOnce(&mut Handled) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Handler for Recorder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, _: &str, _: &str) -> bool {
        true
    }

    fn concurrency(&self) -> usize {
        4
    }

    async fn handle(&self, event: &Event) -> Outcome {
        self.change(|handled| {
            handled.again += u64::from(event.position <= handled.done);
            handled.events.push((event.position, event.stream.clone()));
        });
        Outcome::Done
    }
}

/// A handler at work.
pub(super) struct Handling {
    recorder: Arc<Recorder>,
    stop: CancellationToken,
    working: JoinHandle<()>,
}

impl Handling {
    /// Begins with the first event of the journal at this address. The master key is that of the servers, in their folder.
    pub(super) async fn begin(address: &str, data: &Path) -> Self {
        let database = Database::connect(address, 2).await.expect("PostgreSQL is there");
        let master_key = MasterKey::read_or_create(&data.join("master.key")).expect("the servers have a master key");
        let keyring = Keyring::open(&database, master_key).await.expect("the keys open");
        // Nothing is sealed here, only opened: that needs no plans.
        let plans = SealPlans::new([]).expect("no plans are plans");
        let journal = Journal::open(database, keyring, plans)
            .await
            .expect("the journal opens");
        let (recorder, stop) = (Arc::new(Recorder::default()), CancellationToken::new());
        let (handler, stopped) = (recorder.clone(), stop.clone());
        let working = tokio::spawn(async move {
            tokio::select! {
                () = journal.subscribe(handler.clone(), stopped) => {}
                () = look(journal.database(), &handler) => {}
            }
        });
        Self {
            recorder,
            stop,
            working,
        }
    }

    /// Ends when everything up to this position is written down as done, or when it takes too long.
    pub(super) async fn ended(self, head: u64) -> Handled {
        let reached = async {
            while self.recorder.change(|handled| handled.done.unsigned_abs()) < head {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _too_long_is_seen_by_what_is_missing = tokio::time::timeout(DEADLINE, reached).await;
        self.stop.cancel();
        self.working.await.expect("the subscription ends");
        self.recorder.change(|handled| handled.clone())
    }
}

/// Looks again and again how far the subscription is, by what is written down of it.
async fn look(database: &Database, recorder: &Recorder) {
    loop {
        // While connections are cut nothing can be seen.
        if let Ok(position) = subscription_position(database, NAME).await {
            recorder.change(|handled| handled.done = position);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
