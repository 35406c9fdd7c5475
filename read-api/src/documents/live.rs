//! How a document came to be what it is, and how it goes on this moment.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use serde::Serialize;
use spendlog_domain::documents::DocumentStatus as Status;
use spendlog_event_store::Query;
use spendlog_projections::documents;
use spendlog_schemas::{
    documents::DocumentStatus,
    headers::SeenPosition,
    history::{History, HistoryEntry},
    problem::ProblemDetails,
};
use spendlog_web::{Caller, Problem, position};

use super::{find, status};
use crate::{
    ReadApi,
    access::{failed, unread, user},
    answer::json,
    history::of_document_event,
    sse::{self, Broken, Looks, Sender},
};

/// Events read at a time.
const BATCH: i64 = 500;

/// How a document came to be what it is
#[utoipa::path(
    operation_id = "documents.history", tag = "documents", security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), SeenPosition),
    responses((status = 200, body = History), ProblemDetails),
)]
#[get("/finance/documents/{id}/history")]
pub(crate) async fn history(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&api, caller, &request, &path).await?;
    let events = api
        .journal
        .load("document", &found.id.to_string())
        .await
        .map_err(unread)?;
    let data = events.iter().map(of_document_event).collect::<Result<_, _>>()?;
    json(&History { data })
}

/// A step of a document.
#[derive(Serialize)]
struct Progress {
    /// Where the document stands after it.
    status: DocumentStatus,
    /// What happened.
    #[serde(flatten)]
    entry: HistoryEntry,
}

/// Follow a document's steps as they happen
///
/// All steps so far come first, or those after `Last-Event-ID`. The stream ends when the document is confirmed, rejected
/// or failed.
#[utoipa::path(
    operation_id = "documents.events", tag = "documents", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The document"),
        ("Last-Event-ID" = Option<i64>, Header, description = "Go on after this event"),
        SeenPosition,
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Server-sent events; `data` is a history entry with the document's `status`"),
        ProblemDetails,
    ),
)]
#[get("/finance/documents/{id}/events")]
pub(crate) async fn follow_steps(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (me, seen) = (user(caller), position::last_event_id(request.headers())?.unwrap_or(0));
    let found = find(&api, caller, &request, &path).await?;
    let api = ReadApi::clone(&api);
    sse::answer(&api.clone(), me, move |sender| async move {
        follow(&api, &found, seen, &sender).await
    })
}

/// Sends the steps after `seen` until the last.
async fn follow(api: &ReadApi, document: &documents::Document, seen: i64, sender: &Sender) -> Result<(), Broken> {
    let stream = document.id.to_string();
    let mut looks = Looks::new(api.journal.head());
    // The stream's own beginning, so that the status is known; then on from there.
    let mut after = document.uploaded_position - 1;
    let mut standing = Status::Processing;
    loop {
        let until = looks.next().await?;
        while after < until {
            let query = Query {
                after,
                until: Some(until),
                owners: Some(vec![document.book.uuid()]),
                kinds: Some(vec!["document".to_owned()]),
                limit: BATCH,
                ..Query::default()
            };
            let events = api.journal.read(&query).await.map_err(unread)?;
            after = match events.last() {
                Some(last) if i64::try_from(events.len()).is_ok_and(|count| count == BATCH) => last.position,
                _ => until,
            };
            for event in events.iter().filter(|event| event.stream == stream) {
                standing = documents::standing_after(standing, event).map_err(failed)?;
                if event.position > seen {
                    let progress = Progress {
                        status: status(standing),
                        entry: of_document_event(event)?,
                    };
                    sender.send(event.position, &event.event_type, &progress).await?;
                }
            }
            if documents::is_final(standing) {
                return Ok(());
            }
        }
    }
}
