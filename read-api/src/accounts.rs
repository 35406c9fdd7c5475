//! Accounts, as they are and as they were.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use spendlog_domain::{
    accounts::AccountKind as Kind,
    values::{AccountId, Text},
};
use spendlog_projections::{Group, accounts};
use spendlog_schemas::{
    accounts::{Account, AccountKind, AccountStatus, AccountsQuery},
    headers::SeenPosition,
    page::Page,
    problem::ProblemDetails,
    transactions::{AccountTransactionsQuery, AtQuery, Transaction},
};
use spendlog_web::{
    Caller, Problem,
    body::{Query, id},
};

use crate::{
    ReadApi,
    access::{failed, user},
    answer::{after, limits, paged, tagged},
    transactions::page_of,
};

/// An account as it is answered.
pub(crate) fn account(from: accounts::Account) -> Account {
    Account {
        id: from.id.to_string(),
        book: from.book.to_string(),
        name: from.name.to_clear(),
        kind: match from.kind {
            Kind::Cash => AccountKind::Cash,
            Kind::Checking => AccountKind::Checking,
            Kind::Savings => AccountKind::Savings,
            Kind::CreditCard => AccountKind::CreditCard,
            Kind::Loan => AccountKind::Loan,
            Kind::Investment => AccountKind::Investment,
        },
        currency: from.currency.code().to_owned(),
        number: from.number.as_ref().and_then(Text::to_clear),
        status: if from.closed {
            AccountStatus::Closed
        } else {
            AccountStatus::Open
        },
        balance: from.balance().decimal().to_string(),
        version: from.version,
        opened_at: from.opened_at,
        changed_at: from.changed_at,
    }
}

/// List accounts
#[utoipa::path(
    operation_id = "accounts.list", tag = "accounts", security(("bearer" = [])),
    params(AccountsQuery, SeenPosition),
    responses((status = 200, body = Page<Account>), ProblemDetails),
)]
#[get("/finance/accounts")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<AccountsQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, fetched) = limits(query.0.limit)?;
    let from = after(query.0.after.as_deref())?.unwrap_or(0);
    api.ready(&request, Group::Ledger).await?;
    let book = api.book(user(caller), query.0.book.as_deref()).await?;
    let at = api.at(query.0.at.as_deref(), Group::Ledger).await?;
    let rows = accounts::list(api.reader(), book, at, from, fetched)
        .await
        .map_err(failed)?;
    paged(&request, shown, rows, |row| row.opened_position, account)
}

/// One account
#[utoipa::path(
    operation_id = "accounts.one", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account"), AtQuery, SeenPosition),
    responses((status = 200, body = Account), ProblemDetails),
)]
#[get("/finance/accounts/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<AtQuery>,
) -> Result<HttpResponse, Problem> {
    let account_id: AccountId = id(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let at = api.at(query.0.at.as_deref(), Group::Ledger).await?;
    let found = find(&api, caller, account_id, at).await?;
    // The balance changes without the version, so nobody is told that they know it already.
    tagged(found.version, &account(found.clone()))
}

/// An account of the caller's.
async fn find(
    api: &ReadApi,
    caller: Caller,
    account: AccountId,
    at: spendlog_projections::At,
) -> Result<accounts::Account, Problem> {
    api.find(user(caller), async |books| {
        accounts::one(api.reader(), books, account, at).await
    })
    .await
}

/// List an account's transactions
#[utoipa::path(
    operation_id = "accounts.transactions", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account"), AccountTransactionsQuery, SeenPosition),
    responses((status = 200, body = Page<Transaction>), ProblemDetails),
)]
#[get("/finance/accounts/{id}/transactions")]
pub(crate) async fn transactions(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<AccountTransactionsQuery>,
) -> Result<HttpResponse, Problem> {
    let account_id: AccountId = id(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let found = find(&api, caller, account_id, spendlog_projections::At::Now).await?;
    let query = query.0.of_account(found.id.to_string());
    page_of(&api, &request, found.book, &query).await
}
