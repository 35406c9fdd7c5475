//! A persistent subscription, as its group's one consumer.

use std::time::Duration;

use eventstore::{
    Client, Error, PersistentSubscription, PersistentSubscriptionEvent, PersistentSubscriptionToAllOptions,
    RecordedEvent, StreamPosition, SubscribeToPersistentSubscriptionOptions, SubscriptionFilter,
    SystemConsumerStrategy,
};
use tokio::{sync::mpsc, task::JoinHandle};
use uuid::Uuid;

use crate::TransportError;

/// So many events are with us at most that were not acknowledged.
pub(crate) const IN_FLIGHT: usize = 1000;
/// After this time the server delivers again what was not acknowledged: longer than any handler takes, since what it has
/// lost is known otherwise.
const REDELIVERY: Duration = Duration::from_secs(3600);
/// So many events are acknowledged at once at most.
const ACKS: usize = 500;

/// The client's subscription panics when the server ends it well, so it has a task of its own.
#[derive(Debug)]
pub(crate) struct Reading {
    events: mpsc::Receiver<RecordedEvent>,
    acks: mpsc::UnboundedSender<Uuid>,
    task: JoinHandle<Result<(), Error>>,
}

impl Reading {
    /// Joins the group, and makes it before if there is none: from the first event on, system events left out.
    pub(crate) async fn start(client: &Client, group: &str) -> Result<Self, TransportError> {
        let options = PersistentSubscriptionToAllOptions::default()
            .filter(SubscriptionFilter::on_event_type().exclude_system_events())
            .start_from(StreamPosition::Start)
            .consumer_strategy_name(SystemConsumerStrategy::DispatchToSingle)
            .message_timeout(REDELIVERY)
            .max_retry_count(i32::MAX)
            .live_buffer_size(2000)
            .read_batch_size(500)
            .history_buffer_size(2000);
        match client.create_persistent_subscription_to_all(group, &options).await {
            Ok(()) | Err(Error::ResourceAlreadyExists) => {}
            Err(error) => return Err(error.into()),
        }
        let options = SubscribeToPersistentSubscriptionOptions::default().buffer_size(IN_FLIGHT);
        let subscription = client
            .subscribe_to_persistent_subscription_to_all(group, &options)
            .await?;
        let (sender, events) = mpsc::channel(IN_FLIGHT);
        let (acks, done) = mpsc::unbounded_channel();
        let task = tokio::spawn(read(subscription, sender, done));
        Ok(Self { events, acks, task })
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Result<RecordedEvent, TransportError> {
        match self.events.recv().await {
            Some(event) => Ok(event),
            None => match (&mut self.task).await {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => Err(TransportError::Dropped),
            },
        }
    }

    /// The next event, if it is here already.
    pub(crate) fn here(&mut self) -> Option<RecordedEvent> {
        self.events.try_recv().ok()
    }

    /// Tells the server that an event needs not come again.
    pub(crate) fn acknowledge(&self, id: Uuid) {
        // A task that has ended is noticed where its events are awaited.
        let _ended = self.acks.send(id);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    mut subscription: PersistentSubscription,
    events: mpsc::Sender<RecordedEvent>,
    mut done: mpsc::UnboundedReceiver<Uuid>,
) -> Result<(), Error> {
    let mut ids = Vec::new();
    loop {
        tokio::select! {
            count = done.recv_many(&mut ids, ACKS) => {
                if count == 0 {
                    return Ok(());
                }
                subscription.ack_ids(ids.drain(..)).await?;
            }
            event = subscription.next_subscription_event() => {
                if let PersistentSubscriptionEvent::EventAppeared { event, .. } = event?
                    && let Some(event) = event.event
                    && events.send(event).await.is_err()
                {
                    return Ok(());
                }
            }
        }
    }
}
