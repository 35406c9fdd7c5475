//! The thread that polls Kafka for one subscription: records go to the subscription's task, what is to be committed comes back.
//!
//! A partition that is taken away waits, within limits, for what of it is being handled: the thread stands in the rebalance
//! until the task has answered.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc as sync_mpsc,
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
};
use spendlog_event_store::Handler;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    KafkaConfig, RecordError,
    record::{self, Delivered},
};

/// So many records are with the task at most before no more are polled.
const WINDOW: usize = 2000;
/// While the task has that many, nothing is polled for so long. Then fetching is stopped and polling goes on, so that we stay in
/// the group: that throws away what was fetched ahead, and takes its time to begin again.
const BRIEFLY: Duration = Duration::from_secs(2);
/// How often it is looked whether it has fewer.
const LOOK: Duration = Duration::from_millis(1);
/// How long a poll takes at most: so long a commit waits.
const POLL: Duration = Duration::from_millis(50);
/// How long the task may take to let go of partitions; then others get them all the same.
const LET_GO: Duration = Duration::from_secs(15);
/// How long the brokers may take to say where a partition ends.
const ASK: Duration = Duration::from_secs(1);

/// Where each partition is to be gone on with: the offset after the last record that is done with.
pub(crate) type Offsets = Vec<(i32, i64)>;

/// Where a partition ends, as the brokers say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) partition: i32,
    /// The offset after its last record.
    pub(crate) offset: i64,
    /// The offset up to which somebody was done with it.
    pub(crate) committed: Option<i64>,
}

/// What the thread tells the task.
pub(crate) enum News {
    /// These partitions are ours now, in addition.
    Assigned(Vec<i32>),
    /// These partitions are to go. What was done of them is to be committed before.
    Revoked(Vec<i32>, sync_mpsc::Sender<Offsets>),
    /// A record.
    Record(Delivered),
    /// The answer to [`Consumer::ask_ends`], as far as the brokers gave one. All records before these ends that were delivered
    /// were told before.
    Ends(Vec<End>),
    /// A record is none of ours.
    Foreign(RecordError),
    /// The consumer is of no use any more.
    Failed(KafkaError),
}

/// What the task asks the thread for.
enum Ask {
    Commit(Offsets),
    Ends(Vec<i32>),
    Stop(Offsets),
}

