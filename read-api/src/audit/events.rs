//! The caller's own events, in order: page by page, or as a stream without an end.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, http::header::ACCEPT, web::Data};
use serde_json::Value;
use spendlog_domain::values::{BookId, UserId};
use spendlog_event_store::{Event, Query as Wanted};
use spendlog_projections::Group;
use spendlog_schemas::{
    audit::{AuditEvent, AuditEventsQuery},
    page::Page,
    problem::ProblemDetails,
};
use spendlog_web::{Caller, Code, Problem, body::Query};
use uuid::Uuid;

use crate::{
    ReadApi,
    access::{unread, user},
    answer::{json, limits, link},
    sse::{self, Gone, Sender},
};

/// Events read at a time for a stream.
const BATCH: i64 = 500;
/// How long a stream waits for the tables that say which books are the caller's, before it goes as far as these do.
const WAIT: Duration = Duration::from_secs(1);
/// What stands in the place of a password or its hash.
const WITHHELD: &str = "withheld";

/// Whose events are asked for.
#[derive(Clone, Copy)]
enum Owner {
    /// All that are the caller's.
    All,
    /// The caller's own, without their books.
    User,
    /// A book's.
    Book(BookId),
}

/// Read one's own events, in order
///
/// A page as JSON; with `Accept: text/event-stream` a stream without an end, which goes on after `Last-Event-ID`.
#[utoipa::path(
    operation_id = "audit.events", tag = "audit", security(("bearer" = [])),
    params(AuditEventsQuery, ("Spendlog-Position" = Option<i64>, Header, description = "See at least this position"), ("Last-Event-ID" = Option<i64>, Header, description = "Go on after this event")),
    responses(
        (status = 200, content((Page<AuditEvent> = "application/json"), (String = "text/event-stream"))),
        (status = "default", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
#[get("/audit/events")]
pub(crate) async fn read(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<AuditEventsQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let (shown, fetched) = limits(query.limit)?;
    let after = query.after.unwrap_or(0);
    if after < 0 {
        return Err(Problem::new(
            Code::InvalidQuery,
            "after must be a position of the journal",
        ));
    }
    api.ready(&request, Group::Ledger).await?;
    let me = user(caller);
    let owner = match query.owner.as_deref() {
        None => Owner::All,
        Some(owner) if owner == me.to_string() => Owner::User,
        Some(owner) => Owner::Book(api.book(me, Some(owner)).await?),
    };
    let streams = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if streams.is_some_and(|accept| accept.contains("text/event-stream")) {
        let after = sse::last_event_id(&request)?.unwrap_or(after);
        let api = ReadApi::clone(&api);
        return sse::answer(&api.clone(), me, move |sender| async move {
            if let Err(Some(problem)) = follow(&api, me, owner, after, &sender).await {
                tracing::warn!(cause = problem.cause(), "a live stream broke off");
            }
        });
    }
    let owners = owners(&api, me, owner).await?;
    let wanted = Wanted {
        after,
        owners: Some(owners),
        limit: fetched,
        ..Wanted::default()
    };
    let mut found = api.journal.read(&wanted).await.map_err(unread)?;
    let more = found.len() > shown;
    found.truncate(shown);
    let data: Vec<AuditEvent> = found.iter().map(|event| told(event, me)).collect::<Result<_, _>>()?;
    let next = data.last().filter(|_| more).map(|last| last.position.to_string());
    let mut response = json(&Page {
        data,
        next: next.clone(),
    })?;
    link(&request, &mut response, next.as_deref());
    Ok(response)
}

async fn owners(api: &ReadApi, me: UserId, owner: Owner) -> Result<Vec<Uuid>, Problem> {
    Ok(match owner {
        Owner::All => {
            let mut owners = api.fresh_shelf(me).await?;
            owners.push(me.uuid());
            owners
        }
        Owner::User => vec![me.uuid()],
        Owner::Book(book) => vec![book.uuid()],
    })
}

/// Sends all events after `after`, and goes on for ever.
async fn follow(
    api: &ReadApi,
    me: UserId,
    owner: Owner,
    mut after: i64,
    sender: &Sender,
) -> Result<(), Option<Problem>> {
    let mut head = api.journal.head();
    loop {
        let until = *head.borrow_and_update();
        while after < until {
            // A book that was opened since is the caller's as well, from its first event on: so it goes as far as the read tables,
            // and with them while they are behind.
            let known = match api.projections.wait(Group::Ledger, until, WAIT).await {
                Ok(()) => until,
                Err(behind) if behind.reached > after => behind.reached,
                Err(_) => continue,
            };
            let owners = owners(api, me, owner).await?;
            let wanted = Wanted {
                after,
                until: Some(known),
                owners: Some(owners),
                limit: BATCH,
                ..Wanted::default()
            };
            let events = api.journal.read(&wanted).await.map_err(unread)?;
            for event in &events {
                let told = told(event, me)?;
                sender
                    .send(event.position, &event.event_type, &told)
                    .await
                    .map_err(|Gone| None)?;
            }
            after = match events.last() {
                Some(last) if i64::try_from(events.len()).is_ok_and(|count| count == BATCH) => last.position,
                _ => known,
            };
        }
        head.changed().await.map_err(|_| None)?;
    }
}

/// An event as its owner may see it.
fn told(event: &Event, me: UserId) -> Result<AuditEvent, Problem> {
    let payload: Value = serde_json::from_str(&event.payload).map_err(Problem::internal)?;
    // The stored form is `{"<name>": {…}}`; the name stands beside it here.
    let mut data = match payload {
        Value::Object(object) => object
            .into_iter()
            .next()
            .map(|(_, content)| content)
            .unwrap_or_default(),
        other => other,
    };
    withhold(&mut data);
    let owner = if event.owner == me.uuid() {
        me.to_string()
    } else {
        BookId::new(event.owner).to_string()
    };
    Ok(AuditEvent {
        position: event.position,
        event: event.event_type.clone(),
        event_version: event.version.clone(),
        subject: event.stream.clone(),
        sequence: event.sequence,
        owner,
        at: event.recorded_at,
        by: event.metadata.actor.clone(),
        correlation: event.metadata.correlation.to_string(),
        causation: event.metadata.causation,
        data,
    })
}

/// Passwords are shown to nobody, in whatever event they stand.
fn withhold(data: &mut Value) {
    if let Value::Object(object) = data {
        for (name, value) in object {
            if name == "password" || name == "password_hash" {
                *value = Value::from(WITHHELD);
            } else {
                withhold(value);
            }
        }
    }
}
