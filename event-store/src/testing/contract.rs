//! What every [`Feed`] must hold, as tests: [`feed_contract!`](crate::feed_contract) makes them of a [`Stage`], so that
//! all transports are put through the same.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::TestDatabase;
use crate::{
    Append, Database, Event, Expect, Feed, Handler, Journal, Keyring, MasterKey, NewEvent, Origin, Outcome, SealPlans,
    StreamAppend, StreamId,
    parked::{self, Parked},
};

/// How long anything may take before the test fails. Generous: a busy machine must not fail a right program.
const DEADLINE: Duration = Duration::from_secs(90);

/// A database, and the transport under test on it.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The database.
    fn database(&self) -> &TestDatabase;

    /// The transport, as a process with this journal would have it.
    async fn feed(&self, journal: &Journal) -> Arc<dyn Feed>;
}

/// Makes a test of each clause of the contract. The argument is an expression for a [`Stage`], evaluated for each test.
#[macro_export]
macro_rules! feed_contract {
    ($stage:expr) => {
        $crate::feed_contract!($stage =>
            each_event_comes_once_and_in_its_streams_order
            after_a_stop_it_goes_on_where_it_was
            parking_blocks_nothing_and_can_be_undone
            another_process_takes_part_and_takes_over
            it_survives_the_loss_of_its_connections);
    };
    ($stage:expr => $($clause:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                $crate::testing::contract::$clause(&$stage).await;
            }
        )*
    };
}

/// A journal on this database, as a process of its own would have it, of a made-up feature: notes.
pub async fn journal(database: &TestDatabase) -> Journal {
    journal_at(database.url()).await
}

/// The same by the database's address.
pub async fn journal_at(url: &str) -> Journal {
    let database = Database::connect(url, 4).await.expect("the database takes connections");
    let schema = json!({"oneOf": [{"type": "object", "properties": {"note.written": {"type": "object", "properties": {
        "text": {"type": "string"},
    }}}}]});
    let plans = SealPlans::new([("note.written", "1", &schema)]).expect("the schema is one");
    let master_key = MasterKey::from_hex(&"5a".repeat(32)).expect("the key is one");
    let keyring = Keyring::open(&database, master_key).await;
    let journal = Journal::open(database, keyring.expect("the keys open"), plans);
    journal.await.expect("the journal opens")
}

/// A command that writes a note to this stream. Each stream has an owner of its own.
pub fn note(stream: usize, version: i64) -> Append {
    let event = NewEvent {
        event_type: "note.written".to_owned(),
        version: "1".to_owned(),
        payload: json!({"note.written": {"text": "bread and butter"}}),
    };
    Append {
        command_id: Uuid::now_v7(),
        origin: Origin {
            actor: "usr_test".to_owned(),
            correlation: Uuid::from_u128(7),
            causation: Some(3),
            request: None,
        },
        streams: vec![StreamAppend {
            stream: StreamId {
                kind: "note",
                id: format!("s{stream}"),
            },
            owner: Uuid::from_u128(stream as u128 + 1),
            expect: Expect::Version(version),
            events: vec![event],
        }],
        guards: Vec::new(),
    }
}

/// Writes the notes of these versions to each of so many streams.
pub async fn write(journal: &Journal, streams: usize, versions: std::ops::Range<i64>) {
    for version in versions {
        let appends = (0..streams).map(|stream| journal.append(note(stream, version)));
        for answer in futures_util::future::join_all(appends).await {
            answer.expect("the note is written");
        }
    }
}

/// Waits until this holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "{what} never came about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

type Decide = Box<dyn Fn(&Event, usize) -> Outcome + Send + Sync>;

/// Remembers what it was given, and answers as it is told to.
pub struct Recorder {
    concurrency: usize,
    /// Position and stream of what was done.
    done: Mutex<Vec<(i64, String)>>,
    /// How often each event was tried.
    tries: Mutex<BTreeMap<i64, usize>>,
    running: AtomicUsize,
    most: AtomicUsize,
    decide: Decide,
}

