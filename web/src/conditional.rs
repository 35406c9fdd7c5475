//! Versions in headers: `ETag` out, `If-Match` and `If-None-Match` in (RFC 9110).
//!
//! The tag of a thing is its version, the number of its events: `"7"`.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderValue},
};

use crate::{Code, Problem};

/// The tag of a version.
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The version that the caller has seen and wants to change. `*` and absence mean any.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|text| text.parse().ok());
    let version = version.filter(|version| *version > 0);
    version
        .map(Some)
        .ok_or_else(|| Problem::new(Code::InvalidHeader, "If-Match must be one strong tag: \"<version>\""))
}

/// Whether the caller has this version already, so that 304 is the answer to a GET.
pub fn is_known(request: &HttpRequest, version: i64) -> bool {
    let Some(value) = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let tag = format!("\"{version}\"");
    value
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
