//! Positions of the journal in headers. `Spendlog-Position`: where a write stands, and what a read must have seen at least.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{Code, Problem};

/// The header's name.
pub const POSITION: HeaderName = HeaderName::from_static("spendlog-position");

/// The position that the caller wants to see at least.
pub fn wanted(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    in_header(headers, "Spendlog-Position")
}

/// The position of the last event that the caller got of a stream which broke off.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    in_header(headers, "Last-Event-ID")
}

fn in_header(headers: &HeaderMap, name: &str) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let position = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|position: &i64| *position >= 0);
    position.map(Some).ok_or_else(|| {
        let detail = format!("{name} must be a position of the journal");
        Problem::new(Code::InvalidHeader, detail)
    })
}

/// The header's value.
pub fn value(position: i64) -> HeaderValue {
    HeaderValue::from(position)
}
