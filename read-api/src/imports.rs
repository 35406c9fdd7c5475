//! Imports and their lines.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use spendlog_domain::{imports::ImportStatus as Status, values::ImportId};
use spendlog_projections::{documents, imports};
use spendlog_schemas::{
    documents::{DocumentLine, LinesQuery},
    headers::SeenPosition,
    imports::{Import, ImportStatus, ImportsQuery},
    page::Page,
    problem::ProblemDetails,
};
use spendlog_web::{
    Caller, Code, Problem,
    body::{Query, id},
};

use crate::{
    ReadApi,
    access::{failed, user},
    answer::{after, conditional, limits, paged},
    files,
};

fn import(from: imports::Import) -> Import {
    Import {
        id: from.id.to_string(),
        book: from.book.to_string(),
        document: from.document.to_string(),
        status: match from.status {
            Status::Absent | Status::Read => ImportStatus::Read,
            Status::Accepted => ImportStatus::Accepted,
            Status::Reverted => ImportStatus::Reverted,
        },
        account: from.account.map(|account| account.to_string()),
        currency: from.currency.map(|currency| currency.code().to_owned()),
        lines_count: from.lines_count,
        new: from.new_count,
        there: from.there_count,
        restored: from.restored_count,
        voided: from.voided_count,
        version: from.version,
        read_at: from.read_at,
        changed_at: from.changed_at,
    }
}

/// List imports
#[utoipa::path(
    operation_id = "imports.list", tag = "imports", security(("bearer" = [])),
    params(ImportsQuery, SeenPosition),
    responses((status = 200, body = Page<Import>), ProblemDetails),
)]
#[get("/finance/imports")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<ImportsQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, fetched) = limits(query.0.limit)?;
    let before = after(query.0.after.as_deref())?.unwrap_or(i64::MAX);
    api.all_ready(&request).await?;
    let book = api.book(user(caller), query.0.book.as_deref()).await?;
    let rows = imports::list(api.reader(), book, before, fetched)
        .await
        .map_err(failed)?;
    paged(&request, shown, rows, |row| row.read_position, import)
}

async fn find(api: &ReadApi, caller: Caller, request: &HttpRequest, path: &str) -> Result<imports::Import, Problem> {
    let import: ImportId = id(path)?;
    api.all_ready(request).await?;
    let books = api.fresh_book_ids(user(caller)).await?;
    let found = imports::one(api.reader(), &books, import).await.map_err(failed)?;
    found.ok_or_else(|| Code::NotFound.into())
}

/// One import
#[utoipa::path(
    operation_id = "imports.one", tag = "imports", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The import"),
        ("If-None-Match" = Option<String>, Header, description = "The version that is known"),
        SeenPosition,
    ),
    responses((status = 200, body = Import), (status = 304, description = "It has the version that If-None-Match names"), ProblemDetails),
)]
#[get("/finance/imports/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&api, caller, &request, &path).await?;
    conditional(&request, found.version, &import(found))
}

/// The lines of an import
#[utoipa::path(
    operation_id = "imports.lines", tag = "imports", security(("bearer" = [])),
    params(("id" = String, Path, description = "The import"), LinesQuery, SeenPosition),
    responses((status = 200, body = Page<DocumentLine>), ProblemDetails),
)]
#[get("/finance/imports/{id}/lines")]
pub(crate) async fn lines(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<LinesQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, _) = limits(query.0.limit)?;
    let from: u32 = after(query.0.after.as_deref())?.map_or(0, |last: u32| last.saturating_add(1));
    let found = find(&api, caller, &request, &path).await?;
    let document = documents::one(api.reader(), &[found.book.uuid()], found.document).await;
    let document = document.map_err(failed)?.ok_or(Code::NotFound)?;
    let lines = files::lines(&api, &document, &found.lines, from, shown + 1).await?;
    paged(&request, shown, lines, |line| line.number, |line| line)
}
