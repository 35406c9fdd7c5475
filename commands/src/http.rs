//! Writes over HTTP: what every one of them brings, and what it is answered with.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{ETAG, LOCATION},
    },
    web::{Bytes, Data},
};
use futures_util::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use spendlog_domain::values::UserId;
use spendlog_schemas::written::Written;
use spendlog_web::{
    Caller, Problem, body, conditional,
    edge::request_id,
    idempotency,
    position::{POSITION, value as position_value},
};
use uuid::Uuid;

use crate::{Actor, Commands, Context, Done, Outcome};

/// What a write brings in its body.
pub(crate) trait Body: Sized + 'static {
    /// Reads it.
    fn read(request: &HttpRequest, bytes: &Bytes) -> Result<Self, Problem>;
}

/// Nothing that would be read.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Body for Nothing {
    fn read(_: &HttpRequest, _: &Bytes) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> Body for Json<T> {
    fn read(request: &HttpRequest, bytes: &Bytes) -> Result<Self, Problem> {
        body::check_json_type(request)?;
        body::parse(bytes).map(Self)
    }
}

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct Maybe<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> Body for Maybe<T> {
    fn read(request: &HttpRequest, bytes: &Bytes) -> Result<Self, Problem> {
        if bytes.is_empty() {
            Ok(Self(T::default()))
        } else {
            Json::read(request, bytes).map(|json| Self(json.0))
        }
    }
}

/// A write by somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Write<B> {
    /// Who sent it.
    pub(crate) user: UserId,
    /// What stands around the command.
    pub(crate) context: Context,
    /// What they sent.
    pub(crate) body: B,
}

impl<B: Body> FromRequest for Write<B> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::of(&request)?;
            let bytes = body::read(&mut payload, body::JSON_MAX).await?;
            let context = context(&request, caller, &bytes).await?;
            Ok(Self {
                user: UserId::new(caller.user),
                context,
                body: B::read(&request, &bytes)?,
            })
        })
    }
}

/// The write side, as the app holds it.
pub(crate) fn commands(request: &HttpRequest) -> Result<&Data<Commands>, Problem> {
    request
        .app_data::<Data<Commands>>()
        .ok_or_else(|| Problem::internal("the app has no write side"))
}

/// What stands around a request of somebody who is signed in, with these bytes as its content.
pub(crate) async fn context(request: &HttpRequest, caller: Caller, content: &[u8]) -> Result<Context, Problem> {
    let headers = request.headers();
    let (if_match, key) = (conditional::if_match(headers)?, idempotency::key(headers)?);
    let user = UserId::new(caller.user);
    let mut context = Context {
        if_match,
        correlation: request_id(request),
        ..Context::of_user(user)
    };
    if let Some(key) = key {
        let keys = commands(request)?.keys(caller.user).await?;
        let place = place(request);
        context.command_id = keys.derive_id("idempotency", &joined(&[place.as_bytes(), key.as_bytes()]));
        context.request = Some(hex::encode(keys.hash("request", &joined(&[place.as_bytes(), content]))));
        context.repeatable = true;
    }
    Ok(context)
}

/// What stands around a request of somebody who is not signed in, but says who they are.
pub(crate) async fn anonymous_context(
    request: &HttpRequest,
    user: Option<UserId>,
    who: &[u8],
    content: &[u8],
) -> Result<Context, Problem> {
    let key = idempotency::key(request.headers())?;
    let mut context = Context::of_user(user.unwrap_or(UserId::new(Uuid::nil())));
    context.correlation = request_id(request);
    if let Some(key) = key {
        let keyring = commands(request)?.journal.keyring();
        let place = place(request);
        let id = keyring
            .index("idempotency", &joined(&[place.as_bytes(), who, key.as_bytes()]))
            .await;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&id.map_err(crate::refusal::key)?[..16]);
        context.command_id = Uuid::new_v8(bytes);
        let content = keyring.index("request", &joined(&[place.as_bytes(), content])).await;
        context.request = Some(hex::encode(content.map_err(crate::refusal::key)?));
        context.repeatable = true;
    }
    if user.is_none() {
        context.actor = Actor::User(UserId::new(context.command_id));
    }
    Ok(context)
}

fn place(request: &HttpRequest) -> String {
    format!("{} {}", request.method(), request.path())
}

/// Parts, each with its length before it, so that no two lists of parts give the same bytes.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The answer to a write: a body of its own, the version and the position in headers.
pub(crate) fn answer(status: StatusCode, version: i64, position: i64, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((ETAG, conditional::etag(version)))
        .insert_header((POSITION, position_value(position)))
        .json(body)
}

/// The answer to a change.
pub(crate) fn changed<A>(done: Done<A>) -> HttpResponse {
    let Done {
        id, version, position, ..
    } = done;
    answer(StatusCode::OK, version, position, &Written { id, version, position })
}

/// The answer to a creation in this collection: 200 where it was there already.
pub(crate) fn created<A>(done: Done<A>, collection: &str) -> HttpResponse {
    let Done {
        id,
        version,
        position,
        outcome,
        ..
    } = done;
    let status = match outcome {
        Outcome::Nothing => StatusCode::OK,
        Outcome::Recorded | Outcome::Repeated => StatusCode::CREATED,
    };
    let location = format!("{collection}/{id}");
    let mut response = answer(status, version, position, &Written { id, version, position });
    if let Ok(location) = location.try_into() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
