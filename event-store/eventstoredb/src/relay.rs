//! The relay: appends what the journal stored, in the order of positions, exactly what is after its checkpoint.

use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, Error, EventData, ExpectedRevision, ReadStreamOptions, StreamPosition,
};
use spendlog_event_store::{
    DatabaseError, Journal, Lease, ReadError, Share, StoredEvent, persevere, save_subscription_position,
    subscription_position,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    EventStoreDb, TransportError, event_id,
    mirrored::{event_data, stream_name},
};

/// By this name its checkpoint stands among those of the subscriptions.
pub(crate) const CHECKPOINT: &str = "relay eventstoredb";
/// So many events are read at a time.
const PAGE: i64 = 500;
/// So many bytes go into an append at most; the server takes a mebibyte.
const APPEND_BYTES: usize = 512 * 1024;
/// The checkpoint is written down at most so often.
const SAVE: Duration = Duration::from_millis(100);

/// Mirrors the journal in EventStoreDB. Of all processes that run it one does the work; another takes over when it ends.
#[derive(Clone, Debug)]
pub struct Relay {
    journal: Journal,
    server: EventStoreDb,
}

impl Relay {
    /// The relay of this journal.
    pub fn new(journal: Journal, server: EventStoreDb) -> Self {
        metrics::describe_gauge!(
            "spendlog_eventstoredb_relay_lag_events",
            "Events of the journal that are not in EventStoreDB yet."
        );
        Self { journal, server }
    }

    /// Mirrors until it is stopped. While the server is away, nothing is; when it is back, the relay goes on after its
    /// checkpoint. What was appended after that is known by its id.
    pub async fn run(&self, stop: CancellationToken) {
        persevere("the relay to EventStoreDB", &stop, || Box::pin(self.session(&stop))).await;
    }

    async fn session(&self, stop: &CancellationToken) -> Result<(), TransportError> {
        let db = self.journal.database();
        let lease = Lease::take(db, "spendlog-relay", CHECKPOINT, Share::Alone, stop).await?;
        let Some(lease) = lease else { return Ok(()) };
        let position = subscription_position(db, CHECKPOINT).await?;
        tracing::info!(position, "the relay to EventStoreDB runs");
        let mut session = Session {
            journal: &self.journal,
            client: self.server.connect()?,
            lease,
            mirrored: position,
            saved: position,
        };
        let worked = session.work(stop).await;
        if let Err(TransportError::Lost { .. }) = &worked {
            session.mirrored = 0;
        }
        // Also after a failure: what was appended is appended.
        let saved = session.save().await;
        worked.and(saved)
    }
}

struct Session<'a> {
    journal: &'a Journal,
    client: Client,
    lease: Lease,
    /// Everything up to here is in EventStoreDB.
    mirrored: i64,
    /// The checkpoint as it is written down.
    saved: i64,
}

impl Session<'_> {
    async fn work(&mut self, stop: &CancellationToken) -> Result<(), TransportError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
            looked = self.look_back() => looked?,
        }
        let mut head = self.journal.head();
        let mut save_at = Instant::now();
        loop {
            let newest = *head.borrow_and_update();
            let lag = u32::try_from((newest - self.mirrored).max(0)).unwrap_or(u32::MAX);
            metrics::gauge!("spendlog_eventstoredb_relay_lag_events").set(lag);
            if self.mirrored > self.saved && Instant::now() >= save_at {
                self.save().await?;
                save_at = Instant::now() + SAVE;
            }
            if self.mirrored < newest {
                for run in runs(&self.journal.stored(self.mirrored, PAGE).await?) {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return Ok(()),
                        () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
                        appended = append(&self.client, run) => appended?,
                    }
                    self.mirrored = run.last().map_or(self.mirrored, |event| event.position);
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.lease.lost() => return Err(DatabaseError::Unreachable.into()),
                more = head.changed() => if more.is_err() { return Ok(()) },
                () = tokio::time::sleep_until(save_at), if self.mirrored > self.saved => {}
            }
        }
    }

    /// Whether the server still has the last event that was mirrored. The next one, which would show it too, may be long in coming.
    async fn look_back(&self) -> Result<(), TransportError> {
        if self.mirrored > 0 {
            let last = self.journal.stored(self.mirrored - 1, 1).await?;
            already_there(&self.client, &last).await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), TransportError> {
        if self.saved != self.mirrored {
            save_subscription_position(&self.lease, CHECKPOINT, self.mirrored).await?;
            self.saved = self.mirrored;
        }
        Ok(())
    }
}

/// Events that follow each other in one stream, as far as they do.
fn runs(page: &[StoredEvent]) -> impl Iterator<Item = &[StoredEvent]> {
    page.chunk_by(|a, b| (&a.kind, &a.stream) == (&b.kind, &b.stream))
}

/// Appends events of one stream, but for those that are there already.
async fn append(client: &Client, run: &[StoredEvent]) -> Result<(), TransportError> {
    let mut rest = run;
    while let Some(first) = rest.first() {
        let (events, count) = batch(rest)?;
        let expected = match u64::try_from(first.sequence - 2) {
            Ok(revision) => ExpectedRevision::Exact(revision),
            Err(_) => ExpectedRevision::NoStream,
        };
        let options = AppendToStreamOptions::default().expected_revision(expected);
        match client
            .append_to_stream(stream_name(&first.kind, &first.stream), &options, events)
            .await
        {
            Ok(_) => rest = &rest[count..],
            Err(Error::WrongExpectedVersion { .. }) => rest = &rest[already_there(client, rest).await?..],
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// As many of these events as go into one append.
fn batch(events: &[StoredEvent]) -> Result<(Vec<EventData>, usize), TransportError> {
    let (mut batch, mut sum) = (Vec::new(), 0);
    for event in events {
        let damaged = |_| ReadError::Damaged {
            position: event.position,
        };
        let (data, bytes) = event_data(event).map_err(damaged)?;
        sum += bytes;
        if sum > APPEND_BYTES && !batch.is_empty() {
            break;
        }
        batch.push(data);
    }
    let count = batch.len();
    Ok((batch, count))
}

/// How many of these events, from the first on, their stream has already; at least one.
async fn already_there(client: &Client, events: &[StoredEvent]) -> Result<usize, TransportError> {
    let Some(first) = events.first() else { return Ok(0) };
    let stream = stream_name(&first.kind, &first.stream);
    let lost = || TransportError::Lost { stream: stream.clone() };
    let from = u64::try_from(first.sequence - 1).unwrap_or_default();
    let options = ReadStreamOptions::default()
        .position(StreamPosition::Position(from))
        .max_count(events.len());
    let mut there = match client.read_stream(stream.as_str(), &options).await {
        Err(Error::ResourceNotFound) => return Err(lost()),
        there => there?,
    };
    let mut count = 0;
    for event in events {
        let found = match there.next().await {
            Ok(found) => found.and_then(|found| found.event),
            Err(Error::ResourceNotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(found) = found else { break };
        if found.id != event_id(event) {
            let revision = found.revision;
            return Err(TransportError::Foreign { stream, revision });
        }
        count += 1;
    }
    if count == 0 { Err(lost()) } else { Ok(count) }
}
