//! Paging by keyset: `?limit=&after=`, a body of `data` and `next`, and `Link: <…>; rel="next"` (RFC 8288).
//!
//! A cursor holds the sort key of the last row that was sent, as JSON in base64url. It is opaque to clients but not
//! secret, and forging one is harmless: it only chooses where among the caller's own rows to go on.

use actix_web::{
    HttpRequest,
    http::header::{HeaderValue, LINK},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Code, Problem};

/// How many rows a page has unless said otherwise.
const LIMIT_DEFAULT: u32 = 50;
/// How many rows a page has at most.
const LIMIT_MAX: u32 = 100;
/// The longest cursor, in bytes: a key that Postgres can have an index of fits.
const CURSOR_MAX: usize = 4096;

/// The number of rows that was asked for.
pub fn limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(LIMIT_DEFAULT),
        Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
        Some(_) => Err(Problem::new(Code::InvalidQuery, "limit must be between 1 and 100")),
    }
}

/// The cursor that stands for this sort key.
pub fn cursor<K: Serialize>(key: &K) -> Result<String, Problem> {
    serde_json::to_vec(key)
        .map(|json| URL_SAFE_NO_PAD.encode(json))
        .map_err(Problem::internal)
}

/// The sort key that a cursor stands for.
pub fn key<K: DeserializeOwned>(cursor: &str) -> Result<K, Problem> {
    if cursor.len() > CURSOR_MAX {
        return Err(invalid_cursor());
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid_cursor())?;
    serde_json::from_slice(&json).map_err(|_| invalid_cursor())
}

/// What is answered to a cursor that is none of ours.
pub fn invalid_cursor() -> Problem {
    Problem::new(Code::InvalidQuery, "after must be the cursor of an earlier page")
}

/// The header that names the next page: the request's own address with `after` replaced.
pub fn next_link(request: &HttpRequest, next: &str) -> Option<(actix_web::http::header::HeaderName, HeaderValue)> {
    let others = request
        .query_string()
        .split('&')
        .filter(|part| !part.is_empty() && !part.starts_with("after="));
    let query: String = others.map(|part| format!("{part}&")).collect();
    let link = format!("<{}?{query}after={next}>; rel=\"next\"", request.path());
    HeaderValue::try_from(link).ok().map(|value| (LINK, value))
}
