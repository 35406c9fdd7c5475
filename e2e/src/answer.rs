//! What the server answered.

use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, where it is JSON; null otherwise.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Reads an answer to its end.
    pub async fn of(response: Response) -> Self {
        Self::arrived(response).await.expect("the answer arrives whole")
    }

    /// Reads an answer to its end, if it has one: a server that is killed may leave it out.
    pub async fn arrived(response: Response) -> Option<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.ok()?.to_vec();
        Some(Self {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        })
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The position that a write was committed at.
    #[track_caller]
    pub fn position(&self) -> i64 {
        self.header("spendlog-position")
            .and_then(|text| text.parse().ok())
            .expect("a write answers with its position")
    }

    /// The version in the `ETag`, quotes and all.
    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag").expect("the answer has an ETag").to_owned()
    }

    /// A text of the body.
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} is not a text in {}", self.body))
    }

    /// The same answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The same answer, if it is a problem with this status and code, and a whole one as RFC 9457 has it.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let said = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{said}");
        assert_eq!(self.body["code"], code, "{said}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["status"], status, "{said}");
        assert_eq!(self.body["type"], format!("/docs/errors#{code}"), "{said}");
        assert!(
            self.body["title"].is_string() && self.body["instance"].is_string(),
            "{said}"
        );
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"), "{said}");
        self
    }

    /// The same answer, if the problem says so of this field of the request.
    #[track_caller]
    pub fn of_field(self, pointer: &str) -> Self {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        assert!(
            errors.iter().any(|error| error["pointer"] == pointer),
            "nothing about {pointer} in {}",
            self.body
        );
        self
    }
}
