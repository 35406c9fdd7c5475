//! Imports over HTTP.

mod accepted;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    post,
    web::{Data, Path},
};
use spendlog_domain::values::ImportId;
use spendlog_schemas::{
    headers::{IdempotencyKey, IfMatch},
    imports as schemas,
    problem::ProblemDetails,
};
use spendlog_web::{Problem, body::id};

use crate::{
    Commands,
    http::{Maybe, Nothing, Write, answer},
    imports, input,
};

pub(crate) use accepted::accepted;

/// Accept the lines of an import
///
/// Says of each line which transaction it is, and whether that is new, was there, or counts again because a reverted import had
/// brought it. Doing it twice changes nothing, and tells the same.
#[utoipa::path(
    operation_id = "imports.accept", tag = "imports", request_body = schemas::AcceptImport, security(("bearer" = [])),
    params(("id" = String, Path, description = "The import"), IfMatch, IdempotencyKey),
    responses((status = 200, body = schemas::Accepted), ProblemDetails),
)]
#[post("/finance/imports/{id}/accept")]
pub(crate) async fn accept(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Maybe<schemas::AcceptImport>>,
) -> Result<HttpResponse, Problem> {
    let account = write.body.0.account;
    let account = account.map(|account| input::id("/account", &account)).transpose()?;
    let import: ImportId = id(&path)?;
    let (done, lines) = imports::accept(&commands, &write.context, import, account).await?;
    let accepted = accepted(&commands, import, &lines, done.position).await?;
    Ok(answer(StatusCode::OK, accepted.version, accepted.position, &accepted))
}

/// Revert an import
///
/// What it brought counts no longer; accepting it again restores that.
#[utoipa::path(
    operation_id = "imports.revert", tag = "imports", security(("bearer" = [])),
    params(("id" = String, Path, description = "The import"), IfMatch, IdempotencyKey),
    responses((status = 200, body = schemas::Reverted), ProblemDetails),
)]
#[post("/finance/imports/{id}/revert")]
pub(crate) async fn revert(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Nothing>,
) -> Result<HttpResponse, Problem> {
    let done = imports::revert(&commands, &write.context, id(&path)?).await?;
    let (version, position) = (done.version, done.position);
    let reverted = schemas::Reverted {
        id: done.id,
        voided: done.state.voided_count(),
        version,
        position,
    };
    Ok(answer(StatusCode::OK, version, position, &reverted))
}
