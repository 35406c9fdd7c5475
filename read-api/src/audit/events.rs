//! The caller's own events, in order: page by page, or as a stream without an end.

use actix_web::{HttpRequest, HttpResponse, get, http::header::ACCEPT, web::Data};
use serde_json::Value;
use spendlog_domain::values::{BookId, UserId};
use spendlog_event_store::{Event, Query as Wanted};
use spendlog_projections::Group;
use spendlog_schemas::{
    audit::{AuditEvent, AuditEventsQuery},
    headers::SeenPosition,
    page::Page,
    problem::ProblemDetails,
};
use spendlog_web::{Caller, Code, Problem, body::Query, position};

use crate::{
    ReadApi,
    access::{WAIT, unread, user},
    answer::{cut, json, limits, link},
    sse::{self, Broken, Looks, Sender},
};

/// Events read at a time for a stream.
const BATCH: i64 = 500;
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
    params(AuditEventsQuery, SeenPosition, ("Last-Event-ID" = Option<i64>, Header, description = "Go on after this event")),
    responses(
        (status = 200, content((Page<AuditEvent> = "application/json"), (String = "text/event-stream"))),
        ProblemDetails,
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
        let after = position::last_event_id(request.headers())?.unwrap_or(after);
        let api = ReadApi::clone(&api);
        return sse::answer(&api.clone(), me, move |sender| async move {
            follow(&api, me, owner, after, &sender).await
        });
    }
    let until = known(&api, api.newest(&request)?).await;
    let mut found = events(&api, me, owner, (after, until), fetched).await?;
    let next = cut(&mut found, shown, |event| Ok(event.position.to_string()))?;
    let data: Vec<AuditEvent> = found.iter().map(|event| told(event, me)).collect::<Result<_, _>>()?;
    let mut response = json(&Page {
        data,
        next: next.clone(),
    })?;
    link(&request, &mut response, next.as_deref());
    Ok(response)
}

/// How far, up to this position, the read tables know whose the events are. A book that was opened since is the caller's as
/// well, from its first event on: who went further than the tables would never come back to it.
async fn known(api: &ReadApi, until: i64) -> i64 {
    match api.projections.wait(Group::Ledger, until, WAIT).await {
        Ok(()) => until,
        Err(behind) => behind.reached,
    }
}

/// The caller's events after the first and up to the second of these positions, which the read tables must have come to.
async fn events(
    api: &ReadApi,
    me: UserId,
    owner: Owner,
    (after, known): (i64, i64),
    limit: i64,
) -> Result<Vec<Event>, Problem> {
    let owners = match owner {
        Owner::All => {
            let mut owners = api.fresh_book_ids(me).await?;
            owners.push(me.uuid());
            owners
        }
        Owner::User => vec![me.uuid()],
        Owner::Book(book) => vec![book.uuid()],
    };
    let wanted = Wanted {
        after,
        until: Some(known),
        owners: Some(owners),
        limit,
        ..Wanted::default()
    };
    api.journal.read(&wanted).await.map_err(unread)
}

/// Sends all events after `after`, and goes on for ever.
async fn follow(api: &ReadApi, me: UserId, owner: Owner, mut after: i64, sender: &Sender) -> Result<(), Broken> {
    let mut looks = Looks::new(api.journal.head());
    loop {
        let until = looks.next().await?;
        while after < until {
            let known = known(api, until).await;
            if known <= after {
                continue;
            }
            let events = events(api, me, owner, (after, known), BATCH).await?;
            for event in &events {
                sender
                    .send(event.position, &event.event_type, &told(event, me)?)
                    .await?;
            }
            after = match events.last() {
                Some(last) if i64::try_from(events.len()).is_ok_and(|count| count == BATCH) => last.position,
                _ => known,
            };
        }
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
