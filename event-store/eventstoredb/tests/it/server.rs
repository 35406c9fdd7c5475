//! The server: the calls that the transport needs, and what goes wrong when a test wants it to.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use spendlog_eventstoredb::EventStoreDb;
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    grpc::{Answers, Requests, Service, Status, serve},
    messages::*,
    store::{Group, Kept, Store, uuid},
};

/// How subscriptions are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As when the group is deleted.
    Dropped,
    /// As when nothing is wrong.
    Well,
}

/// A server of the protocol, with nothing in it.
pub(crate) struct Server {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    running: Option<AbortHandle>,
}

pub(crate) struct Shared {
    store: Mutex<Store>,
    changed: watch::Sender<()>,
    ends: watch::Sender<End>,
    /// Deliver out of order, and twice.
    pub(crate) disorder: AtomicBool,
    /// How many appends were refused for their expected version.
    pub(crate) refused: AtomicUsize,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            store: Mutex::default(),
            changed: watch::Sender::new(()),
            ends: watch::Sender::new(End::Well),
            disorder: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
        });
        let (address, running) = serve(SocketAddr::from(([127, 0, 0, 1], 0)), service(&shared)).await;
        Self {
            shared,
            address,
            running: Some(running),
        }
    }

    pub(crate) fn client(&self) -> EventStoreDb {
        let address = format!("esdb://admin:changeit@{}?tls=false", self.address);
        EventStoreDb::new(&address).expect("a connection string")
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store()
    }

    /// Goes away, with all connections.
    pub(crate) fn stop(&mut self) {
        self.running.take().expect("it runs").abort();
    }

    /// Comes back, with what it had.
    pub(crate) async fn restart(&mut self) {
        let (_, running) = serve(self.address, service(&self.shared)).await;
        self.running = Some(running);
    }

    /// Ends all subscriptions.
    pub(crate) fn end(&self, how: End) {
        self.shared.ends.send_replace(how);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

fn service(shared: &Arc<Shared>) -> Service {
    let shared = shared.clone();
    Arc::new(move |path, requests, answers| {
        let shared = shared.clone();
        Box::pin(async move {
            match path.as_str() {
                "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" => features(&answers).await,
                "/event_store.client.streams.Streams/Append" => shared.append(requests, &answers).await,
                "/event_store.client.streams.Streams/Read" => shared.read(requests, &answers).await,
                "/event_store.client.persistent_subscriptions.PersistentSubscriptions/Create" => {
                    shared.create(requests, &answers).await
                }
                "/event_store.client.persistent_subscriptions.PersistentSubscriptions/Read" => {
                    shared.subscribe(requests, &answers).await
                }
                other => Status::new(12, &format!("{other} is not implemented")),
            }
        })
    })
}

async fn features(answers: &Answers) -> Status {
    let create = SupportedMethod {
        method_name: "create".to_owned(),
        service_name: "event_store.client.persistent_subscriptions.persistentsubscriptions".to_owned(),
        features: vec!["stream".to_owned(), "all".to_owned()],
    };
    let methods = SupportedMethods {
        methods: vec![create],
        event_store_server_version: "24.10.0".to_owned(),
    };
    answers.send(&methods).await;
    Status::ok()
}

fn name(identifier: Option<StreamIdentifier>) -> String {
    let identifier = identifier.expect("a stream is named");
    String::from_utf8(identifier.stream_name).expect("a stream's name is text")
}

fn read_event(position: usize, kept: Kept) -> ReadEvent {
    let position = position as u64;
    let mut metadata = kept.metadata;
    metadata.insert("created".to_owned(), "17592186044416000".to_owned());
    ReadEvent {
        event: Some(RecordedEvent {
            id: Some(Uuid {
                value: Some(UuidValue::String(kept.id.to_string())),
            }),
            stream_identifier: Some(StreamIdentifier {
                stream_name: kept.stream.into_bytes(),
            }),
            stream_revision: kept.revision,
            prepare_position: position,
            commit_position: position,
            metadata,
            custom_metadata: kept.custom_metadata,
            data: kept.data,
        }),
        commit_position: Some(position),
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn append(&self, mut requests: Requests, answers: &Answers) -> Status {
        let (mut options, mut events) = (None, Vec::new());
        while let Some(request) = requests.next::<AppendReq>().await {
            match request.content.expect("a request says something") {
                AppendContent::Options(given) => options = Some(given),
                AppendContent::ProposedMessage(event) => events.push(event),
            }
        }
        let Some(options) = options else {
            return Status::new(3, "no options");
        };
        let bytes: usize = events
            .iter()
            .map(|event| event.data.len() + event.custom_metadata.len())
            .sum();
        if bytes > 1024 * 1024 {
            return Status::new(3, "too large").exception("maximum-append-size-exceeded");
        }
        let (stream, expected) = (
            name(options.stream_identifier),
            options.expected.expect("a revision is expected"),
        );
        let appended = self.store().append(&stream, expected, events);
        let result = match appended {
            Ok(revision) => AppendResult::Success(AppendSuccess {
                current: Some(SuccessRevision::Current(revision)),
                position: Some(SuccessPosition::NoPosition(Empty {})),
            }),
            Err(current) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                AppendResult::WrongExpectedVersion(WrongExpectedVersion {
                    current: Some(current.map_or(WrongCurrent::NoStream(Empty {}), WrongCurrent::Revision)),
                    expected: Some(match expected {
                        ExpectedStreamRevision::Revision(revision) => WrongExpected::Revision(revision),
                        ExpectedStreamRevision::NoStream(empty) => WrongExpected::NoStream(empty),
                        ExpectedStreamRevision::Any(empty) => WrongExpected::Any(empty),
                        ExpectedStreamRevision::StreamExists(empty) => WrongExpected::StreamExists(empty),
                    }),
                })
            }
        };
        self.changed.send_replace(());
        answers.send(&AppendResp { result: Some(result) }).await;
        Status::ok()
    }

    async fn read(&self, mut requests: Requests, answers: &Answers) -> Status {
        let request = requests.next::<StreamReadReq>().await;
        let Some(options) = request.and_then(|request| request.options) else {
            return Status::new(3, "no options");
        };
        let stream = options.stream.expect("a stream is read");
        let (first, identifier) = (stream.revision, stream.stream_identifier);
        let stream = name(identifier.clone());
        let found: Vec<Kept> = self.store().stream(&stream).into_iter().cloned().collect();
        if found.is_empty() {
            let stream_identifier = identifier;
            let content = Some(StreamReadContent::StreamNotFound(StreamNotFound { stream_identifier }));
            answers.send(&StreamReadResp { content }).await;
            return Status::ok();
        }
        let from = usize::try_from(first).expect("a short stream");
        let count = usize::try_from(options.count).expect("a few events");
        for kept in found.into_iter().skip(from).take(count) {
            let content = Some(StreamReadContent::Event(read_event(0, kept)));
            answers.send(&StreamReadResp { content }).await;
        }
        Status::ok()
    }

    async fn create(&self, mut requests: Requests, answers: &Answers) -> Status {
        let request = requests.next::<CreateReq>().await;
        let options = request.and_then(|request| request.options).expect("options");
        let all = options.all.expect("it is to all streams");
        assert_eq!(all.start, Some(Empty {}), "from the first event on");
        let regex = all
            .filter
            .and_then(|filter| filter.event_type)
            .map(|event_type| event_type.regex);
        assert_eq!(regex.as_deref(), Some("^[^\\$].*"), "without system events");
        if self.store().groups.contains_key(&options.group_name) {
            return Status::new(6, "there is one").exception("persistent-subscription-exists");
        }
        self.store().groups.insert(options.group_name, Group::default());
        answers.send(&Empty {}).await;
        Status::ok()
    }

    async fn subscribe(&self, mut requests: Requests, answers: &Answers) -> Status {
        let request = requests.next::<PersistentReadReq>().await;
        let Some(PersistentReadContent::Options(options)) = request.and_then(|request| request.content) else {
            return Status::new(3, "no options");
        };
        let group = options.group_name;
        if !self.store().groups.contains_key(&group) {
            return Status::new(5, "there is none").exception("persistent-subscription-does-not-exist");
        }
        let subscription_id = format!("all::{group}");
        let content = Some(PersistentContent::Confirmation(Confirmation { subscription_id }));
        answers.send(&PersistentReadResp { content }).await;
        let mut had = BTreeSet::new();
        let most = usize::try_from(options.buffer_size).expect("a buffer");
        let status = self.deliver(&group, most, &mut had, &mut requests, answers).await;
        self.store().abandon(&group, &had);
        self.changed.send_replace(());
        status
    }

    async fn deliver(
        &self,
        group: &str,
        most: usize,
        had: &mut BTreeSet<usize>,
        requests: &mut Requests,
        answers: &Answers,
    ) -> Status {
        let (mut changed, mut ends) = (self.changed.subscribe(), self.ends.subscribe());
        loop {
            let mut events: Vec<(usize, Kept)> = Vec::new();
            while let Some(next) = self.store().deliver(group, most) {
                had.insert(next.0);
                events.push(next);
            }
            if self.disorder.load(Ordering::SeqCst) {
                events = events
                    .chunks(3)
                    .flat_map(|some| some.iter().rev().chain(some))
                    .cloned()
                    .collect();
            }
            for (position, kept) in events {
                let content = Some(PersistentContent::Event(read_event(position, kept)));
                answers.send(&PersistentReadResp { content }).await;
            }
            tokio::select! {
                () = answers.closed() => return Status::ok(),
                _ = ends.changed() => return match *ends.borrow() {
                    End::Well => Status::ok(),
                    End::Dropped => Status::new(1, "dropped").exception("persistent-subscription-dropped"),
                },
                request = requests.next::<PersistentReadReq>() => match request.and_then(|request| request.content) {
                    Some(PersistentReadContent::Ack(ack)) => {
                        for id in &ack.ids {
                            self.store().acknowledge(group, uuid(id));
                        }
                    }
                    Some(_) => return Status::new(3, "neither options nor refusals are expected"),
                    None => return Status::ok(),
                },
                _ = changed.changed() => {}
            }
        }
    }
}
