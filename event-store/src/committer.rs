//! The one writer of this process: commands that wait at the same moment go into one transaction.
//!
//! While nobody else writes, a batch is judged, numbered and hashed on a guess (the head is the one left by the batch before,
//! and each stream is where its first mention expects it) and written by one statement, which checks the guess. When
//! the guess was wrong, the slow way is taken: lock, look, judge on what is there, write.

use std::{
    collections::HashSet, collections::VecDeque, future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use futures_util::{future, poll};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    AppendError, Appended, Database, DatabaseError,
    columns::Columns,
    head::{self, Head},
    judge::{Accepted, Command, Mentions, judge},
    link::Link,
};

/// Commands in one transaction at most.
const MOST_COMMANDS: usize = 1000;
/// A batch that has so many bytes is not filled up further.
const ENOUGH_BYTES: usize = 8 * 1024 * 1024;
/// A second batch is sent behind the one under way as soon as as many commands wait as are under way, and at least so many:
/// fewer are better kept for the next batch.
const SECOND: usize = 4;
/// How long a new connection is tried for before the commands that wait are told.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many lost connections one batch survives.
const LOSSES: usize = 3;

/// What a command comes to.
pub(crate) type Answer = Result<Appended, AppendError>;

/// A command that waits for its answer.
pub(crate) struct Pending {
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// The shortest time between two announcements. Each costs nearly as much as the append of an event, so those that follow
/// closely go without; what stays untold by that, the listener tells.
pub(crate) const BREATH: Duration = Duration::from_millis(10);

/// Where it tells of new heads.
pub(crate) struct Heads {
    /// The newest position that is known here.
    pub(crate) newest: watch::Sender<i64>,
    /// The newest position that was written here.
    pub(crate) written: watch::Sender<i64>,
    /// The newest position that was announced from here.
    pub(crate) announced: watch::Sender<i64>,
}

/// What a batch comes to if it is committed, and the head that it leaves.
struct Outcome {
    answers: Vec<Result<Accepted, AppendError>>,
    head: Head,
    /// Whether the commit announces itself.
    announced: bool,
}

/// A batch that was sent on a guess and has come back.
struct Landed {
    batch: Vec<Pending>,
    outcome: Outcome,
    written: Result<bool, DatabaseError>,
}

type Landing = Pin<Box<dyn Future<Output = Landed> + Send>>;

/// A batch that was sent on a guess.
struct Flight {
    commands: usize,
    landing: Landing,
}

/// How an attempt on the slow way ended without answers.
enum Failed {
    /// The database refused; nothing is written.
    Refused(DatabaseError),
    /// The connection was lost; what was sent to be committed may have been.
    Lost(Option<Outcome>),
}

/// The committer. Ends when it is stopped, or when nobody can send it anything any more, after all that waits is answered.
pub(crate) struct Committer {
    database: Database,
    inbox: mpsc::Receiver<Pending>,
    heads: Heads,
    link: Arc<Link>,
    /// Whether the link is known to be lost.
    broken: bool,
    /// The head that the next batch builds on.
    head: Head,
    /// When a commit was announced last.
    announced_at: Instant,
    /// Whether nobody else had written at our last look: only then is guessing worth it.
    alone: bool,
}

impl Committer {
    pub(crate) async fn open(
        database: Database,
        inbox: mpsc::Receiver<Pending>,
        heads: Heads,
    ) -> Result<Self, DatabaseError> {
        let link = Link::open(&database, None).await?;
        let head = link.head().await?;
        publish(&heads.newest, head.tree.size());
        Ok(Self {
            database,
            inbox,
            heads,
            link: Arc::new(link),
            broken: false,
            head,
            announced_at: Instant::now(),
            alone: true,
        })
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut flying: VecDeque<Flight> = VecDeque::new();
        let mut batch: Vec<Pending> = Vec::new();
        loop {
            while flying.len() > 1 {
                self.land_next(&mut flying).await;
            }
            // One is under way: the next is sent when it has landed, or when enough commands wait.
            while let Some(front) = flying.front_mut() {
                tokio::select! {
                    biased;
                    landed = &mut front.landing => {
                        flying.pop_front();
                        self.land(landed, &mut flying).await;
                    }
                    Some(pending) = self.inbox.recv() => batch.push(pending),
                }
                let under_way = flying.front().map_or(0, |flight| flight.commands);
                if batch.len() >= under_way.max(SECOND) || bytes(&batch) >= ENOUGH_BYTES {
                    break;
                }
            }
            if batch.is_empty() {
                let Some(pending) = self.next(&stop).await else { return };
                batch.push(pending);
            }
            self.drain(&mut batch);
            let batch = std::mem::take(&mut batch);
            metrics::counter!("spendlog_journal_batches_total").increment(1);
            metrics::counter!("spendlog_journal_commands_total").increment(batch.len() as u64);
            if self.alone && !self.broken {
                self.launch(batch, &mut flying).await;
            } else {
                while !flying.is_empty() {
                    self.land_next(&mut flying).await;
                }
                self.settle(batch, None).await;
            }
        }
    }

