//! Somebody who writes, and never gives up before there is an answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ground, survive};
use crate::{Answer, DEADLINE};

const DAY: &str = "2026-09-14";

/// What the writers work on together.
pub(super) struct Field {
    account: String,
    /// The path of a transaction that many change.
    shared: String,
    /// The account that is closed next.
    doomed: Mutex<String>,
}

impl Field {
    pub(super) async fn prepare(ground: &Ground) -> Arc<Self> {
        let person = &ground.person;
        let account = person.account("Current account", "EUR").await;
        let shared = person.spend(&account, "-1.00", DAY, "Shared").await;
        Arc::new(Self {
            shared: format!("/finance/transactions/{}", shared.text("id")),
            account,
            doomed: Mutex::new(person.account("Doomed", "EUR").await),
        })
    }

    fn doomed(&self) -> String {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a writer was told.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Commands that were acknowledged.
    pub(super) acknowledged: u64,
    /// Commands that were refused.
    pub(super) refused: u64,
    /// Transactions that are recorded.
    pub(super) recorded: Vec<String>,
    /// Where notes were changed.
    pub(super) noted: Vec<i64>,
    /// Accounts that are opened.
    pub(super) opened: Vec<String>,
    /// Accounts that are closed, and since when.
    pub(super) closed: Vec<(String, i64)>,
    /// Answers that should not be.
    pub(super) wrong: Vec<String>,
}

/// A writer.
pub(super) struct Writer {
    ground: Arc<Ground>,
    field: Arc<Field>,
    random: fastrand::Rng,
    written: Written,
}

impl Writer {
    pub(super) fn new(ground: Arc<Ground>, field: Arc<Field>, random: fastrand::Rng) -> Self {
        Self {
            ground,
            field,
            random,
            written: Written::default(),
        }
    }

    /// Writes until it is over. What it was told before a panic is kept.
    pub(super) async fn run(mut self) -> Written {
        if let Err(words) = survive(self.work()).await {
            self.written.wrong.insert(0, words);
        }
        self.written
    }

    async fn work(&mut self) {
        while !self.ground.is_over() {
            match self.random.u8(0..20) {
                0..8 => self.record().await,
                8..11 => self.record_twice().await,
                11..14 => self.note().await,
                14..16 => self.record_many().await,
                16..19 => self.record_in_doomed().await,
                _ => self.close().await,
            }
        }
    }

    async fn record(&mut self) {
        let body = expense(&self.field.account);
        let answer = self.write(Method::POST, "/finance/transactions", &body).await;
        self.recorded(&answer, &[]);
    }

    /// The same request to both servers at the same moment.
    async fn record_twice(&mut self) {
        let (key, body) = (self.key(), expense(&self.field.account));
        let ask = |server| ask(&self.ground, server, Method::POST, "/finance/transactions", &key, &body);
        let (one, other) = tokio::join!(ask(0), ask(1));
        if one.body["id"] != other.body["id"] || one.header("spendlog-position") != other.header("spendlog-position") {
            let wrong = format!("one key, two answers: {} and {}", one.body, other.body);
            self.written.wrong.push(wrong);
        }
        self.recorded(&one, &[]);
    }

    async fn record_many(&mut self) {
        let count = self.random.usize(2..40);
        let body = json!({"transactions": vec![expense(&self.field.account); count]});
        let answer = self.write(Method::POST, "/finance/transactions/bulk", &body).await;
        if !self.is(&answer, 201, &[]) {
            return;
        }
        let ids = answer.body["ids"].as_array().into_iter().flatten();
        self.written
            .recorded
            .extend(ids.filter_map(Value::as_str).map(str::to_owned));
    }

    async fn note(&mut self) {
        let body = json!({"note": self.key()});
        let path = self.field.shared.clone();
        let answer = self.write(Method::PATCH, &path, &body).await;
        if self.is(&answer, 200, &["conflict"]) {
            self.written.noted.push(answer.position());
        }
    }

    async fn record_in_doomed(&mut self) {
        let body = expense(&self.field.doomed());
        let answer = self.write(Method::POST, "/finance/transactions", &body).await;
        self.recorded(&answer, &["account-closed", "conflict"]);
    }

    /// Closes the doomed account under the hands of the others, who go on with another one.
    async fn close(&mut self) {
        let body = json!({"name": "Doomed", "kind": "checking", "currency": "EUR"});
        let opened = self.write(Method::POST, "/finance/accounts", &body).await;
        if !self.is(&opened, 201, &[]) {
            return;
        }
        let account = opened.text("id").to_owned();
        self.written.opened.push(account.clone());
        let doomed = self.field.doomed();
        let closed = self
            .write(Method::POST, &format!("/finance/accounts/{doomed}/close"), &json!({}))
            .await;
        *self.field.doomed.lock().unwrap_or_else(PoisonError::into_inner) = account;
        if self.is(&closed, 200, &["conflict", "account-closed"]) {
            self.written.closed.push((doomed, closed.position()));
        }
    }

    fn recorded(&mut self, answer: &Answer, refusals: &[&str]) {
        if self.is(answer, 201, refusals) {
            self.written.recorded.push(answer.text("id").to_owned());
        }
    }

    /// Whether it was done; if not, whether it was refused as it may be.
    fn is(&mut self, answer: &Answer, done: u16, refusals: &[&str]) -> bool {
        let code = answer.body["code"].as_str().unwrap_or_default();
        if answer.status == done {
            self.written.acknowledged += 1;
            return true;
        }
        self.written.refused += 1;
        if !refusals.contains(&code) {
            self.written
                .wrong
                .push(format!("answered {}: {}", answer.status, answer.body));
        }
        false
    }

    async fn write(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let (server, key) = (self.random.usize(0..2), self.key());
        ask(&self.ground, server, method, path, &key, body).await
    }

    fn key(&mut self) -> String {
        Uuid::from_u128(self.random.u128(..)).to_string()
    }
}

fn expense(account: &str) -> Value {
    json!({"account": account, "amount": "-1.00", "booked_on": DAY, "merchant": "Corner shop"})
}

/// Asks, with one and the same key, now here and now there, until it is known what came of it.
async fn ask(ground: &Ground, mut server: usize, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let (since, mut pause) = (Instant::now(), Duration::from_millis(20));
    loop {
        let request = ground
            .person
            .request_at(&ground.address(server), method.clone(), path)
            .bearer_auth(ground.token())
            .header("idempotency-key", key)
            .json(body);
        let answer = match request.send().await {
            Ok(response) => Answer::arrived(response).await,
            Err(_) => None,
        };
        match answer {
            Some(answer) if answer.status == 401 => ground.sign_in(server).await,
            Some(answer) if !answer.status.is_server_error() => return answer,
            _ => {}
        }
        assert!(since.elapsed() < DEADLINE, "{method} {path} got no answer in time");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
        server += 1;
    }
}

impl Ground {
    /// Gets a fresh token, where the old one has expired.
    async fn sign_in(&self, server: usize) {
        let body = json!({"email": self.person.email, "password": self.person.password});
        let request = self
            .person
            .request_at(&self.address(server), Method::POST, "/users/token");
        if let Ok(response) = request.json(&body).send().await
            && let Some(answer) = Answer::arrived(response).await
            && let Some(token) = answer.body["access"].as_str()
        {
            token.clone_into(&mut self.token.write().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
