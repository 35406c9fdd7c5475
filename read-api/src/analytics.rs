//! The rows of projections of one's own.
//!
//! One with a column of books is everybody's: each sees the rows of their own books, admins too. One without says something of
//! all, and is for those who run the system.

use std::time::{Duration, Instant};

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use serde_json::value::RawValue;
use spendlog_projections::custom::{CustomError, Readable, Row};
use spendlog_schemas::{
    analytics::{ProjectionRows, ReadableProjection, ReadableProjections, RowsQuery},
    headers::SeenPosition,
    problem::ProblemDetails,
};
use spendlog_web::{Caller, Code, Problem, body::Query, page, position};
use tokio::time::sleep;

use crate::{
    ReadApi,
    access::{WAIT, failed, user},
    answer::{after, cut, json, limits, link},
    projections::columns,
};

/// How often it is looked whether one has come to a position that somebody waits for.
const LOOK: Duration = Duration::from_millis(50);

/// A failed projection of one's own, as the client hears of it.
pub(crate) fn refused(error: CustomError) -> Problem {
    match error {
        CustomError::Unknown(_) => Code::NotFound.into(),
        CustomError::Projection(error) => failed(error),
        // What Postgres says of a value is nobody else's business, the log's neither.
        error => Problem::internal(error.told()),
    }
}

/// List projections of one's own
///
/// Those that the caller may read.
#[utoipa::path(
    operation_id = "analytics.projections", tag = "analytics", security(("bearer" = [])),
    responses((status = 200, body = ReadableProjections), ProblemDetails),
)]
#[get("/analytics/projections")]
pub(crate) async fn list(api: Data<ReadApi>, caller: Caller) -> Result<HttpResponse, Problem> {
    let all = api.projections.custom().await.map_err(failed)?;
    let readable = all.into_iter().filter(|status| may_read(caller, status.is_by_book()));
    let data = readable
        .map(|status| ReadableProjection {
            columns: columns(&status),
            name: status.name,
            position: status.position,
            refreshed_at: status.refreshed_at,
        })
        .collect();
    json(&ReadableProjections { data })
}

/// Read a projection of one's own
///
/// The rows of the caller's books. One that has no column `book_id` says something of all books, and is for admins.
#[utoipa::path(
    operation_id = "analytics.rows", tag = "analytics", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection"), RowsQuery, SeenPosition),
    responses((status = 200, body = ProjectionRows), ProblemDetails),
)]
#[get("/analytics/projections/{name}")]
pub(crate) async fn rows(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<RowsQuery>,
) -> Result<HttpResponse, Problem> {
    let RowsQuery {
        book,
        limit,
        after: key,
    } = query.0;
    let (shown, fetched) = limits(limit)?;
    let key: Option<String> = after(key.as_deref())?;
    if key
        .as_deref()
        .is_some_and(|key| serde_json::from_str::<&RawValue>(key).is_err())
    {
        return Err(page::invalid_cursor());
    }
    let projection = ready(&api, caller, &request, &path).await?;
    let books = match (projection.is_by_book(), book) {
        (true, None) => Some(api.look_up(user(caller)).await?.to_vec()),
        (true, Some(book)) => Some(vec![api.book(user(caller), Some(&book)).await?]),
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Problem::new(
                Code::InvalidQuery,
                "the projection does not tell books apart",
            ));
        }
    };
    let found = projection.rows(&api.projections, books.as_deref(), key.as_deref(), fetched);
    let mut found = found.await.map_err(refused)?;
    let next = cut(&mut found, shown, |row| page::cursor(&row.key))?;
    let data = found.into_iter().map(|Row { body, .. }| RawValue::from_string(body));
    let mut response = json(&ProjectionRows {
        data: data.collect::<Result<_, _>>().map_err(Problem::internal)?,
        next: next.clone(),
        position: projection.position,
        refreshed_at: projection.refreshed_at,
    })?;
    link(&request, &mut response, next.as_deref());
    Ok(response)
}

fn may_read(caller: Caller, by_book: bool) -> bool {
    by_book || caller.admin().is_ok()
}

/// The projection, once it has come to the position that the request names. Who may not read it hears at once that there is none.
async fn ready(api: &ReadApi, caller: Caller, request: &HttpRequest, name: &str) -> Result<Readable, Problem> {
    let wanted = position::wanted(request.headers())?;
    let since = Instant::now();
    loop {
        let projection = api.projections.readable(name).await.map_err(refused)?;
        if !may_read(caller, projection.is_by_book()) {
            return Err(Code::NotFound.into());
        }
        let Some(wanted) = wanted.filter(|wanted| *wanted > projection.position) else {
            return Ok(projection);
        };
        if since.elapsed() >= WAIT {
            let (detail, seconds) = match projection.every {
                Some(every) => (
                    format!("{name} is computed every {} s", every.as_secs()),
                    u32::try_from(every.as_secs()).unwrap_or(u32::MAX),
                ),
                None => (
                    format!("{name} has come to position {}, not to {wanted}", projection.position),
                    1,
                ),
            };
            return Err(Problem::new(Code::ReadModelBehind, detail).retry_after(seconds));
        }
        sleep(LOOK).await;
    }
}
