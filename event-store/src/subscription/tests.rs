//! Subscriptions.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    parked::{self, Parked},
    sample::{Sample, another, note},
};

type Decide = Box<dyn Fn(&Event, usize) -> Outcome + Send + Sync>;

/// Remembers what it was given, and answers as it is told to.
struct Recorder {
    concurrency: usize,
    /// Position and stream of what was done.
    done: Mutex<Vec<(i64, String)>>,
    tries: Mutex<HashMap<i64, usize>>,
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
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let tried = {
            let mut tries = self.tries.lock().unwrap();
            let tried = tries.entry(event.position).or_default();
            *tried += 1;
            *tried
        };
        tokio::time::sleep(Duration::from_millis(event.position as u64 % 3)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let outcome = (self.decide)(event, tried);
        if outcome == Outcome::Done {
            self.done.lock().unwrap().push((event.position, event.stream.clone()));
        }
        outcome
    }
}

impl Recorder {
    fn new(concurrency: usize, decide: impl Fn(&Event, usize) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            concurrency,
            done: Mutex::default(),
            tries: Mutex::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            decide: Box::new(decide),
        })
    }

    fn done(&self) -> usize {
        self.done.lock().unwrap().len()
    }

    fn start(self: &Arc<Self>, journal: &Journal) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        (
            stop.clone(),
            tokio::spawn(subscribe(journal.clone(), self.clone(), stop)),
        )
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} never came about");
}

async fn write(journal: &Journal, streams: usize, events: i64) {
    for version in 0..events {
        let appends = (0..streams).map(|stream| journal.append(note(&format!("s{stream}"), version)));
        for answer in futures_util::future::join_all(appends).await {
            answer.unwrap();
        }
    }
}

async fn parked(sample: &Sample) -> Vec<Parked> {
    parked::list(sample.database.database(), None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_comes_once_and_in_its_streams_order() {
    let sample = Sample::new().await;
    let recorder = Recorder::new(4, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&sample.journal);
    write(&sample.journal, 20, 30).await;
    until("the end", async || recorder.done() == 600).await;
    stop.cancel();
    task.await.unwrap();
    let done = recorder.done.lock().unwrap().clone();
    let mut last = HashMap::new();
    for (position, stream) in done.iter() {
        assert!(last.insert(stream, *position).is_none_or(|before| before < *position));
    }
    assert_eq!(
        done.iter().map(|(position, _)| position).collect::<HashSet<_>>().len(),
        600
    );
    assert!(recorder.most.load(Ordering::SeqCst) <= 4);
    let saved: i64 = sqlx::query_scalar("SELECT position FROM es.subscriptions")
        .fetch_one(sample.database.database().pool())
        .await
        .unwrap();
    assert_eq!(saved, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_stop_it_goes_on_where_it_was() {
    let sample = Sample::new().await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    write(&sample.journal, 10, 20).await;
    for _ in 0..4 {
        let before = recorder.done();
        let (stop, task) = recorder.start(&sample.journal);
        until("some progress", async || recorder.done() >= (before + 20).min(200)).await;
        stop.cancel();
        task.await.unwrap();
    }
    let (stop, task) = recorder.start(&sample.journal);
    until("the end", async || recorder.done() >= 200).await;
    stop.cancel();
    task.await.unwrap();
    assert!(recorder.tries.lock().unwrap().values().all(|tries| *tries == 1));
    assert_eq!(recorder.done(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parking_blocks_nothing_and_can_be_undone() {
    let sample = Sample::new().await;
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let whole = mended.clone();
    let recorder = Recorder::new(1, move |event, tried| match (event.position % 10, tried) {
        (3, _) if !whole.load(Ordering::SeqCst) => Outcome::Park("it is broken".to_owned()),
        (5, _) if !whole.load(Ordering::SeqCst) => Outcome::RetryAfter(Duration::ZERO),
        (6, 1) => Outcome::RetryAfter(Duration::from_millis(1)),
        (7, _) if !whole.load(Ordering::SeqCst) => panic!("it is broken"),
        _ => Outcome::Done,
    });
    let (stop, task) = recorder.start(&sample.journal);
    write(&sample.journal, 2, 20).await;
    until("all others", async || recorder.done() == 28).await;
    until("all parked", async || parked(&sample).await.len() == 12).await;
    for parked in parked(&sample).await {
        let expected = match parked.position % 10 {
            3 => ("it is broken", 1),
            5 => ("tried too often", 3),
            _ => ("the handler panicked", 1),
        };
        assert_eq!((parked.reason.as_str(), parked.attempts), expected);
    }
    mended.store(true, Ordering::SeqCst);
    let first = parked(&sample).await[0].id;
    assert_eq!(
        parked::drop(sample.database.database(), Some(&[first])).await.unwrap(),
        1
    );
    assert_eq!(parked::replay(sample.database.database(), None).await.unwrap(), 11);
    until("an empty table", async || parked(&sample).await.is_empty()).await;
    assert_eq!(recorder.done(), 39);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_runs_it_and_another_takes_over() {
    let sample = Sample::new().await;
    let other = another(&sample.database).await;
    let recorder = Recorder::new(1, |_, _| Outcome::Done);
    let (first_stop, first) = recorder.start(&sample.journal);
    write(&sample.journal, 1, 5).await;
    until("the first five", async || recorder.done() == 5).await;
    let (second_stop, second) = recorder.start(&other);
    for version in 5..10 {
        sample.journal.append(note("s0", version)).await.unwrap();
    }
    until("the next five", async || recorder.done() == 10).await;
    first_stop.cancel();
    first.await.unwrap();
    for version in 10..15 {
        sample.journal.append(note("s0", version)).await.unwrap();
    }
    until("the last five", async || recorder.done() == 15).await;
    second_stop.cancel();
    second.await.unwrap();
    assert!(recorder.tries.lock().unwrap().values().all(|tries| *tries == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_survives_the_loss_of_its_connections() {
    let sample = Sample::new().await;
    let recorder = Recorder::new(2, |_, _| Outcome::Done);
    let (stop, task) = recorder.start(&sample.journal);
    write(&sample.journal, 5, 2).await;
    until("the first ten", async || recorder.done() >= 10).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name IN ('spendlog-subscription', 'spendlog-listener')";
    sqlx::query(cut)
        .execute(sample.database.database().pool())
        .await
        .unwrap();
    for version in 2..4 {
        for stream in 0..5 {
            sample
                .journal
                .append(note(&format!("s{stream}"), version))
                .await
                .unwrap();
        }
    }
    let all = || {
        recorder
            .done
            .lock()
            .unwrap()
            .iter()
            .map(|(position, _)| *position)
            .collect::<HashSet<_>>()
            .len()
    };
    until("all twenty", async || all() == 20).await;
    stop.cancel();
    task.await.unwrap();
}
