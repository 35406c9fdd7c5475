//! Answers: one thing with its tag, a page with its link.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_TYPE, ETAG},
};
use serde::Serialize;
use spendlog_schemas::page::Page;
use spendlog_web::{Problem, conditional, page};

/// The media type of all answers but files and streams.
pub(crate) const JSON: (actix_web::http::header::HeaderName, &str) = (CONTENT_TYPE, "application/json");

/// Something, as JSON.
pub(crate) fn json<T: Serialize>(body: &T) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(body).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header(JSON).body(body))
}

/// One thing with its version.
pub(crate) fn tagged<T: Serialize>(version: i64, body: &T) -> Result<HttpResponse, Problem> {
    let mut response = json(body)?;
    response.headers_mut().insert(ETAG, conditional::etag(version));
    Ok(response)
}

/// One thing that its version tells all about: 304 to who has it.
pub(crate) fn conditional<T: Serialize>(
    request: &HttpRequest,
    version: i64,
    body: &T,
) -> Result<HttpResponse, Problem> {
    if conditional::is_known(request, version) {
        return Ok(HttpResponse::NotModified()
            .insert_header((ETAG, conditional::etag(version)))
            .finish());
    }
    tagged(version, body)
}

/// A page of rows, of which one more was fetched than fits; `key` is what a row is found again by.
pub(crate) fn paged<R, T: Serialize, K: Serialize>(
    request: &HttpRequest,
    limit: usize,
    mut rows: Vec<R>,
    key: impl Fn(&R) -> K,
    convert: impl Fn(R) -> T,
) -> Result<HttpResponse, Problem> {
    let next = cut(&mut rows, limit, |row| page::cursor(&key(row)))?;
    let mut response = json(&Page {
        data: rows.into_iter().map(convert).collect(),
        next: next.clone(),
    })?;
    link(request, &mut response, next.as_deref());
    Ok(response)
}

/// Cuts rows, of which one more was fetched than fits, to a page. Gives the cursor of its last row, if others follow.
pub(crate) fn cut<R>(
    rows: &mut Vec<R>,
    limit: usize,
    cursor: impl Fn(&R) -> Result<String, Problem>,
) -> Result<Option<String>, Problem> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(cursor).transpose()
}

/// Names the next page, if there is one.
pub(crate) fn link(request: &HttpRequest, response: &mut HttpResponse, next: Option<&str>) {
    if let Some((name, value)) = next.and_then(|next| page::next_link(request, next)) {
        response.headers_mut().insert(name, value);
    }
}

/// How many rows to show, and how many to fetch so that it is known whether there are more.
pub(crate) fn limits(limit: Option<u32>) -> Result<(usize, i64), Problem> {
    let limit = page::limit(limit)?;
    Ok((usize::try_from(limit).unwrap_or(usize::MAX), i64::from(limit) + 1))
}

/// The key of a cursor, if there is one.
pub(crate) fn after<K: serde::de::DeserializeOwned>(after: Option<&str>) -> Result<Option<K>, Problem> {
    after.map(page::key).transpose()
}
