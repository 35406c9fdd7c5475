//! Categories over HTTP.

use actix_web::{
    HttpResponse, patch, post,
    web::{Data, Path},
};
use spendlog_domain::{
    categories::CategoryKind,
    values::{CategoryId, Text},
};
use spendlog_schemas::{
    categories as schemas,
    headers::{IdempotencyKey, IfMatch},
    problem::ProblemDetails,
    written::Written,
};
use spendlog_web::{Problem, body::id};

use crate::{
    Commands, books,
    categories::{Change, ChangeCategory, CreateCategory},
    http::{Json, Write, changed, created},
    input,
};

fn kind(kind: schemas::CategoryKind) -> CategoryKind {
    match kind {
        schemas::CategoryKind::Expense => CategoryKind::Expense,
        schemas::CategoryKind::Income => CategoryKind::Income,
        schemas::CategoryKind::Uncategorised => CategoryKind::Uncategorised,
    }
}

/// Create a category
#[utoipa::path(
    operation_id = "categories.create", tag = "categories", request_body = schemas::CreateCategory, security(("bearer" = [])),
    params(IdempotencyKey),
    responses((status = 201, body = Written), ProblemDetails),
)]
#[post("/finance/categories")]
pub(crate) async fn create(
    commands: Data<Commands>,
    write: Write<Json<schemas::CreateCategory>>,
) -> Result<HttpResponse, Problem> {
    let body = write.body.0;
    let create = CreateCategory {
        category: CategoryId::new(write.context.command_id),
        book: books::meant(&commands, write.user, body.book.as_deref()).await?,
        name: Text::from(body.name),
        kind: kind(body.kind),
    };
    Ok(created(
        commands.run(&write.context, &create).await?,
        "/finance/categories",
    ))
}

/// Rename a category
#[utoipa::path(
    operation_id = "categories.change", tag = "categories", request_body = schemas::ChangeCategory, security(("bearer" = [])),
    params(("id" = String, Path, description = "The category"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/finance/categories/{id}")]
pub(crate) async fn change(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::ChangeCategory>>,
) -> Result<HttpResponse, Problem> {
    let change = Change::Rename(input::text(write.body.0.name));
    Ok(changed(
        commands
            .run(
                &write.context,
                &ChangeCategory {
                    category: id(&path)?,
                    change,
                },
            )
            .await?,
    ))
}

/// Merge a category into another one
#[utoipa::path(
    operation_id = "categories.merge", tag = "categories", request_body = schemas::MergeCategory, security(("bearer" = [])),
    params(("id" = String, Path, description = "The category that takes nothing more"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/categories/{id}/merge")]
pub(crate) async fn merge(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::MergeCategory>>,
) -> Result<HttpResponse, Problem> {
    let into = input::id("/into", &write.body.0.into)?;
    let use_case = ChangeCategory {
        category: id(&path)?,
        change: Change::Merge(into),
    };
    Ok(changed(commands.run(&write.context, &use_case).await?))
}
