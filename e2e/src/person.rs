//! Somebody who uses the API.

use reqwest::{
    Method, RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Events, TestApp, eventually};

/// A registered user with a token.
#[derive(Clone, Debug)]
pub struct Person {
    client: reqwest::Client,
    base: String,
    /// What they sign in with.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Their id.
    pub user: String,
    /// Their first book.
    pub book: String,
    /// Their access token.
    pub token: String,
    /// What they get another one with.
    pub refresh: String,
    /// Where the journal was when they had registered.
    pub position: i64,
}

impl Person {
    /// Nobody: without a token.
    pub fn nobody(app: &TestApp) -> Self {
        Self {
            client: app.client().clone(),
            base: app.url(""),
            email: String::new(),
            password: String::new(),
            user: String::new(),
            book: String::new(),
            token: String::new(),
            refresh: String::new(),
            position: 0,
        }
    }

    /// Registers somebody new.
    pub async fn register(app: &TestApp) -> Self {
        let email = format!("{}@example.org", Uuid::now_v7().simple());
        Self::register_as(app, &email, "correct horse battery staple", None).await
    }

    /// Registers somebody by this address, with this password and name.
    pub async fn register_as(app: &TestApp, email: &str, password: &str, name: Option<&str>) -> Self {
        let mut person = Self {
            email: email.to_owned(),
            password: password.to_owned(),
            ..Self::nobody(app)
        };
        let mut body = json!({"email": email, "password": password});
        if let Some(name) = name {
            body["name"] = name.into();
        }
        let registered = person.post("/users/register", body).await.expect(201);
        person.user = registered.text("user").to_owned();
        person.book = registered.text("book").to_owned();
        person.position = registered.position();
        person.sign_in().await;
        person
    }

    /// Gets fresh tokens by address and password.
    pub async fn sign_in(&mut self) {
        let body = json!({"email": self.email, "password": self.password});
        let tokens = self.post("/users/token", body).await.expect(200);
        self.token = tokens.text("access").to_owned();
        self.refresh = tokens.text("refresh").to_owned();
    }

    /// The same person with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The same person, at another server, or at the same one started again.
    pub fn at(&self, app: &TestApp) -> Self {
        Self {
            base: app.url(""),
            client: app.client().clone(),
            ..self.clone()
        }
    }

    /// A request to the server at this address, to be completed, without a token.
    pub fn request_at(&self, address: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{address}{path}"))
    }

    /// A request of theirs, to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.request_at(&self.base, method, path);
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("the server answers")).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET of what is at least as new as this position. Asks again while the tables are behind, as the answer says to:
    /// on a busy machine two seconds may be too few.
    pub async fn get_at(&self, path: &str, position: i64) -> Answer {
        eventually("the read tables are there", async || {
            let answer = self.get_at_once(path, position).await;
            (answer.body["code"] != "read-model-behind").then_some(answer)
        })
        .await
    }

    /// The same, with whatever is answered first.
    pub async fn get_at_once(&self, path: &str, position: i64) -> Answer {
        self.send(self.request(Method::GET, path).header("spendlog-position", position))
            .await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// POST of JSON with another header.
    pub async fn post_with(&self, path: &str, header: (&str, &str), body: Value) -> Answer {
        self.send(self.request(Method::POST, path).header(header.0, header.1).json(&body))
            .await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// PATCH of JSON with another header.
    pub async fn patch_with(&self, path: &str, header: (&str, &str), body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).header(header.0, header.1).json(&body))
            .await
    }

    /// The rows of a list, page after page, as of this position or later.
    pub async fn all(&self, path: &str, position: i64) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = match &next {
                None => self.get_at(path, position).await.expect(200),
                Some(after) => self
                    .get_at(&format!("{path}{sign}after={after}"), position)
                    .await
                    .expect(200),
            };
            rows.extend(page.body["data"].as_array().expect("a list has data").iter().cloned());
            match page.body["next"].as_str() {
                Some(after) => next = Some(after.to_owned()),
                None => return rows,
            }
        }
    }

    /// Opens an account and gives its id.
    pub async fn account(&self, name: &str, currency: &str) -> String {
        let body = json!({"name": name, "kind": "checking", "currency": currency});
        self.post("/finance/accounts", body)
            .await
            .expect(201)
            .text("id")
            .to_owned()
    }

    /// The id of a category of theirs, by its name.
    pub async fn category(&self, name: &str) -> String {
        let all = self.all("/finance/categories?limit=100", self.position).await;
        let found = all.iter().find(|category| category["name"] == name);
        found
            .and_then(|category| category["id"].as_str())
            .expect("there is such a category")
            .to_owned()
    }

    /// Records an expense and gives the answer.
    pub async fn spend(&self, account: &str, amount: &str, day: &str, merchant: &str) -> Answer {
        let body = json!({"account": account, "amount": amount, "booked_on": day, "merchant": merchant});
        self.post("/finance/transactions", body).await.expect(201)
    }

    /// Uploads a document, for an account if one is said, to be read by an engine if one is said.
    pub async fn upload(&self, name: &str, content: Vec<u8>, parts: &[(&'static str, &str)]) -> Answer {
        let mut form = Form::new();
        for (part, value) in parts {
            form = form.text(*part, (*value).to_owned());
        }
        let form = form.part("file", Part::bytes(content).file_name(name.to_owned()));
        self.send(self.request(Method::POST, "/finance/documents").multipart(form))
            .await
    }

    /// Waits until a document is in one of these states, and gives it.
    pub async fn document_in(&self, document: &str, states: &[&str]) -> Value {
        eventually(&format!("document in {states:?}"), async || {
            let answer = self.get(&format!("/finance/documents/{document}")).await;
            let state = answer.body["status"].as_str()?;
            states.contains(&state).then(|| answer.body.clone())
        })
        .await
    }

    /// Follows a stream of server-sent events, from after this event if one is said.
    pub async fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Events::of(request.send().await.expect("the server answers"))
    }
}
