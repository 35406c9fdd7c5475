//! `Idempotency-Key`: the same request sent again gets the first answer (draft-ietf-httpapi-idempotency-key-header).

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::{Code, Problem};

/// The header's name.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
const KEY_MAX: usize = 255;

/// The key: a structured-field string (`"…"`), or the bare text of one.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let invalid = || {
        Problem::new(
            Code::InvalidHeader,
            "Idempotency-Key must be one text of 1 to 255 printable ASCII characters",
        )
    };
    if values.next().is_some() {
        return Err(invalid());
    }
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.map_or_else(
        || text.to_owned(),
        |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"),
    );
    if key.is_empty() || key.len() > KEY_MAX {
        Err(invalid())
    } else {
        Ok(Some(key))
    }
}
