//! A server's read side over a fresh journal, with two users.

use std::time::Duration;

use actix_web::{App, body::MessageBody, http::StatusCode, http::header::HeaderMap, test, web::Data};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use spendlog_domain::{
    schema::{event_schemas, retired_schemas, upcasters},
    values::{AccountId, BookId, CategoryId, TransactionId, UserId},
};
use spendlog_event_store::{
    Append, Archive, Expect, Files, Journal, Keyring, MasterKey, NewEvent, Origin, Reading, SealPlans, StreamAppend,
    StreamId, testing::TestDatabase,
};
use spendlog_projections::Projections;
use spendlog_web::{
    Caller, Clock,
    auth::{Role, TokenKeys},
};
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::AppExt as _;
use uuid::Uuid;

use crate::{ReadApi, routes};

pub(super) struct House {
    pub(super) api: ReadApi,
    pub(super) journal: Journal,
    pub(super) files: Files,
    tokens: TokenKeys,
    stop: CancellationToken,
    _database: TestDatabase,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(0xa000 + number))
}

pub(super) fn book(number: u128) -> BookId {
    BookId::new(Uuid::from_u128(0xb000 + number))
}

pub(super) fn account(number: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(0xc000 + number))
}

pub(super) fn category(number: u128) -> CategoryId {
    CategoryId::new(Uuid::from_u128(0xd000 + number))
}

pub(super) fn transaction(number: u128) -> TransactionId {
    TransactionId::new(Uuid::from_u128(0xe000 + number))
}

