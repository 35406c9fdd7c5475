//! The middleware that every request passes: its id, its log line, its metrics, and the last word on problems.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{Problem, metrics, problem};

/// The header by which a request is named, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: made here, or the caller's where it is a UUID.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);

/// The id of a request, for what it causes. A request that did not pass the middleware gets one now.
pub fn request_id(request: &HttpRequest) -> Uuid {
    request
        .extensions()
        .get::<RequestId>()
        .map_or_else(Uuid::now_v7, |id| id.0)
}

/// The middleware: `App::wrap(actix_web::middleware::from_fn(edge::pass))`, outermost.
pub async fn pass(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given
        .and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(Uuid::now_v7);
    request.extensions_mut().insert(RequestId(id));
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = request.path());
    let method = request.method().clone();
    // An error that is no answer comes only from other middleware; every handler's error is one by now.
    let called = next.call(request).instrument(span.clone()).await?;
    let _entered = span.enter();
    let mut response = complete(called.map_into_boxed_body(), id);
    let status = response.status().as_u16();
    let took = started.elapsed();
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    metrics::request(&method, &route, status, took);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match status {
        // Who is denied what is worth a line of its own; all else that goes well is not.
        401 | 403 | 429 => tracing::info!(status, took_ms, route, "request denied"),
        _ => tracing::debug!(status, took_ms, route, "request answered"),
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// Gives every problem its place and its request, and logs, once, what is our own fault.
fn complete(response: ServiceResponse<BoxBody>, id: Uuid) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if status < StatusCode::BAD_REQUEST {
        return response;
    }
    let ours = response
        .response()
        .error()
        .and_then(|error| error.as_error::<Problem>())
        .cloned();
    let problem = match ours {
        Some(problem) => problem,
        // A body that is a problem already was written with care; leave it.
        None if response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value == problem::MEDIA_TYPE) =>
        {
            return response;
        }
        None => {
            let mut problem = Problem::of_status(status);
            // What a framework's own error says about the request may be told: it is about the request.
            if status.is_client_error() {
                problem.detail = response.response().error().map(|error| error.to_string().into());
            }
            problem
        }
    };
    if problem.code.status() >= 500 {
        let cause = problem
            .cause()
            .or_else(|| response.response().error().map(ToString::to_string));
        let (code, cause) = (problem.code.code(), cause.unwrap_or_default());
        tracing::error!(code, cause, "request failed: {cause}");
    }
    let (request, old) = response.into_parts();
    let mut new = problem.response(Some(request.path()), Some(&id.to_string()));
    for (name, value) in old.headers() {
        if !new.headers().contains_key(name) && name != actix_web::http::header::CONTENT_LENGTH {
            new.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}
