//! What was spent and earned.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use spendlog_domain::values::AccountId;
use spendlog_projections::{
    Group,
    summary::{By, Line, Span, summary as lines},
};
use spendlog_schemas::{
    headers::SeenPosition,
    problem::ProblemDetails,
    summary::{Summary, SummaryBy, SummaryLine, SummaryQuery},
};
use spendlog_web::{Caller, Code, Problem, body::Query};

use crate::{
    ReadApi,
    access::{days, failed, query_id, user},
    answer::json,
};

/// A line as it is answered.
pub(crate) fn line(from: &Line) -> SummaryLine {
    SummaryLine {
        month: from.month.map(|month| month.format("%Y-%m").to_string()),
        category: from.category.map(|category| category.to_string()),
        currency: from.currency.code().to_owned(),
        income: from.income().decimal().to_string(),
        expense: from.expense().decimal().to_string(),
        total: from.total().decimal().to_string(),
        count: from.count,
    }
}

/// Sum up income and expenses
#[utoipa::path(
    operation_id = "summary.summary", tag = "summary", security(("bearer" = [])),
    params(SummaryQuery, SeenPosition),
    responses((status = 200, body = Summary), ProblemDetails),
)]
#[get("/finance/summary")]
pub(crate) async fn summary(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<SummaryQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let account: Option<AccountId> = query_id("account", query.account.as_deref())?;
    days(query.from, query.to)?;
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from > to
    {
        return Err(Problem::new(Code::InvalidQuery, "from must not be later than to"));
    }
    let span = Span {
        from: query.from,
        to: query.to,
        account: account.map(AccountId::uuid),
    };
    let by = query.by.unwrap_or_default();
    let told_apart = match by {
        SummaryBy::Category => By::Category,
        SummaryBy::Month => By::Month,
        SummaryBy::MonthAndCategory => By::MonthAndCategory,
    };
    api.ready(&request, Group::Ledger).await?;
    let book = api.book(user(caller), query.book.as_deref()).await?;
    let at = api.at(query.at.as_deref(), Group::Ledger).await?;
    let found = lines(api.reader(), book, told_apart, span, at).await.map_err(failed)?;
    json(&Summary {
        by,
        lines: found.iter().map(line).collect(),
    })
}