#[async_trait]
impl Handler for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn wants(&self, _: &str, event_type: &str) -> bool {
        event_type == "note.written"
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn attempts(&self) -> u32 {
        3
    }

    async fn handle(&self, event: &Event) -> Outcome {
        assert!(event.payload.contains("bread and butter"), "what is sealed was opened");
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let tried = {
            let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
            let tried = tries.entry(event.position).or_default();
            *tried += 1;
            *tried
        };
        tokio::time::sleep(Duration::from_millis(event.position.unsigned_abs() % 3)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let outcome = (self.decide)(event, tried);
        if outcome == Outcome::Done {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((event.position, event.stream.clone()));
        }
        outcome
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({} done)", self.done())
    }
}

impl Recorder {
    /// One that handles so many events at the same time and decides like this, by the event and the number of the try.
    pub fn new(concurrency: usize, decide: impl Fn(&Event, usize) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            concurrency,
            done: Mutex::default(),
            tries: Mutex::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            decide: Box::new(decide),
        })
    }

    /// Positions and streams of what was done, in the order in which it was.
    pub fn all(&self) -> Vec<(i64, String)> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often something was done.
    pub fn done(&self) -> usize {
        self.all().len()
    }

    /// How many events were done.
    pub fn distinct(&self) -> usize {
        self.all()
            .iter()
            .map(|(position, _)| position)
            .collect::<HashSet<_>>()
            .len()
    }

    /// Whether each event was tried once.
    pub fn once(&self) -> bool {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.values().all(|tries| *tries == 1)
    }

    /// Subscribes to this feed.
    pub fn start(self: &Arc<Self>, feed: &Arc<dyn Feed>) -> (CancellationToken, JoinHandle<()>) {
        let (stop, feed, handler) = (CancellationToken::new(), feed.clone(), self.clone());
        let stopped = stop.clone();
        (
            stop,
            tokio::spawn(async move { feed.subscribe(handler, stopped).await }),
        )
    }

    /// Asserts that the events of each stream were done in their order.
    fn in_order(&self) {
        let mut last = BTreeMap::new();
        for (position, stream) in self.all() {
            let before = last.insert(stream, position);
            assert!(
                before.is_none_or(|before| before < position),
                "{position} came after {before:?}"
            );
        }
    }
}

async fn end((stop, task): (CancellationToken, JoinHandle<()>)) {
    stop.cancel();
    task.await.expect("the subscription ends");
}

async fn parked(database: &TestDatabase) -> Vec<Parked> {
    parked::list(database.database(), None)
        .await
        .expect("they can be listed")
}

/// Each event comes once, after those of its stream, and no more at a time than the handler allows.
pub async fn each_event_comes_once_and_in_its_streams_order(stage: &impl Stage) {
    let journal = journal(stage.database()).await;
    let feed = stage.feed(&journal).await;
    let recorder = Recorder::new(4, |_, _| Outcome::Done);
    let running = recorder.start(&feed);
    write(&journal, 20, 0..30).await;
    until("the end", async || recorder.done() >= 600).await;
    end(running).await;
    recorder.in_order();
    assert_eq!((recorder.done(), recorder.distinct()), (600, 600));
    assert!(recorder.most.load(Ordering::SeqCst) <= 4);
    // Its progress was written down: whoever begins now has nothing to do.
    let running = recorder.start(&feed);
    write(&journal, 1, 30..31).await;
    until("one more", async || recorder.done() > 600).await;
    end(running).await;
    assert_eq!(recorder.done(), 601);
}