    /// Adds what waits already.
    fn drain(&mut self, batch: &mut Vec<Pending>) {
        let mut size = bytes(batch);
        while batch.len() < MOST_COMMANDS && size < ENOUGH_BYTES {
            let Ok(pending) = self.inbox.try_recv() else { break };
            size += pending.command.bytes;
            batch.push(pending);
        }
    }

    /// The next command, or `None` after the last.
    async fn next(&mut self, stop: &CancellationToken) -> Option<Pending> {
        tokio::select! {
            biased;
            pending = self.inbox.recv() => return pending,
            () = stop.cancelled() => {}
        }
        // What was sent before the stop is still answered.
        self.inbox.close();
        self.inbox.recv().await
    }

    /// Sends a batch on a guess.
    async fn launch(&mut self, batch: Vec<Pending>, flying: &mut VecDeque<Flight>) {
        let commands = || batch.iter().map(|pending| &pending.command);
        let mentions = Mentions::of(commands());
        let verdict = judge(
            commands(),
            &mentions,
            mentions.guesses.clone(),
            HashSet::new(),
            self.head.tree.size(),
        );
        let claims = mentions.claims(&verdict.versions);
        // What a guess refuses, or finds done, is not answered without having looked. What it writes, the database checks.
        let writing = verdict.lines.iter().filter(|line| line.first.is_some()).count();
        if writing < batch.len() {
            while !flying.is_empty() {
                self.land_next(flying).await;
            }
            return self.settle(batch, None).await;
        }
        let head = Columns::of(&verdict.lines, |at| &batch[at].command).extend(&self.head);
        let old = std::mem::replace(&mut self.head, head.clone());
        let (link, announced) = (self.link.clone(), self.announces());
        let commands = batch.len();
        let mut landing: Landing = Box::pin(async move {
            let columns = Columns::of(&verdict.lines, |at| &batch[at].command);
            let written = link
                .append(&old, &head, &claims, &columns, announced)
                .await
                .map_err(DatabaseError::from);
            Landed {
                batch,
                outcome: Outcome {
                    answers: verdict.answers,
                    head,
                    announced,
                },
                written,
            }
        });
        // The first poll sends it; what is sent after it stands behind it on the connection.
        if let Poll::Ready(landed) = poll!(&mut landing) {
            landing = Box::pin(future::ready(landed));
        }
        flying.push_back(Flight { commands, landing });
    }

    /// Whether the next commit is to be announced.
    fn announces(&mut self) -> bool {
        let now = Instant::now();
        let due = now.duration_since(self.announced_at) >= BREATH;
        if due {
            self.announced_at = now;
        }
        due
    }

    async fn land_next(&mut self, flying: &mut VecDeque<Flight>) {
        if let Some(flight) = flying.pop_front() {
            let landed = flight.landing.await;
            self.land(landed, flying).await;
        }
    }

    /// Answers a batch that has come back. After a wrong guess those behind it were refused too, since they built on it: all
    /// of them take the slow way, in their order.
    async fn land(&mut self, landed: Landed, flying: &mut VecDeque<Flight>) {
        if let Landed {
            batch,
            outcome,
            written: Ok(true),
        } = landed
        {
            return self.answer(batch, outcome);
        }
        let mut again = vec![landed];
        while let Some(flight) = flying.pop_front() {
            again.push(flight.landing.await);
        }
        for Landed {
            batch,
            outcome,
            written,
        } in again
        {
            match written {
                Ok(true) => self.answer(batch, outcome),
                Ok(false) => self.settle(batch, None).await,
                Err(error) => {
                    let lost = error.is_lost();
                    tracing::warn!(error = &error as &dyn std::error::Error, lost, "a batch failed");
                    self.broken |= lost;
                    self.settle(batch, lost.then_some(outcome)).await;
                }
            }
        }
    }

