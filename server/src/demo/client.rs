//! A client of the API, as anybody could write one.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, bail};
use futures_util::Stream;
use reqwest::{Method, RequestBuilder, header::ACCEPT, multipart};
use serde_json::{Value, json};
use spendlog_schemas::documents::Document;

/// Where a write stands in the journal, and what a read must have seen.
const POSITION: &str = "spendlog-position";

/// A signed-in user.
pub(crate) struct Client {
    http: reqwest::Client,
    address: String,
    token: String,
    book: String,
    /// The journal's position after our last write: what we read must be at least as new.
    position: AtomicI64,
}

impl Client {
    /// Registers a new user and signs in.
    pub(crate) async fn register(address: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::new();
        let mut client = Self {
            http,
            address: address.to_owned(),
            token: String::new(),
            book: String::new(),
            position: AtomicI64::new(0),
        };
        let new = json!({"email": email, "password": password, "name": "Alex Sample"});
        let registered = client.post("/users/register", new).await?;
        client.book = text(&registered, "book")?;
        let tokens = client
            .post("/users/token", json!({"email": email, "password": password}))
            .await?;
        client.token = text(&tokens, "access")?;
        Ok(client)
    }

    /// The access token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The user's first book.
    pub(crate) fn book(&self) -> &str {
        &self.book
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = request.send().await.context("the server does not answer")?;
        let status = response.status();
        let header = response
            .headers()
            .get(POSITION)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        self.position.fetch_max(header.unwrap_or(0), Ordering::Relaxed);
        let body: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!(
                "the server answered {status}: {}",
                body["detail"].as_str().or(body["title"].as_str()).unwrap_or("nothing")
            );
        }
        Ok(body)
    }

    /// A document as it stands, after all that we have written.
    pub(crate) async fn document(&self, path: &str) -> anyhow::Result<Document> {
        let request = self
            .request(Method::GET, path)
            .header(POSITION, self.position.load(Ordering::Relaxed));
        serde_json::from_value(self.send(request).await?).context("the answer is no document")
    }

    /// POST of JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// PATCH of JSON.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Uploads a document for an account; gives its id.
    pub(crate) async fn upload(&self, name: &str, content: Vec<u8>, account: &str) -> anyhow::Result<String> {
        let file = multipart::Part::bytes(content).file_name(name.to_owned());
        let form = multipart::Form::new()
            .text("account", account.to_owned())
            .part("file", file);
        let uploaded = self
            .send(self.request(Method::POST, "/finance/documents").multipart(form))
            .await?;
        text(&uploaded, "id")
    }

    /// The bytes of a stream of server-sent events.
    pub(crate) async fn events(
        &self,
        path: &str,
    ) -> anyhow::Result<impl Stream<Item = reqwest::Result<bytes::Bytes>> + use<>> {
        let response = self
            .request(Method::GET, path)
            .header(ACCEPT, "text/event-stream")
            .header(POSITION, self.position.load(Ordering::Relaxed))
            .send()
            .await?;
        Ok(response.error_for_status()?.bytes_stream())
    }
}

fn text(body: &Value, name: &str) -> anyhow::Result<String> {
    body[name]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {name}"))
}
