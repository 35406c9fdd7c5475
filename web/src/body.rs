//! Bodies and query strings, read under limits, with problems where they do not fit.

use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::CONTENT_TYPE,
    web::{self, Bytes},
};
use futures_util::{StreamExt as _, future::LocalBoxFuture};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;

use crate::{Code, Problem};

/// The largest JSON body of somebody who is signed in, in bytes: a thousand transactions with long notes.
pub const JSON_MAX: usize = 4 * 1024 * 1024;
/// The largest JSON body of anybody, in bytes: an address, a password and a name, or a token.
pub(crate) const ANYBODYS_MAX: usize = 16 * 1024;
/// How long a JSON body may take to arrive: what has come of it is held in memory until then.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

/// A JSON body that anybody may send, signed in or not, with its bytes: 16 KiB at most.
#[derive(Debug)]
pub struct Json<T> {
    /// What it says.
    pub value: T,
    /// As it was sent.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = check_json_type(request);
        let mut payload = payload.take();
        Box::pin(async move {
            typed?;
            let bytes = read(&mut payload, ANYBODYS_MAX).await?;
            Ok(Self {
                value: parse(&bytes)?,
                bytes,
            })
        })
    }
}

/// Refuses what does not call itself JSON.
pub fn check_json_type(request: &HttpRequest) -> Result<(), Problem> {
    let value = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        Ok(())
    } else {
        Err(Problem::new(
            Code::UnsupportedMediaType,
            "the body must be application/json",
        ))
    }
}

/// Reads the whole body, if it is not larger than so many bytes and arrives within 30 seconds.
pub async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    read_within(ARRIVAL_MAX, payload, limit).await
}

pub(crate) async fn read_within(time: Duration, payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let late = Problem::new(Code::RequestTimeout, "the body took too long to arrive");
    timeout(time, gather(payload, limit)).await.unwrap_or(Err(late))
}

async fn gather(payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut first: Option<Bytes> = None;
    let mut all = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            actix_web::error::PayloadError::Overflow => Problem::from(Code::TooLarge),
            _ => Problem::new(Code::BadRequest, "the body broke off"),
        })?;
        let size = first.as_ref().map_or(all.len(), Bytes::len) + chunk.len();
        if size > limit {
            return Err(Problem::new(Code::TooLarge, format!("the body may have {limit} bytes")));
        }
        // Nearly every body comes in one piece, which needs no copy.
        match first.take() {
            None if all.is_empty() => first = Some(chunk),
            None => all.extend_from_slice(&chunk),
            Some(piece) => {
                all.extend_from_slice(&piece);
                all.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// What a JSON body says.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        // What does not fit may break off later on as well, and then it is no JSON at all.
        let well_formed = error.is_data() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        let code = if well_formed {
            Code::InvalidBody
        } else {
            Code::MalformedJson
        };
        Problem::new(code, error.to_string())
    })
}

/// A query string. Unknown parameters are refused where the type says so.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        std::future::ready(query.map(|query| Self(query.into_inner())).map_err(|error| {
            let detail = match &error {
                actix_web::error::QueryPayloadError::Deserialize(error) => error.to_string(),
                _ => "the query string can't be read".to_owned(),
            };
            Problem::new(Code::InvalidQuery, detail)
        }))
    }
}

/// The id in a path. What is no id names nothing.
pub fn id<I: std::str::FromStr>(text: &str) -> Result<I, Problem> {
    text.parse().map_err(|_| Code::NotFound.into())
}
