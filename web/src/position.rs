//! `Spendlog-Position`: where a write stands in the journal, and what a read must have seen at least.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{Code, Problem};

/// The header's name.
pub const POSITION: HeaderName = HeaderName::from_static("spendlog-position");

/// The position that the caller wants to see at least.
pub fn wanted(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(POSITION) else {
        return Ok(None);
    };
    let position = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|position: &i64| *position >= 0);
    position.map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidHeader,
            "Spendlog-Position must be a position of the journal",
        )
    })
}

/// The header's value.
pub fn value(position: i64) -> HeaderValue {
    HeaderValue::from(position)
}
