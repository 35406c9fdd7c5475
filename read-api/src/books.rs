//! Books of the caller.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use spendlog_domain::{books::ConfirmationPolicy as Policy, values::BookId};
use spendlog_projections::{Group, books};
use spendlog_schemas::{
    books::{Book, BooksQuery, ConfirmationPolicy},
    headers::SeenPosition,
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
};

pub(crate) fn policy(from: Policy) -> ConfirmationPolicy {
    match from {
        Policy::Manual => ConfirmationPolicy::Manual,
        Policy::WhenChecksHold => ConfirmationPolicy::WhenChecksHold,
    }
}

fn book(from: books::Book) -> Book {
    Book {
        id: from.id.to_string(),
        name: from.name.to_clear(),
        policy: policy(from.policy),
        version: from.version,
        opened_at: from.opened_at,
    }
}

/// List books
#[utoipa::path(
    operation_id = "books.list", tag = "books", security(("bearer" = [])),
    params(BooksQuery, SeenPosition),
    responses((status = 200, body = Page<Book>), ProblemDetails),
)]
#[get("/finance/books")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<BooksQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, fetched) = limits(query.0.limit)?;
    let from = after(query.0.after.as_deref())?.unwrap_or(0);
    api.ready(&request, Group::Ledger).await?;
    let rows = books::list(api.reader(), user(caller), from, fetched)
        .await
        .map_err(failed)?;
    paged(&request, shown, rows, |row| row.opened_position, book)
}

/// One book
#[utoipa::path(
    operation_id = "books.one", tag = "books", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The book"),
        ("If-None-Match" = Option<String>, Header, description = "The version that is known"),
        SeenPosition,
    ),
    responses((status = 200, body = Book), (status = 304, description = "It has the version that If-None-Match names"), ProblemDetails),
)]
#[get("/finance/books/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let book_id: BookId = id(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let found = books::one(api.reader(), user(caller), book_id).await.map_err(failed)?;
    let found = found.ok_or_else(|| Problem::from(Code::NotFound))?;
    conditional(&request, found.version, &book(found))
}
