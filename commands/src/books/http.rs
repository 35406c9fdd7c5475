//! Books over HTTP.

use actix_web::{
    HttpResponse, patch, post,
    web::{Data, Path},
};
use spendlog_domain::{
    books::ConfirmationPolicy,
    values::{BookId, Text},
};
use spendlog_schemas::{
    books as schemas,
    headers::{IdempotencyKey, IfMatch},
    problem::ProblemDetails,
    written::Written,
};
use spendlog_web::{Problem, body::id};

use crate::{
    Commands,
    books::{ChangeBook, OpenBook},
    http::{Json, Write, changed, created},
};

fn policy(policy: schemas::ConfirmationPolicy) -> ConfirmationPolicy {
    match policy {
        schemas::ConfirmationPolicy::Manual => ConfirmationPolicy::Manual,
        schemas::ConfirmationPolicy::WhenChecksHold => ConfirmationPolicy::WhenChecksHold,
    }
}

/// Open another book
#[utoipa::path(
    operation_id = "books.open", tag = "books", request_body = schemas::OpenBook, security(("bearer" = [])),
    params(IdempotencyKey),
    responses((status = 201, body = Written), ProblemDetails),
)]
#[post("/finance/books")]
pub(crate) async fn open(
    commands: Data<Commands>,
    write: Write<Json<schemas::OpenBook>>,
) -> Result<HttpResponse, Problem> {
    let schemas::OpenBook { name, policy: chosen } = write.body.0;
    let open = OpenBook {
        book: BookId::new(write.context.command_id),
        user: write.user,
        name: Text::from(name),
        policy: chosen.map(policy).unwrap_or_default(),
    };
    Ok(created(commands.run(&write.context, &open).await?, "/finance/books"))
}

/// Rename a book, or choose who confirms documents
#[utoipa::path(
    operation_id = "books.change", tag = "books", request_body = schemas::ChangeBook, security(("bearer" = [])),
    params(("id" = String, Path, description = "The book"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/finance/books/{id}")]
pub(crate) async fn change(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::ChangeBook>>,
) -> Result<HttpResponse, Problem> {
    let schemas::ChangeBook { name, policy: chosen } = write.body.0;
    let change = ChangeBook {
        book: id(&path)?,
        name: name.map(Text::from),
        policy: chosen.map(policy),
    };
    Ok(changed(commands.run(&write.context, &change).await?))
}