/// Stopped and begun again, it leaves nothing out and does nothing twice.
pub async fn after_a_stop_it_goes_on_where_it_was(stage: &impl Stage) {
    let journal = journal(stage.database()).await;
    let feed = stage.feed(&journal).await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    write(&journal, 10, 0..20).await;
    for _ in 0..4 {
        let before = recorder.done();
        let running = recorder.start(&feed);
        until("some progress", async || recorder.done() >= (before + 20).min(200)).await;
        end(running).await;
    }
    let running = recorder.start(&feed);
    until("the end", async || recorder.done() >= 200).await;
    end(running).await;
    assert!(recorder.once());
    assert_eq!(recorder.done(), 200);
}

/// An event that can't be handled is parked with its reason, holds up nothing, and can be handled again or dropped.
pub async fn parking_blocks_nothing_and_can_be_undone(stage: &impl Stage) {
    let journal = journal(stage.database()).await;
    let feed = stage.feed(&journal).await;
    let mended = Arc::new(AtomicBool::new(false));
    let whole = mended.clone();
    let recorder = Recorder::new(1, move |event, tried| match (event.position % 10, tried) {
        (3, _) if !whole.load(Ordering::SeqCst) => Outcome::Park("it is broken".to_owned()),
        (5, _) if !whole.load(Ordering::SeqCst) => Outcome::RetryAfter(Duration::ZERO),
        (6, 1) => Outcome::RetryAfter(Duration::from_millis(1)),
        (7, _) if !whole.load(Ordering::SeqCst) => panic!("it is broken"),
        _ => Outcome::Done,
    });
    let running = recorder.start(&feed);
    write(&journal, 2, 0..20).await;
    until("all others", async || recorder.done() == 28).await;
    until("all parked", async || parked(stage.database()).await.len() == 12).await;
    for parked in parked(stage.database()).await {
        let expected = match parked.position % 10 {
            3 => ("it is broken", 1),
            5 => ("tried too often", 3),
            _ => ("the handler panicked", 1),
        };
        assert_eq!((parked.reason.as_str(), parked.attempts), expected);
    }
    mended.store(true, Ordering::SeqCst);
    let (db, first) = (stage.database().database(), parked(stage.database()).await[0].id);
    assert_eq!(parked::drop(db, Some(&[first])).await.expect("it can be dropped"), 1);
    assert_eq!(parked::replay(db, None).await.expect("they can be replayed"), 11);
    until("an empty table", async || parked(stage.database()).await.is_empty()).await;
    assert_eq!(recorder.done(), 39);
    end(running).await;
}

/// Another process that joins in takes no event a second time, and goes on alone when the first one ends.
pub async fn another_process_takes_part_and_takes_over(stage: &impl Stage) {
    let (first, second) = (journal(stage.database()).await, journal(stage.database()).await);
    let recorder = Recorder::new(2, |_, _| Outcome::Done);
    let running = recorder.start(&stage.feed(&first).await);
    write(&first, 10, 0..5).await;
    until("the first part", async || recorder.done() >= 50).await;
    let joined = recorder.start(&stage.feed(&second).await);
    write(&first, 10, 5..40).await;
    until("the second part", async || recorder.done() >= 400).await;
    end(running).await;
    write(&second, 10, 40..45).await;
    until("the last part", async || recorder.done() >= 450).await;
    end(joined).await;
    recorder.in_order();
    assert!(recorder.once());
    assert_eq!(recorder.done(), 450);
}

/// Connections to the database that are cut cost some events a second try, and none its first.
pub async fn it_survives_the_loss_of_its_connections(stage: &impl Stage) {
    let journal = journal(stage.database()).await;
    let feed = stage.feed(&journal).await;
    let recorder = Recorder::new(2, |_, _| Outcome::Done);
    let running = recorder.start(&feed);
    write(&journal, 5, 0..2).await;
    until("the first ten", async || recorder.done() >= 10).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'spendlog-%' AND application_name <> 'spendlog-journal'";
    let cut = sqlx::query(cut).execute(stage.database().database().pool()).await;
    cut.expect("the connections are cut");
    write(&journal, 5, 2..4).await;
    until("all twenty", async || recorder.distinct() == 20).await;
    end(running).await;
}