impl House {
    /// Users 1 and 2, each with a book of their number, which has an account and a category of that number.
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let keyring = Keyring::open(database.database(), MasterKey::from_hex(&"5a".repeat(32)).unwrap())
            .await
            .unwrap();
        let (schemas, retired) = (event_schemas(), retired_schemas());
        let plans = schemas
            .iter()
            .chain(&retired)
            .map(|s| (s.event_type.as_str(), s.version.as_str(), &s.schema));
        let plans = SealPlans::new(plans).unwrap();
        let reading = Reading {
            upcasters: upcasters(),
            archive: Archive::new(database.database(), None),
            snapshot_events: None,
        };
        let journal = Journal::open_with(database.database().clone(), keyring, plans, reading)
            .await
            .unwrap();
        let files = Files::new(std::sync::Arc::new(object_store::memory::InMemory::new()));
        let projections = Projections::new(journal.clone());
        let stop = CancellationToken::new();
        drop(projections.run(&stop));
        let api = ReadApi::new(journal.clone(), files.clone(), projections, stop.clone());
        let tokens = TokenKeys::new(&[7; 32], Clock::system());
        let house = Self {
            api,
            journal,
            files,
            tokens,
            stop,
            _database: database,
        };
        for number in [1, 2] {
            let (user, book) = (user(number), book(number));
            house
                .happen(
                    "user",
                    &user.to_string(),
                    user.uuid(),
                    0,
                    "user.registered",
                    json!({"user": user, "email": format!("user{number}@example.test"),
                    "email_key": "ab".repeat(32), "name": null, "password_hash": "$argon2id$planted"}),
                )
                .await;
            house
                .happen(
                    "book",
                    &book.to_string(),
                    book.uuid(),
                    0,
                    "book.opened",
                    json!({"book": book, "user": user, "name": "Household", "policy": "manual"}),
                )
                .await;
            let opened = json!({"account": account(number), "book": book, "name": "Main", "kind": "checking", "currency": "EUR", "number": "DE00"});
            house
                .happen(
                    "account",
                    &account(number).to_string(),
                    book.uuid(),
                    0,
                    "account.opened",
                    opened,
                )
                .await;
            let created = json!({"category": category(number), "book": book, "name": "Groceries", "kind": "expense"});
            house
                .happen(
                    "category",
                    &category(number).to_string(),
                    book.uuid(),
                    0,
                    "category.created",
                    created,
                )
                .await;
        }
        house
    }

    /// Appends an event; answers with its position.
    pub(super) async fn happen(
        &self,
        kind: &'static str,
        id: &str,
        owner: Uuid,
        version: i64,
        event_type: &str,
        content: Value,
    ) -> i64 {
        let payload = Value::Object([(event_type.to_owned(), content)].into_iter().collect());
        let event = NewEvent {
            event_type: event_type.to_owned(),
            version: "1".to_owned(),
            payload,
        };
        let stream = StreamId {
            kind,
            id: id.to_owned(),
        };
        let append = Append {
            command_id: Uuid::now_v7(),
            origin: Origin {
                actor: user(1).to_string(),
                correlation: Uuid::now_v7(),
                causation: None,
                request: None,
            },
            streams: vec![StreamAppend {
                stream,
                owner,
                expect: Expect::Version(version),
                events: vec![event],
            }],
            guards: Vec::new(),
        };
        self.journal.append(append).await.unwrap().position
    }

    /// Records that so many cents were spent, in the book of this number.
    pub(super) async fn spend(&self, of: u128, number: u128, cents: i64, day: &str, merchant: &str) -> i64 {
        let money = |minor: i64| json!({"minor": minor, "currency": "EUR"});
        let posting = |n: u128, target: Value, minor| json!({"id": format!("pst_{:032x}", number * 10 + n), "target": target, "money": money(minor)});
        let postings = [
            posting(1, json!({"account": account(of)}), -cents),
            posting(2, json!({"category": category(of)}), cents),
        ];
        let recorded = json!({"transaction": transaction(number), "book": book(of), "booked_on": day, "merchant": merchant, "note": null,
            "postings": postings, "origin": {"manual": {}}});
        self.happen(
            "transaction",
            &transaction(number).to_string(),
            book(of).uuid(),
            0,
            "transaction.recorded",
            recorded,
        )
        .await
    }

    /// GETs as the user of this number, with these headers besides.
    pub(super) async fn get_with(&self, who: u128, path: &str, headers: &[(&str, String)]) -> Answer {
        let caller = Caller {
            user: user(who).uuid(),
            session: Uuid::nil(),
            role: Role::Member,
        };
        let token = self.tokens.issue(caller).unwrap().access;
        let app = App::new()
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .app_data(Data::new(self.api.clone()))
            .app_data(Data::new(self.tokens.clone()));
        let app = test::init_service(app).await;
        let mut request = test::TestRequest::get()
            .uri(path)
            .insert_header(("authorization", format!("Bearer {token}")));
        for (name, value) in headers {
            request = request.insert_header((*name, value.as_str()));
        }
        let response = match test::try_call_service(&app, request.to_request()).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap().to_vec();
        Answer { status, headers, bytes }
    }

    /// GETs at this position.
    pub(super) async fn get(&self, who: u128, path: &str, position: i64) -> Answer {
        self.get_with(who, path, &[("spendlog-position", position.to_string())])
            .await
    }

    /// The first so many pieces of an endless answer, or fewer if it ends.
    pub(super) async fn stream(&self, who: u128, path: &str, headers: &[(&str, &str)], pieces: usize) -> Vec<String> {
        let caller = Caller {
            user: user(who).uuid(),
            session: Uuid::nil(),
            role: Role::Member,
        };
        let token = self.tokens.issue(caller).unwrap().access;
        let app = App::new()
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .app_data(Data::new(self.api.clone()))
            .app_data(Data::new(self.tokens.clone()));
        let app = test::init_service(app).await;
        let mut request = test::TestRequest::get()
            .uri(path)
            .insert_header(("authorization", format!("Bearer {token}")));
        for header in headers {
            request = request.insert_header(*header);
        }
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().boxed();
        let mut body = Box::pin(futures_util::stream::unfold(body, |mut body| async move {
            let piece =
                futures_util::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await?;
            Some((piece.unwrap(), body))
        }));
        let mut got = Vec::new();
        while got.len() < pieces {
            match tokio::time::timeout(Duration::from_secs(10), body.next())
                .await
                .unwrap()
            {
                Some(piece) => got.push(String::from_utf8(piece.to_vec()).unwrap()),
                None => break,
            }
        }
        got
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
