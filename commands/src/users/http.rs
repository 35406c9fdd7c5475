//! Users over HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::{
    HttpRequest, HttpResponse, delete,
    http::{StatusCode, header::HeaderValue, header::LOCATION},
    patch, post,
    web::Data,
};
use spendlog_domain::values::Text;
use spendlog_projections::Projections;
use spendlog_schemas::{
    headers::{IdempotencyKey, IfMatch},
    problem::ProblemDetails,
    users as schemas,
    written::Written,
};
use spendlog_web::{
    Problem,
    auth::{ACCESS_SECONDS, Pair},
    body::Json as Sent,
    position::{POSITION, value as position_value},
};

use crate::{
    Commands,
    http::{Json, Write, anonymous_context, answer, changed},
    users::{self, ChangeProfile},
};

/// Where a request came from, as far as the connection tells. Of IPv6 only the network: one subscriber has all its addresses.
fn peer(request: &HttpRequest) -> IpAddr {
    match request.peer_addr().map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V6(address)) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()
        }
        Some(address) => address,
        None => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// Sign up
///
/// Comes with a first book and its categories.
#[utoipa::path(
    operation_id = "users.register", tag = "users", request_body = schemas::RegisterUser, security(()),
    params(IdempotencyKey),
    responses((status = 201, body = schemas::Registered), ProblemDetails),
)]
#[post("/users/register")]
pub(crate) async fn register(
    commands: Data<Commands>,
    request: HttpRequest,
    sent: Sent<schemas::RegisterUser>,
) -> Result<HttpResponse, Problem> {
    commands.registrations.count(&peer(&request).to_string())?;
    let schemas::RegisterUser { email, password, name } = sent.value;
    let who = users::email_key(&commands, &email).await?;
    let context = anonymous_context(&request, None, who.as_bytes(), &sent.bytes).await?;
    let done = users::register(&commands, &context, email, password, name).await?;
    let user = done
        .state
        .id()
        .ok_or_else(|| Problem::internal("a user without an id"))?;
    let registered = schemas::Registered {
        user: user.to_string(),
        book: commands.first_book(user).await?.to_string(),
        version: done.version,
        position: done.position,
    };
    let mut response = answer(StatusCode::CREATED, done.version, done.position, &registered);
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("/users/me"));
    Ok(response)
}

fn tokens(pair: Pair) -> schemas::Tokens {
    schemas::Tokens {
        access: pair.access,
        refresh: pair.refresh,
        token_type: "Bearer".to_owned(),
        expires_in: ACCESS_SECONDS,
    }
}

/// Sign in
#[utoipa::path(
    operation_id = "users.sign_in", tag = "users", request_body = schemas::SignIn, security(()),
    responses((status = 200, body = schemas::Tokens), ProblemDetails),
)]
#[post("/users/token")]
pub(crate) async fn sign_in(
    commands: Data<Commands>,
    request: HttpRequest,
    sent: Sent<schemas::SignIn>,
) -> Result<HttpResponse, Problem> {
    let schemas::SignIn { email, password } = sent.value;
    let who = users::email_key(&commands, &email).await?;
    let context = anonymous_context(&request, None, who.as_bytes(), &sent.bytes).await?;
    let (pair, position) = users::sign_in(&commands, context, peer(&request), &email, password).await?;
    Ok(HttpResponse::Ok()
        .insert_header((POSITION, position_value(position)))
        .json(tokens(pair)))
}

/// Get fresh tokens
#[utoipa::path(
    operation_id = "users.refresh", tag = "users", request_body = schemas::RefreshTokens, security(()),
    responses((status = 200, body = schemas::Tokens), ProblemDetails),
)]
#[post("/users/token/refresh")]
pub(crate) async fn refresh(
    commands: Data<Commands>,
    sent: Sent<schemas::RefreshTokens>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tokens(users::refresh(&commands, &sent.value.refresh).await?)))
}

/// Change the profile
#[utoipa::path(
    operation_id = "users.change", tag = "users", request_body = schemas::ChangeProfile, security(("bearer" = [])),
    params(IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/users/me")]
pub(crate) async fn change(
    commands: Data<Commands>,
    write: Write<Json<schemas::ChangeProfile>>,
) -> Result<HttpResponse, Problem> {
    let name = write.body.0.name.map(|name| name.map(Text::from));
    Ok(changed(
        commands
            .run(&write.context, &ChangeProfile { user: write.user, name })
            .await?,
    ))
}

/// Change the password
///
/// All sessions end; sign in again.
#[utoipa::path(
    operation_id = "users.change_password", tag = "users", request_body = schemas::ChangePassword, security(("bearer" = [])),
    params(IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/users/me/password")]
pub(crate) async fn change_password(
    commands: Data<Commands>,
    write: Write<Json<schemas::ChangePassword>>,
) -> Result<HttpResponse, Problem> {
    let schemas::ChangePassword {
        old_password,
        new_password,
    } = write.body.0;
    Ok(changed(
        users::change_password(&commands, &write.context, write.user, old_password, new_password).await?,
    ))
}

/// Be forgotten
///
/// The account ends, and with it the books that are the caller's alone. The keys of their texts and files are destroyed, so that
/// nobody can read them again; amounts and days stay in the journal, of nobody. The address is free again. This can't be undone.
#[utoipa::path(
    operation_id = "users.forget", tag = "users", request_body = schemas::ForgetUser, security(("bearer" = [])),
    params(
        IfMatch,
        ("Idempotency-Key" = Option<String>, Header, description = "Who is forgotten gets no answer again, but 401"),
    ),
    responses(
        (status = 204, description = "Forgotten: the keys are destroyed"),
        (status = 202, description = "Forgotten: the keys will be destroyed as soon as the database allows"),
        ProblemDetails,
    ),
)]
#[delete("/users/me")]
pub(crate) async fn forget(
    commands: Data<Commands>,
    projections: Data<Projections>,
    write: Write<Json<schemas::ForgetUser>>,
) -> Result<HttpResponse, Problem> {
    let password = Some(write.body.0.password);
    let forgotten = users::forget(&commands, &projections, &write.context, write.user, password).await?;
    let status = if forgotten.destroyed {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::ACCEPTED
    };
    Ok(HttpResponse::build(status)
        .insert_header((POSITION, position_value(forgotten.position)))
        .finish())
}