    /// Takes the slow way until every command has its answer. `doubt` is what the batch comes to if it was committed already.
    async fn settle(&mut self, batch: Vec<Pending>, mut doubt: Option<Outcome>) {
        metrics::counter!("spendlog_journal_slow_batches_total").increment(1);
        for _ in 0..=LOSSES {
            if self.broken
                && let Err(error) = self.reconnect().await
            {
                return refuse(batch, &error);
            }
            if let Some(outcome) = doubt.take() {
                match self.link.has(&outcome.head).await {
                    Ok(true) => return self.answer(batch, outcome),
                    Ok(false) => {}
                    Err(error) if error.is_lost() => {
                        (self.broken, doubt) = (true, Some(outcome));
                        continue;
                    }
                    Err(error) => return refuse(batch, &error),
                }
            }
            match self.slow(&batch).await {
                Ok(outcome) => return self.answer(batch, outcome),
                Err(Failed::Lost(outcome)) => (self.broken, doubt) = (true, outcome),
                Err(Failed::Refused(error)) if batch.len() == 1 => return refuse(batch, &error),
                Err(Failed::Refused(_)) => {
                    for pending in batch {
                        Box::pin(self.settle(vec![pending], None)).await;
                    }
                    return;
                }
            }
        }
        refuse(batch, &DatabaseError::Unreachable);
    }

    /// Lock, look, judge, write. It knows nothing beforehand.
    async fn slow(&mut self, batch: &[Pending]) -> Result<Outcome, Failed> {
        let commands = || batch.iter().map(|pending| &pending.command);
        let mentions = Mentions::of(commands());
        let ids: Vec<Uuid> = commands().map(|command| command.id).collect();
        let seen = match self.link.lock(&self.head, &mentions, &ids).await {
            Ok(seen) => seen,
            Err(error) => return Err(self.failed(error, None).await),
        };
        self.alone = seen.moved.is_none();
        if let Some(head) = seen.moved {
            self.head = head;
        }
        let verdict = judge(commands(), &mentions, seen.versions, seen.used, self.head.tree.size());
        let columns = Columns::of(&verdict.lines, |at| &batch[at].command);
        if verdict.lines.is_empty() {
            return match self.link.roll_back().await {
                Ok(()) => Ok(Outcome {
                    answers: verdict.answers,
                    head: self.head.clone(),
                    announced: false,
                }),
                Err(_) => Err(Failed::Lost(None)),
            };
        }
        let outcome = Outcome {
            answers: verdict.answers,
            head: columns.extend(&self.head),
            announced: self.announces(),
        };
        let written = self.link.write(&self.head, &outcome.head, &columns, outcome.announced);
        if let Err(error) = written.await {
            return Err(self.failed(error, Some(outcome)).await);
        }
        self.head = outcome.head.clone();
        Ok(outcome)
    }

    /// What an error on the slow way means. Where the connection is still there, the lock is given back.
    async fn failed(&self, error: DatabaseError, outcome: Option<Outcome>) -> Failed {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a batch failed on the slow way"
        );
        if error.is_lost() {
            return Failed::Lost(outcome);
        }
        match self.link.roll_back().await {
            Ok(()) => Failed::Refused(error),
            Err(_) => Failed::Lost(None),
        }
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(20);
        loop {
            let opened = async {
                let link = Link::open(&self.database, Some(self.link.backend)).await?;
                let head = link.head().await?;
                Ok::<_, DatabaseError>((link, head))
            };
            match tokio::time::timeout_at(deadline, opened).await {
                Ok(Ok((link, head))) => {
                    (self.link, self.head, self.alone, self.broken) = (Arc::new(link), head, true, false);
                    return Ok(());
                }
                Ok(Err(error)) if Instant::now() < deadline => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the database can't be reached yet"
                    );
                    tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                _ => return Err(DatabaseError::Unreachable),
            }
        }
    }

    fn answer(&self, batch: Vec<Pending>, outcome: Outcome) {
        publish(&self.heads.newest, outcome.head.tree.size());
        publish(&self.heads.written, outcome.head.tree.size());
        if outcome.announced {
            publish(&self.heads.announced, outcome.head.tree.size());
        }
        let recorded_at = head::time(outcome.head.recorded_at);
        for (pending, answer) in batch.into_iter().zip(outcome.answers) {
            let answer = answer.map(|Accepted { position, skipped }| Appended {
                position,
                skipped,
                recorded_at,
            });
            // Where the caller has gone away, nobody wants the answer.
            let _gone = pending.reply.send(answer);
        }
    }
}

fn bytes(batch: &[Pending]) -> usize {
    batch.iter().map(|pending| pending.command.bytes).sum()
}

fn refuse(batch: Vec<Pending>, error: &DatabaseError) {
    for pending in batch {
        let _gone = pending.reply.send(Err(AppendError::Database(error.clone())));
    }
}

/// Tells of a newer head; an older one is no news.
pub(crate) fn publish(newest: &watch::Sender<i64>, position: i64) {
    newest.send_if_modified(|known| {
        let newer = position > *known;
        *known = position.max(*known);
        newer
    });
}

#[cfg(test)]
mod tests;
