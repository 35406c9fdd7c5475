//! The caller.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use spendlog_domain::users::Role;
use spendlog_projections::{Group, users};
use spendlog_schemas::{
    headers::SeenPosition,
    problem::ProblemDetails,
    users::{User, UserRole},
};
use spendlog_web::{Caller, Code, Problem};

use crate::{
    ReadApi,
    access::{failed, user},
    answer::tagged,
};

/// Who I am
#[utoipa::path(
    operation_id = "users.me", tag = "users", security(("bearer" = [])),
    params(SeenPosition),
    responses((status = 200, body = User), ProblemDetails),
)]
#[get("/users/me")]
pub(crate) async fn me(api: Data<ReadApi>, caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    api.ready(&request, Group::Ledger).await?;
    let id = user(caller);
    let mut found = users::one(api.reader(), id).await.map_err(failed)?;
    if found.is_none() {
        // Somebody who has just signed up: the tables may not have heard of them yet.
        api.book(id, None).await?;
        found = users::one(api.reader(), id).await.map_err(failed)?;
    }
    let found = found.ok_or_else(|| Problem::from(Code::NotFound))?;
    let me = User {
        id: found.id.to_string(),
        email: found.email.to_clear(),
        name: found.name.as_ref().and_then(|name| name.to_clear()),
        role: match found.role {
            Role::Member => UserRole::Member,
            Role::Admin => UserRole::Admin,
        },
        books: api.look_up(id).await?.iter().map(ToString::to_string).collect(),
        version: found.version,
        registered_at: found.registered_at,
    };
    tagged(found.version, &me)
}
