//! Transactions, as they are and as they were, and how they came to be so.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::ETAG,
    web::{Data, Path},
};
use spendlog_domain::values::{AccountId, BookId, CategoryId, Decimal, DocumentId, TransactionId};
use spendlog_projections::{
    At, Group,
    transactions::{self, Cursor, Filter, Order, Sort},
};
use spendlog_schemas::{
    headers::SeenPosition,
    history::History,
    page::Page,
    problem::ProblemDetails,
    transactions::{AtQuery, Transaction, TransactionStatus, TransactionsOrder, TransactionsQuery},
};
use spendlog_web::{
    Caller, Code, Problem,
    body::{Query, id},
    conditional, page,
};

use crate::{
    ReadApi,
    access::{self, failed, user},
    answer::{JSON, after, json, limits, link},
};

/// The longest text to search for, in characters.
const TEXT_MAX: usize = 100;

/// List transactions
#[utoipa::path(
    operation_id = "transactions.list", tag = "transactions", security(("bearer" = [])),
    params(TransactionsQuery, SeenPosition),
    responses((status = 200, body = Page<Transaction>), ProblemDetails),
)]
#[get("/finance/transactions")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<TransactionsQuery>,
) -> Result<HttpResponse, Problem> {
    api.ready(&request, Group::Ledger).await?;
    let book = api.book(user(caller), query.0.book.as_deref()).await?;
    page_of(&api, &request, book, &query.0).await
}

/// A page of a book's transactions.
pub(crate) async fn page_of(
    api: &ReadApi,
    request: &HttpRequest,
    book: BookId,
    query: &TransactionsQuery,
) -> Result<HttpResponse, Problem> {
    let (shown, _) = limits(query.limit)?;
    let filter = filter(query)?;
    let cursor: Option<Cursor> = after(query.after.as_deref())?;
    let at = api.at(query.at.as_deref(), Group::Ledger).await?;
    let found = transactions::list(api.reader(), book, &filter, at, cursor, shown)
        .await
        .map_err(failed)?;
    let next = found.next.as_ref().map(page::cursor).transpose()?;
    // The rows are the answers already: nothing is parsed or written but the brackets around them.
    let mut body = String::with_capacity(64 + found.bodies.iter().map(|body| body.len() + 1).sum::<usize>());
    body.push_str("{\"data\":[");
    for (number, row) in found.bodies.iter().enumerate() {
        if number > 0 {
            body.push(',');
        }
        body.push_str(row);
    }
    body.push_str("],\"next\":");
    match &next {
        // A cursor is base64: nothing in it needs to be escaped.
        Some(next) => {
            body.push('"');
            body.push_str(next);
            body.push('"');
        }
        None => body.push_str("null"),
    }
    body.push('}');
    let mut response = HttpResponse::Ok().insert_header(JSON).body(body);
    link(request, &mut response, next.as_deref());
    Ok(response)
}

fn filter(query: &TransactionsQuery) -> Result<Filter, Problem> {
    let text = query.text.as_ref().filter(|text| !text.is_empty()).cloned();
    if text
        .as_ref()
        .is_some_and(|text| text.chars().count() > TEXT_MAX || text.contains('\0'))
    {
        return Err(Problem::new(Code::InvalidQuery, "text may have 100 characters"));
    }
    access::days(query.from, query.to)?;
    let account: Option<AccountId> = access::query_id("account", query.account.as_deref())?;
    let category: Option<CategoryId> = access::query_id("category", query.category.as_deref())?;
    let document: Option<DocumentId> = access::query_id("document", query.document.as_deref())?;
    let (sort, order) = match query.order.unwrap_or_default() {
        TransactionsOrder::BookedOn => (Sort::BookedOn, Order::Ascending),
        TransactionsOrder::BookedOnDescending => (Sort::BookedOn, Order::Descending),
        TransactionsOrder::Amount => (Sort::Amount, Order::Ascending),
        TransactionsOrder::AmountDescending => (Sort::Amount, Order::Descending),
    };
    Ok(Filter {
        from: query.from,
        to: query.to,
        amount_min: bound("amount_min", query.amount_min.as_deref())?,
        amount_max: bound("amount_max", query.amount_max.as_deref())?,
        account: account.map(AccountId::uuid),
        category: category.map(CategoryId::uuid),
        document: document.map(DocumentId::uuid),
        text,
        voided: query.status.map(|status| status == TransactionStatus::Voided),
        sort,
        order,
    })
}

/// An amount of a filter in ten-thousandths, in which no currency has a fraction left.
fn bound(name: &'static str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let invalid = || {
        Problem::new(
            Code::InvalidQuery,
            format!("{name} must be a decimal number of at most 4 digits behind the point"),
        )
    };
    let Some(text) = text else {
        return Ok(None);
    };
    let number: Decimal = text.parse().map_err(|_| invalid())?;
    let digits = 4_u32.checked_sub(u32::from(number.scale)).ok_or_else(invalid)?;
    Ok(Some(number.unscaled.saturating_mul(10_i64.pow(digits))))
}

/// One transaction
#[utoipa::path(
    operation_id = "transactions.one", tag = "transactions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The transaction"), AtQuery, SeenPosition),
    responses((status = 200, body = Transaction), ProblemDetails),
)]
#[get("/finance/transactions/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<AtQuery>,
) -> Result<HttpResponse, Problem> {
    let transaction: TransactionId = id(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let at = api.at(query.0.at.as_deref(), Group::Ledger).await?;
    let (version, body) = api
        .find(user(caller), async |books| {
            transactions::one(api.reader(), books, transaction, at).await
        })
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header(JSON)
        .insert_header((ETAG, conditional::etag(version)))
        .body(body))
}

/// How a transaction came to be what it is
#[utoipa::path(
    operation_id = "transactions.history", tag = "transactions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The transaction"), SeenPosition),
    responses((status = 200, body = History), ProblemDetails),
)]
#[get("/finance/transactions/{id}/history")]
pub(crate) async fn history(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let transaction: TransactionId = id(&path)?;
    api.all_ready(&request).await?;
    let books = api.fresh_book_ids(user(caller)).await?;
    if transactions::one(api.reader(), &books, transaction, At::Now)
        .await
        .map_err(failed)?
        .is_none()
    {
        return Err(Code::NotFound.into());
    }
    json(&History {
        data: crate::history::of_transaction(&api, &books, transaction).await?,
    })
}
