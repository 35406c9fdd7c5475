//! A subscription fed by Kafka: all processes that have it share the partitions out among themselves.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, mpsc as sync_mpsc},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use spendlog_event_store::{
    DatabaseError, Feed, Handler, Journal, Lanes, Lease, Settled, Share, parked, persevere, subscription_lock,
    subscription_position,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    KafkaConfig, RecordError, Topic, TransportError,
    assigned::{Partition, Taken},
    consumer::{Consumer, End, News, Offsets},
    dead_letters::{DeadLetter, DeadLetters},
    marks::Marks,
    partition_of,
    record::Delivered,
    topics,
};

/// Progress is written down at most so often.
const SAVE: Duration = Duration::from_millis(250);
/// How often it is looked where the topic ends, and whether it is still the one in use.
const LOOK: Duration = Duration::from_secs(1);
/// How long handlers have to come to an end after a stop, or when a partition goes.
const GRACE: Duration = Duration::from_secs(10);

/// Hands the journal's events on as Kafka delivers them. The events of an owner, and so those of a stream, come one after the
/// other; different partitions can be with different processes.
#[derive(Clone, Debug)]
pub struct KafkaFeed {
    journal: Journal,
    kafka: KafkaConfig,
}

impl KafkaFeed {
    /// The feed of this journal's events, opened with its keys.
    pub fn new(journal: Journal, kafka: KafkaConfig) -> Self {
        Self { journal, kafka }
    }