/// The thread, as the task sees it.
pub(crate) struct Consumer {
    asks: sync_mpsc::Sender<Ask>,
    news: mpsc::UnboundedReceiver<News>,
    /// How many records are with the task.
    in_hand: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Consumer {
    /// Joins the subscription's group.
    pub(crate) fn start(kafka: &KafkaConfig, topic: &str, handler: Arc<dyn Handler>) -> Result<Self, KafkaError> {
        let (asks, asked) = sync_mpsc::channel();
        let (sender, news) = mpsc::unbounded_channel();
        let in_hand = Arc::new(AtomicUsize::new(0));
        let context = Context { news: sender.clone() };
        let consumer: BaseConsumer<Context> = kafka.consumer(handler.name()).create_with_context(context)?;
        consumer.subscribe(&[topic])?;
        let polling = Polling {
            consumer,
            topic: topic.to_owned(),
            handler,
            news: sender,
            in_hand: in_hand.clone(),
            full_since: None,
            paused: BTreeSet::new(),
        };
        let thread = tokio::task::spawn_blocking(move || polling.run(&asked));
        Ok(Self {
            asks,
            news,
            in_hand,
            thread,
        })
    }

    /// The next news, and all others that are there, up to a limit.
    pub(crate) async fn news(&mut self, into: &mut Vec<News>) -> usize {
        self.news.recv_many(into, 500).await
    }

    /// So many records are no longer with the task.
    pub(crate) fn done(&self, count: usize) {
        self.in_hand.fetch_sub(count, Ordering::AcqRel);
    }

    /// Has offsets committed, without waiting for it.
    pub(crate) fn commit(&self, offsets: Offsets) {
        // A thread that has ended is noticed where its news are awaited.
        let _ended = self.asks.send(Ask::Commit(offsets));
    }

    /// Asks where these partitions end. While the answer is looked for nothing is polled, so one question at a time is enough.
    pub(crate) fn ask_ends(&self, partitions: Vec<i32>) {
        let _ended = self.asks.send(Ask::Ends(partitions));
    }

    /// Commits, leaves the group, and waits until others can have the partitions.
    pub(crate) async fn stop(self, offsets: Offsets) {
        let Self { asks, news, thread, .. } = self;
        let _ended = asks.send(Ask::Stop(offsets));
        // Nobody is asked any more whether a partition may go.
        drop(news);
        let _ended = thread.await;
    }
}

struct Context {
    news: mpsc::UnboundedSender<News>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        // The client goes on by itself; whether it does is seen by the lag.
        tracing::debug!(%error, reason, "Kafka's client reports an error");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                let _ended = self.news.send(News::Assigned(partitions(list)));
            }
            Rebalance::Revoke(list) => {
                let (answer, answered) = sync_mpsc::channel();
                if list.count() == 0 || self.news.send(News::Revoked(partitions(list), answer)).is_err() {
                    return;
                }
                match answered.recv_timeout(LET_GO) {
                    Ok(offsets) => commit(consumer, &topic_of(list), &offsets, CommitMode::Sync),
                    Err(_) => tracing::debug!("partitions went before what was being handled of them was done"),
                }
            }
            Rebalance::Error(error) => tracing::warn!(%error, "the partitions could not be shared out"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // In a rebalance that is usual. What was done is done: the marks say so.
            tracing::debug!(%error, "offsets were not committed");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

fn topic_of(list: &TopicPartitionList) -> String {
    list.elements()
        .first()
        .map(|element| element.topic().to_owned())
        .unwrap_or_default()
}

fn commit(consumer: &BaseConsumer<Context>, topic: &str, offsets: &Offsets, mode: CommitMode) {
    if offsets.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    let added = offsets
        .iter()
        .try_for_each(|(partition, offset)| list.add_partition_offset(topic, *partition, Offset::Offset(*offset)));
    if let Err(error) = added.and_then(|()| consumer.commit(&list, mode)) {
        tracing::debug!(%error, "offsets were not committed");
    }
}

/// What the thread has.
struct Polling {
    consumer: BaseConsumer<Context>,
    topic: String,
    handler: Arc<dyn Handler>,
    news: mpsc::UnboundedSender<News>,
    in_hand: Arc<AtomicUsize>,
    /// Since when enough is with the task.
    full_since: Option<Instant>,
    /// Partitions that are not fetched while that lasts.
    paused: BTreeSet<i32>,
}

impl Polling {
    fn run(mut self, asked: &sync_mpsc::Receiver<Ask>) {
        loop {
            loop {
                match asked.try_recv() {
                    Ok(Ask::Commit(offsets)) => commit(&self.consumer, &self.topic, &offsets, CommitMode::Async),
                    Ok(Ask::Ends(partitions)) => {
                        // While the broker is away there is no answer, and later another question.
                        let ends = self.ends(partitions).unwrap_or_default();
                        let _ended = self.news.send(News::Ends(ends));
                    }
                    Ok(Ask::Stop(offsets)) => {
                        commit(&self.consumer, &self.topic, &offsets, CommitMode::Sync);
                        return;
                    }
                    Err(sync_mpsc::TryRecvError::Empty) => break,
                    Err(sync_mpsc::TryRecvError::Disconnected) => return,
                }
            }
            if self.is_full() {
                std::thread::sleep(LOOK);
                continue;
            }
            let told = match self.consumer.poll(POLL) {
                None => continue,
                Some(Ok(message)) => {
                    let wanted = |kind: &str, event_type: &str| self.handler.wants(kind, event_type);
                    match record::read(&message, wanted) {
                        Ok(record) => {
                            self.in_hand.fetch_add(1, Ordering::AcqRel);
                            News::Record(record)
                        }
                        Err(error) => News::Foreign(error),
                    }
                }
                Some(Err(error)) => match self.consumer.client().fatal_error() {
                    Some((code, _)) => News::Failed(KafkaError::MessageConsumptionFatal(code)),
                    None => {
                        // The broker is away, or a rebalance is under way: the client tries again by itself.
                        tracing::debug!(%error, "Kafka's consumer reports an error");
                        continue;
                    }
                },
            };
            if self.news.send(told).is_err() {
                return;
            }
        }
    }

    /// Whether nothing is to be polled for the moment. Stops fetching where enough has been with the task for long.
    fn is_full(&mut self) -> bool {
        let in_hand = self.in_hand.load(Ordering::Acquire);
        if in_hand < WINDOW / 2 && !self.paused.is_empty() {
            let resumed = std::mem::take(&mut self.paused);
            let list = self.list(resumed);
            self.try_to(self.consumer.resume(&list));
        }
        if in_hand < WINDOW {
            self.full_since = None;
            return false;
        }
        if self.full_since.get_or_insert_with(Instant::now).elapsed() < BRIEFLY {
            return true;
        }
        let ours = self.assigned();
        if ours != self.paused {
            self.try_to(self.consumer.pause(&self.list(ours.iter().copied())));
            self.paused = ours;
        }
        false
    }

    fn assigned(&self) -> BTreeSet<i32> {
        let list = self.consumer.assignment();
        list.map(|list| partitions(&list).into_iter().collect())
            .unwrap_or_default()
    }

    fn list(&self, partitions: impl IntoIterator<Item = i32>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        list
    }

    fn try_to(&self, result: KafkaResult<()>) {
        if let Err(error) = result {
            tracing::debug!(%error, "fetching could not be paused or resumed");
        }
    }

    fn ends(&self, partitions: Vec<i32>) -> KafkaResult<Vec<End>> {
        let committed = self.consumer.committed_offsets(self.list(partitions), ASK)?;
        let elements = committed.elements();
        let ends = elements.iter().map(|element| {
            let (_, offset) = self.consumer.fetch_watermarks(&self.topic, element.partition(), ASK)?;
            Ok(End {
                partition: element.partition(),
                offset,
                committed: match element.offset() {
                    Offset::Offset(committed) => Some(committed),
                    _ => None,
                },
            })
        });
        ends.collect()
    }
}
