//! What a subscription has in hand: events that wait, run, or wait for another try. Every transport has one.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use crate::{Event, Handler, Outcome};

/// The longest pause before another try.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Kind and id of a stream: its events go one behind the other.
type Lane = (String, String);

/// Gives events to their handler: those of a stream one after the other, those of different streams at the same time as far
/// as the handler allows. With each goes what the transport knows it by.
pub struct Lanes<T> {
    handler: Arc<dyn Handler>,
    queues: HashMap<Lane, VecDeque<Item<T>>>,
    /// Lanes whose first event can be started, by its position: the oldest is started first.
    ready: BTreeMap<i64, Lane>,
    running: JoinSet<Outcome>,
    running_lanes: HashMap<Id, Lane>,
    pauses: FuturesUnordered<BoxFuture<'static, Lane>>,
}

/// An event in hand.
struct Item<T> {
    event: Arc<Event>,
    by: T,
    attempts: u32,
    /// When it may be tried again.
    again_at: Option<Instant>,
    /// Whether it is gone after the try that runs, whatever comes of that.
    forgone: bool,
}

/// An event that is done with.
#[derive(Debug)]
pub struct Settled<T> {
    /// The event.
    pub event: Arc<Event>,
    /// What the transport knows it by.
    pub by: T,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it has to be parked; `None` if it is done.
    pub refused: Option<String>,
}

impl<T> std::fmt::Debug for Lanes<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, queues, running) = (self.handler.name(), self.queues.len(), self.running.len());
        write!(f, "Lanes({name}: {queues} streams in hand, {running} running)")
    }
}

impl<T> Lanes<T> {
    /// With nothing in hand yet.
    pub fn new(handler: Arc<dyn Handler>) -> Self {
        Self {
            handler,
            queues: HashMap::new(),
            ready: BTreeMap::new(),
            running: JoinSet::new(),
            running_lanes: HashMap::new(),
            pauses: FuturesUnordered::new(),
        }
    }

    /// Takes an event in hand, behind those of its stream.
    pub fn take(&mut self, event: Event, by: T) {
        let lane = (event.kind.clone(), event.stream.clone());
        let queue = self.queues.entry(lane.clone()).or_default();
        queue.push_back(Item {
            event: Arc::new(event),
            by,
            attempts: 0,
            again_at: None,
            forgone: false,
        });
        if queue.len() == 1 {
            self.rouse(lane);
        }
    }

    /// Waits until an event is done with. Of no effect where the waiting is broken off.
    pub async fn settled(&mut self) -> Settled<T> {
        loop {
            if let Some(settled) = self.step().await {
                return settled;
            }
        }
    }

    /// The same, but `None` as soon as none of these events is in hand.
    pub async fn settled_while_held(&mut self, which: impl Fn(&T) -> bool) -> Option<Settled<T>> {
        while self.holds(&which) {
            if let Some(settled) = self.step().await {
                return Some(settled);
            }
        }
        None
    }

    /// Starts what may be started, and waits until something has ended or may be tried again.
    async fn step(&mut self) -> Option<Settled<T>> {
        self.start();
        tokio::select! {
            Some(ended) = self.running.join_next_with_id() => self.ended(ended),
            Some(lane) = self.pauses.next() => {
                self.rouse(lane);
                None
            }
            else => std::future::pending().await,
        }
    }

    /// Starts nothing more, and waits until one of those that run is done with; `None` when none runs or it is too late.
    pub async fn last(&mut self, deadline: Instant) -> Option<Settled<T>> {
        while let Ok(ended) = tokio::time::timeout_at(deadline, self.running.join_next_with_id()).await {
            if let Some(settled) = self.ended(ended?) {
                return Some(settled);
            }
        }
        None
    }

    /// Lets go of these events. One that runs is gone when it ends, and not tried again.
    pub fn forgo(&mut self, which: impl Fn(&T) -> bool) {
        let running: Vec<Lane> = self.running_lanes.values().cloned().collect();
        self.ready.clear();
        for (lane, queue) in &mut self.queues {
            let mut first = running.contains(lane);
            queue.retain_mut(|item| {
                let (runs, goes) = (std::mem::take(&mut first), which(&item.by));
                item.forgone |= goes;
                runs || !goes
            });
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        let waiting: Vec<Lane> = self.queues.keys().cloned().collect();
        waiting.into_iter().for_each(|lane| self.rouse(lane));
    }

    /// Whether one of these events is in hand.
    pub fn holds(&self, which: impl Fn(&T) -> bool) -> bool {
        self.queues.values().flatten().any(|item| which(&item.by))
    }

    /// The first event of the lane can be started, unless it runs or waits for another try.
    fn rouse(&mut self, lane: Lane) {
        if let Some(item) = self.queues.get(&lane).and_then(VecDeque::front)
            && item.again_at.is_none_or(|again_at| again_at <= Instant::now())
            && !self.running_lanes.values().any(|running| *running == lane)
        {
            self.ready.insert(item.event.position, lane);
        }
    }

    /// Starts what may be started. An event that waits for another try holds up its own stream alone.
    fn start(&mut self) {
        while self.running.len() < self.handler.concurrency().max(1)
            && let Some((_, lane)) = self.ready.pop_first()
        {
            if let Some(item) = self.queues.get(&lane).and_then(VecDeque::front) {
                let (handler, event) = (self.handler.clone(), item.event.clone());
                let task = self.running.spawn(async move { handler.handle(&event).await });
                self.running_lanes.insert(task.id(), lane);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) -> Option<Settled<T>> {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Outcome::Park("the handler panicked".to_owned())),
        };
        let lane = self.running_lanes.remove(&id)?;
        let item = self.queues.get_mut(&lane)?.front_mut()?;
        item.attempts += 1;
        let attempts = item.attempts;
        let refused = match outcome {
            Outcome::Done => None,
            Outcome::Park(reason) => Some(reason),
            Outcome::RetryAfter(_) if item.forgone => {
                self.next(lane, None);
                return None;
            }
            Outcome::RetryAfter(_) if attempts >= self.handler.attempts() => Some("tried too often".to_owned()),
            Outcome::RetryAfter(pause) => {
                let backoff = Duration::from_millis(50).saturating_mul(1 << attempts.min(10));
                let again_at = Instant::now() + pause.max(backoff).min(LONGEST_PAUSE);
                item.again_at = Some(again_at);
                self.pauses.push(Box::pin(async move {
                    tokio::time::sleep_until(again_at).await;
                    lane
                }));
                return None;
            }
        };
        self.next(lane, refused)
    }

    /// The first event of the lane is done with.
    fn next(&mut self, lane: Lane, refused: Option<String>) -> Option<Settled<T>> {
        let queue = self.queues.get_mut(&lane)?;
        let Item {
            event, by, attempts, ..
        } = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&lane);
        } else {
            self.rouse(lane);
        }
        Some(Settled {
            event,
            by,
            attempts,
            refused,
        })
    }
}
