//! Categories, as they are and as they were.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use spendlog_domain::{categories::CategoryKind as Kind, values::CategoryId};
use spendlog_projections::{Group, categories};
use spendlog_schemas::{
    categories::{CategoriesQuery, Category, CategoryKind},
    headers::SeenPosition,
    page::Page,
    problem::ProblemDetails,
    transactions::AtQuery,
};
use spendlog_web::{
    Caller, Problem,
    body::{Query, id},
};

use crate::{
    ReadApi,
    access::{failed, user},
    answer::{after, conditional, limits, paged},
};

/// A category as it is answered.
pub(crate) fn category(from: categories::Category) -> Category {
    Category {
        id: from.id.to_string(),
        book: from.book.to_string(),
        name: from.name.to_clear(),
        kind: match from.kind {
            Kind::Expense => CategoryKind::Expense,
            Kind::Income => CategoryKind::Income,
            Kind::Uncategorised => CategoryKind::Uncategorised,
        },
        merged_into: from.merged_into.map(|into| into.to_string()),
        version: from.version,
        created_at: from.created_at,
        changed_at: from.changed_at,
    }
}

/// List categories
#[utoipa::path(
    operation_id = "categories.list", tag = "categories", security(("bearer" = [])),
    params(CategoriesQuery, SeenPosition),
    responses((status = 200, body = Page<Category>), ProblemDetails),
)]
#[get("/finance/categories")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<CategoriesQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, fetched) = limits(query.0.limit)?;
    let from = after(query.0.after.as_deref())?.unwrap_or(0);
    api.ready(&request, Group::Ledger).await?;
    let book = api.book(user(caller), query.0.book.as_deref()).await?;
    let at = api.at(query.0.at.as_deref(), Group::Ledger).await?;
    let rows = categories::list(api.reader(), book, at, from, fetched)
        .await
        .map_err(failed)?;
    paged(&request, shown, rows, |row| row.created_position, category)
}

/// One category
#[utoipa::path(
    operation_id = "categories.one", tag = "categories", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The category"),
        AtQuery,
        ("If-None-Match" = Option<String>, Header, description = "The version that is known"),
        SeenPosition,
    ),
    responses((status = 200, body = Category), (status = 304, description = "It has the version that If-None-Match names"), ProblemDetails),
)]
#[get("/finance/categories/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<AtQuery>,
) -> Result<HttpResponse, Problem> {
    let category_id: CategoryId = id(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let at = api.at(query.0.at.as_deref(), Group::Ledger).await?;
    let found = api
        .find(user(caller), async |books| {
            categories::one(api.reader(), books, category_id, at).await
        })
        .await?;
    conditional(&request, found.version, &category(found))
}