    async fn work(&self, handler: &Arc<dyn Handler>, stop: &CancellationToken) -> Result<(), TransportError> {
        let (db, lock) = (self.journal.database(), subscription_lock(handler.name()));
        let lease = Lease::take(db, "spendlog-consumer", &lock, Share::Together, stop).await?;
        let Some(lease) = lease else { return Ok(()) };
        // From now on it is known how far behind it is.
        subscription_position(db, handler.name()).await?;
        while !stop.is_cancelled() {
            let Some(topic) = topics::current(db, &self.kafka.topic).await? else {
                // The relay makes it.
                let _stopped = stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
                continue;
            };
            let marks = Marks {
                db: db.clone(),
                subscription: handler.name(),
                topic,
            };
            marks.begin().await?;
            let session = Session {
                feed: self,
                handler: handler.clone(),
                consumer: Consumer::start(&self.kafka, &marks.topic.topic, handler.clone())?,
                floor: subscription_position(db, handler.name()).await?,
                marks,
                partitions: BTreeMap::new(),
                asked: None,
                lanes: Lanes::new(handler.clone()),
                replaying: HashMap::new(),
                dead_letters: DeadLetters::new(self.journal.clone(), &self.kafka)?,
                letters: FuturesUnordered::new(),
            };
            session.run(&lease, stop).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Feed for KafkaFeed {
    async fn subscribe(&self, handler: Arc<dyn Handler>, stop: CancellationToken) {
        let what = format!("the subscription {}", handler.name());
        persevere(&what, &stop, || Box::pin(self.work(&handler, &stop))).await;
    }
}

/// What the transport knows an event in hand by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct By {
    partition: i32,
    /// Its id among the parked ones, if it is one of them.
    parked: Option<i64>,
}

impl By {
    fn delivered(partition: i32) -> Self {
        Self {
            partition,
            parked: None,
        }
    }
}

/// One membership in the group.
struct Session<'a> {
    feed: &'a KafkaFeed,
    handler: Arc<dyn Handler>,
    consumer: Consumer,
    marks: Marks,
    /// What is done already, whatever partition it is in.
    floor: i64,
    partitions: BTreeMap<i32, Partition>,
    /// The topic as it was known to be when it was asked where it ends; `None` while no answer is awaited.
    asked: Option<Topic>,
    lanes: Lanes<By>,
    /// Parked events that are in hand, and their partitions.
    replaying: HashMap<i64, i32>,
    dead_letters: DeadLetters,
    /// Dead letters that are being sent.
    letters: FuturesUnordered<BoxFuture<'static, (By, i64)>>,
}

impl Session<'_> {
    /// Works until it is stopped, or another topic takes the place of this one.
    async fn run(mut self, lease: &Lease, stop: &CancellationToken) -> Result<(), TransportError> {
        let mut replays = self.feed.journal.replays();
        // The first look comes before the first record.
        let (mut save, mut look) = (tokio::time::interval(SAVE), tokio::time::interval(LOOK));
        let mut news = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.finish().await,
                () = lease.lost() => return Err(DatabaseError::Unreachable.into()),
                _ = save.tick() => self.save().await?,
                _ = look.tick() => if !self.look().await? {
                    return self.finish().await;
                },
                settled = self.lanes.settled() => self.settle(settled).await?,
                Some((by, position)) = self.letters.next() => self.close(by, position),
                changed = replays.changed() => {
                    if changed.is_err() {
                        return self.finish().await;
                    }
                    self.take_parked().await?;
                }
                count = self.consumer.news(&mut news) => {
                    if count == 0 {
                        return Err(TransportError::Ended);
                    }
                    self.hear(&mut news).await?;
                }
            }
        }
    }

    async fn hear(&mut self, news: &mut Vec<News>) -> Result<(), TransportError> {
        let mut records = Vec::new();
        for one in news.drain(..) {
            if let News::Record(record) = one {
                records.push(record);
                continue;
            }
            self.take(std::mem::take(&mut records)).await?;
            match one {
                News::Record(_) => {}
                News::Assigned(partitions) => self.assigned(&partitions).await?,
                News::Revoked(partitions, answer) => self.revoked(&partitions, &answer).await?,
                News::Ends(ends) => self.reached(&ends),
                News::Foreign(error) => self.pass_over(&error),
                News::Failed(error) => return Err(error.into()),
            }
        }
        self.take(records).await
    }

    fn pass_over(&mut self, error: &RecordError) {
        tracing::error!(%error, "a record is passed over");
        // It may be the last one of its partition, which is read to its end then all the same.
        if let Some(partition) = self.partitions.get_mut(&error.partition) {
            partition.pass(error.offset);
        }
    }

    async fn assigned(&mut self, partitions: &[i32]) -> Result<(), TransportError> {
        tracing::debug!(subscription = self.handler.name(), ?partitions, "partitions are ours");
        // Partitions that somebody added have no marks, and no events.
        for (partition, mark) in self.marks.load(partitions).await? {
            let ours = Partition {
                seen: mark.max(self.floor),
                saved: mark,
                ..Partition::default()
            };
            self.partitions.insert(partition, ours);
        }
        self.take_parked().await
    }

    /// Lets go of partitions: what of them is being handled is waited for, what waits goes to others.
    async fn revoked(&mut self, partitions: &[i32], answer: &sync_mpsc::Sender<Offsets>) -> Result<(), TransportError> {
        tracing::debug!(subscription = self.handler.name(), ?partitions, "partitions go");
        let theirs = |by: &By| partitions.contains(&by.partition);
        self.lanes.forgo(theirs);
        let deadline = Instant::now() + GRACE;
        while let Ok(Some(settled)) = tokio::time::timeout_at(deadline, self.lanes.settled_while_held(theirs)).await {
            self.settle(settled).await?;
        }
        self.save_marks().await?;
        let mut offsets = Vec::new();
        self.replaying.retain(|_, partition| !partitions.contains(partition));
        for partition in partitions {
            if let Some(gone) = self.partitions.remove(partition) {
                self.consumer.done(gone.open.len());
                offsets.extend(gone.offset().map(|offset| (*partition, offset)));
            }
        }
        // Whoever waited too long goes on without an answer.
        let _late = answer.send(offsets);
        Ok(())
    }

    /// Takes records in hand, but for those that were delivered before.
    async fn take(&mut self, records: Vec<Delivered>) -> Result<(), TransportError> {
        let (mut stored, mut taken) = (Vec::new(), HashMap::new());
        let count = records.len();
        let claimed = records.iter().map(|record| record.position).max().unwrap_or(0);
        let newest = self.feed.journal.newest(claimed).await?;
        for record in records {
            let Some(partition) = self.partitions.get_mut(&record.partition) else {
                continue;
            };
            let was_torn = partition.is_torn;
            match partition.take(&record, newest) {
                Taken::Next => {}
                Taken::Before => continue,
                Taken::Torn if was_torn => continue,
                Taken::Torn => {
                    let (topic, seen, previous) = (&self.marks.topic.topic, partition.seen, record.previous);
                    let partition = record.partition;
                    tracing::error!(
                        topic,
                        partition,
                        seen,
                        previous,
                        "records are missing: where the relay does not put another topic in the place of this one within a \
                         minute, `spendlog kafka switch --now` does"
                    );
                    continue;
                }
                Taken::Ahead => {
                    let (partition, offset) = (record.partition, record.offset);
                    tracing::error!(
                        partition,
                        offset,
                        "a record that is ahead of the journal is passed over"
                    );
                    continue;
                }
            }
            if let Some(event) = record.event {
                partition.open.insert(record.position, record.offset);
                taken.insert(record.position, record.partition);
                stored.push(event);
            }
        }
        self.consumer.done(count - stored.len());
        for event in self.feed.journal.open_delivered(&stored).await? {
            if let Some(partition) = taken.remove(&event.position) {
                self.lanes.take(event, By::delivered(partition));
            }
        }
        // Of what is left the journal knows nothing.
        for (position, partition) in taken {
            self.close(By::delivered(partition), position);
        }
        Ok(())
    }

    /// Parked events that somebody wants tried again, as far as their partitions are ours.
    async fn take_parked(&mut self) -> Result<(), TransportError> {
        let count = self.marks.topic.partitions;
        for asked in parked::asked(&self.marks.db, self.handler.name()).await? {
            let partition = partition_of(asked.owner, count);
            if self.partitions.contains_key(&partition)
                && self.replaying.insert(asked.id, partition).is_none()
                && let Some(event) = self.feed.journal.event(asked.position).await?
            {
                let parked = Some(asked.id);
                self.lanes.take(event, By { partition, parked });
            }
        }
        Ok(())
    }

    /// Writes down what came of an event. One that is parked also becomes a dead letter, and is not done with before it is one.
    async fn settle(&mut self, settled: Settled<By>) -> Result<(), TransportError> {
        let (by, position) = (settled.by, settled.event.position);
        if by.parked.is_none() && !self.partitions.contains_key(&by.partition) {
            // It took too long, and whoever has the partition now handles it: what came of it there counts.
            return Ok(());
        }
        parked::settle(&self.marks.db, self.handler.name(), &settled, by.parked).await?;
        match settled.refused {
            Some(reason) => {
                let letters = self.dead_letters.clone();
                let letter = DeadLetter {
                    position,
                    subscription: self.handler.name(),
                    reason,
                    attempts: settled.attempts,
                };
                self.letters.push(Box::pin(async move {
                    letters.send(letter).await;
                    (by, position)
                }));
            }
            None => self.close(by, position),
        }
        Ok(())
    }

    /// An event is done with.
    fn close(&mut self, by: By, position: i64) {
        if let Some(id) = by.parked {
            self.replaying.remove(&id);
        } else if let Some(partition) = self.partitions.get_mut(&by.partition)
            && partition.open.remove(&position).is_some()
        {
            self.consumer.done(1);
        }
    }

    /// Writes down how far it has come, first in Postgres, then in Kafka.
    async fn save(&mut self) -> Result<(), TransportError> {
        self.save_marks().await?;
        let mut offsets = Vec::new();
        for (number, partition) in &mut self.partitions {
            if partition.offset() != partition.committed {
                partition.committed = partition.offset();
                offsets.extend(partition.committed.map(|offset| (*number, offset)));
            }
        }
        if !offsets.is_empty() {
            self.consumer.commit(offsets);
        }
        Ok(())
    }

    async fn save_marks(&mut self) -> Result<(), TransportError> {
        let raised = self
            .partitions
            .iter()
            .filter(|(_, partition)| partition.mark() > partition.saved);
        let raised: Vec<(i32, i64)> = raised.map(|(number, partition)| (*number, partition.mark())).collect();
        if !raised.is_empty() {
            self.marks.save(&raised).await?;
        }
        for (number, mark) in raised {
            self.partitions.entry(number).or_default().saved = mark;
        }
        Ok(())
    }

    /// Looks whether the topic is still the one in use, and, where not all that is in it is known to be done, where it ends.
    async fn look(&mut self) -> Result<bool, TransportError> {
        let current = topics::current(&self.marks.db, &self.feed.kafka.topic).await?;
        let Some(current) = current.filter(|current| current.topic == self.marks.topic.topic) else {
            return Ok(false);
        };
        let done = subscription_position(&self.marks.db, self.handler.name()).await?;
        if done < current.position {
            // Others may have raised their marks at the same moment as we did.
            self.marks.save(&[]).await?;
            self.ask_ends(current);
        }
        let lag = u32::try_from((*self.feed.journal.head().borrow() - done).max(0)).unwrap_or(u32::MAX);
        metrics::gauge!("spendlog_feed_lag_events", "subscription" => self.handler.name()).set(lag);
        Ok(true)
    }

    /// Asks where those partitions end of which not all is known to be done, unless that is being asked already.
    fn ask_ends(&mut self, topic: Topic) {
        let behind = self.partitions.iter();
        let behind = behind.filter(|(_, partition)| partition.mark() < topic.position);
        let behind: Vec<i32> = behind.map(|(number, _)| *number).collect();
        if self.asked.is_none() && !behind.is_empty() {
            self.consumer.ask_ends(behind);
            self.asked = Some(topic);
        }
    }

    /// What was published before the question was asked has been delivered of those partitions that are read to their ends.
    fn reached(&mut self, ends: &[End]) {
        let Some(asked) = self.asked.take() else { return };
        for end in ends {
            if let Some(partition) = self.partitions.get_mut(&end.partition)
                && partition.is_over(end, asked.end(end.partition))
            {
                partition.seen = partition.seen.max(asked.position);
            }
        }
    }

    /// Waits for what runs, writes down how far it has come, and leaves the group.
    async fn finish(mut self) -> Result<(), TransportError> {
        let deadline = Instant::now() + GRACE;
        while let Some(settled) = self.lanes.last(deadline).await {
            self.settle(settled).await?;
        }
        while let Ok(Some((by, position))) = tokio::time::timeout_at(deadline, self.letters.next()).await {
            self.close(by, position);
        }
        self.save().await?;
        let partitions = self.partitions.iter();
        let offsets = partitions.filter_map(|(number, partition)| Some((*number, partition.offset()?)));
        self.consumer.stop(offsets.collect()).await;
        Ok(())
    }
}
