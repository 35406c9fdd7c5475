//! A write side with a database of its own, and people who use it.

use std::{net::SocketAddr, num::NonZero, rc::Rc, sync::Arc};

use actix_web::{
    App as ActixApp,
    body::BoxBody,
    dev::{Service, ServiceResponse},
    http::{StatusCode, header::HeaderMap},
    middleware::from_fn,
    test,
    web::Data,
};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use spendlog_commands::{Commands, CommandsConfig, routes};
use spendlog_domain::schema::{event_schemas, retired_schemas, upcasters};
use spendlog_event_store::{
    Archive, Event, Files, Journal, Keyring, MasterKey, Reading, SealPlans, testing::TestDatabase,
};
use spendlog_web::{auth::PasswordCost, edge, fallback};
use utoipa_actix_web::AppExt as _;

type Call = dyn Fn(test::TestRequest) -> LocalBoxFuture<'static, ServiceResponse<BoxBody>>;

/// The write side.
pub(crate) struct App {
    pub(crate) commands: Commands,
    pub(crate) journal: Journal,
    call: Box<Call>,
    _database: TestDatabase,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Fails unless it is this problem.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json");
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn sniff(head: &[u8], _: Option<&str>) -> Option<&'static str> {
    match head {
        [b'%', b'P', b'D', b'F', ..] => Some("application/pdf"),
        [0xFF, 0xD8, ..] => Some("image/jpeg"),
        _ => None,
    }
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut CommandsConfig)) -> Self {
        let database = TestDatabase::new().await;
        let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
        let keyring = Keyring::open(database.database(), master).await.unwrap();
        let (schemas, retired) = (event_schemas(), retired_schemas());
        let plans = schemas
            .iter()
            .chain(&retired)
            .map(|schema| (&*schema.event_type, &*schema.version, &schema.schema));
        let plans = SealPlans::new(plans).unwrap();
        let reading = Reading {
            upcasters: upcasters(),
            archive: Archive::new(database.database(), None),
            // So few that all tests come by snapshots.
            snapshot_events: NonZero::new(2),
        };
        let journal = Journal::open_with(database.database().clone(), keyring, plans, reading)
            .await
            .unwrap();
        let files = Files::new(Arc::new(object_store::memory::InMemory::new()));
        let mut config = CommandsConfig {
            password_cost: PasswordCost::LEAST,
            ..CommandsConfig::default()
        };
        change(&mut config);
        let commands = Commands::new(journal.clone(), files, sniff, config).await.unwrap();
        let (app, api) = ActixApp::new()
            .into_utoipa_app()
            .configure(routes::configure)
            .split_for_parts();
        let app = app
            .app_data(Data::new(commands.clone()))
            .app_data(Data::new(commands.tokens().clone()))
            .app_data(Data::new(fallback::AllowedMethods::new(&api.paths, &[])))
            .default_service(fallback::route())
            .wrap(from_fn(edge::pass));
        let service = Rc::new(test::init_service(app).await);
        let call = Box::new(
            move |request: test::TestRequest| -> LocalBoxFuture<'static, ServiceResponse<BoxBody>> {
                let service = Rc::clone(&service);
                Box::pin(async move { service.call(request.to_request()).await.unwrap() })
            },
        );
        Self {
            commands,
            journal,
            call,
            _database: database,
        }
    }

    pub(crate) async fn send(&self, request: test::TestRequest) -> Answer {
        let response = (self.call)(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Answer { status, headers, body }
    }

    pub(crate) async fn post_as_nobody(&self, path: &str, body: Value) -> Answer {
        self.send(test::TestRequest::post().uri(path).set_json(body)).await
    }

    /// As [`App::post_as_nobody`], from this network address.
    pub(crate) async fn post_from(&self, peer: &str, path: &str, body: Value) -> Answer {
        let peer = SocketAddr::new(peer.parse().unwrap(), 49152);
        self.send(test::TestRequest::post().uri(path).peer_addr(peer).set_json(body))
            .await
    }

    /// A person who has registered and signed in.
    pub(crate) async fn person(&self, name: &str) -> Person<'_> {
        let email = format!("{name}@example.org");
        let sent = json!({"email": email, "password": "correct horse"});
        let registered = self.post_as_nobody("/users/register", sent.clone()).await.with(201);
        let tokens = self.post_as_nobody("/users/token", sent).await.with(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Person {
            app: self,
            user: text(&registered["user"]),
            book: text(&registered["book"]),
            access: text(&tokens["access"]),
        }
    }

    /// All events of a stream.
    pub(crate) async fn events(&self, kind: &str, id: &str) -> Vec<Event> {
        self.journal.load(kind, id).await.unwrap()
    }
}

/// Somebody who is signed in.
pub(crate) struct Person<'a> {
    pub(crate) app: &'a App,
    pub(crate) user: String,
    pub(crate) book: String,
    pub(crate) access: String,
}

impl Person<'_> {
    fn request(&self, request: test::TestRequest, path: &str, headers: &[(&'static str, &str)]) -> test::TestRequest {
        let request = request
            .uri(path)
            .insert_header(("authorization", format!("Bearer {}", self.access)));
        headers
            .iter()
            .fold(request, |request, (name, value)| request.insert_header((*name, *value)))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: Value, headers: &[(&'static str, &str)]) -> Answer {
        self.app
            .send(self.request(test::TestRequest::post(), path, headers).set_json(body))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.patch_with(path, body, &[]).await
    }

    pub(crate) async fn patch_with(&self, path: &str, body: Value, headers: &[(&'static str, &str)]) -> Answer {
        self.app
            .send(self.request(test::TestRequest::patch(), path, headers).set_json(body))
            .await
    }

    /// Uploads a file, with other parts before or behind it.
    pub(crate) async fn upload(&self, before: &[(&str, &str)], content: &[u8], behind: &[(&str, &str)]) -> Answer {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
        };
        let mut body: Vec<u8> = before.iter().flat_map(part).collect();
        body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"folder/receipt.pdf\"\r\n\r\n");
        body.extend(content);
        body.extend(b"\r\n");
        body.extend(behind.iter().flat_map(part));
        body.extend(b"--b--\r\n");
        let request = self.request(test::TestRequest::post(), "/finance/documents", &[]);
        self.app
            .send(
                request
                    .insert_header(("content-type", "multipart/form-data; boundary=b"))
                    .set_payload(body),
            )
            .await
    }

    /// An account in euros.
    pub(crate) async fn account(&self) -> String {
        let body = json!({"name": "Checking", "kind": "checking", "currency": "EUR"});
        id(&self.post("/finance/accounts", body).await.with(201))
    }

    /// An expense of 12.50 euros.
    pub(crate) async fn expense(&self, account: &str) -> String {
        id(&self.post("/finance/transactions", expense(account)).await.with(201))
    }
}

pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

pub(crate) fn expense(account: &str) -> Value {
    json!({"account": account, "amount": "-12.50", "booked_on": "2026-09-01", "merchant": "Corner shop", "note": "milk"})
}
