//! Proofs for one's own events, and the signed heads that they are against: what goes over the wire, and back.
//!
//! A proof shows nothing of others' events but hashes. None can be guessed from: the metadata that a leaf covers holds an
//! id of at least 74 random bits.

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use hex::FromHex;
use spendlog_event_store::{Audit, ConsistencyProof, EventProof, Hash, SignedHead, StoredEvent};
use spendlog_projections::Group;
use spendlog_schemas::{
    audit::{self as wire, ConsistencyQuery, EventProofQuery},
    headers::SeenPosition,
    problem::ProblemDetails,
};
use spendlog_web::{
    Caller, Code, Problem,
    body::{self, Query},
};

use uuid::Uuid;

use crate::{
    ReadApi,
    access::{unread, user},
    answer::json,
};

/// Prove that an event of one's own is in the journal as it was written
///
/// `spendlog audit check-proof` checks the answer without a database, and so does `docs/check_proof.py`.
#[utoipa::path(
    operation_id = "audit.proof", tag = "audit", security(("bearer" = [])),
    params(("position" = i64, Path, description = "The event's place in the journal"), EventProofQuery, SeenPosition),
    responses((status = 200, body = wire::EventProof), ProblemDetails),
)]
#[get("/audit/events/{position}/proof")]
pub(crate) async fn of_event(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<EventProofQuery>,
) -> Result<HttpResponse, Problem> {
    let position = body::id::<i64>(&path)?;
    api.ready(&request, Group::Ledger).await?;
    let (me, audit) = (user(caller), audit(&api));
    let event = audit.event(position).await.map_err(unread)?;
    let mut owners = api.fresh_book_ids(me).await?;
    owners.push(me.uuid());
    // Somebody else's event and one that does not exist are the same to who asks.
    let event = event
        .filter(|event| owners.contains(&event.owner))
        .ok_or(Code::NotFound)?;
    let size = query.0.size;
    if size.is_some_and(|size| size < position) {
        return Err(Problem::new(
            Code::InvalidQuery,
            "size must not be less than the event's position",
        ));
    }
    let head = audit.head(size).await.map_err(unread)?;
    let no_head = || {
        Problem::new(
            Code::InvalidQuery,
            "size must be that of a head: the journal never ended there",
        )
    };
    let proof = audit.prove(event, head.ok_or_else(no_head)?).await.map_err(unread)?;
    json(&told_proof(&proof))
}

/// The journal's newest head, signed
#[utoipa::path(
    operation_id = "audit.head", tag = "audit", security(("bearer" = [])),
    responses((status = 200, body = wire::SignedHead), ProblemDetails),
)]
#[get("/audit/head")]
pub(crate) async fn newest_head(api: Data<ReadApi>, _: Caller) -> Result<HttpResponse, Problem> {
    json(&told_head(&newest(&audit(&api)).await?))
}

/// Prove that the journal begins with all that it had at an earlier head
#[utoipa::path(
    operation_id = "audit.consistency", tag = "audit", security(("bearer" = [])),
    params(ConsistencyQuery),
    responses((status = 200, body = wire::ConsistencyProof), ProblemDetails),
)]
#[get("/audit/head/consistency")]
pub(crate) async fn goes_on(
    api: Data<ReadApi>,
    _: Caller,
    query: Query<ConsistencyQuery>,
) -> Result<HttpResponse, Problem> {
    let (from, audit) = (query.0.from, audit(&api));
    let head = newest(&audit).await?;
    if !(1..=head.size).contains(&from) {
        let range = format!("from must be 1 to {}, how many events the journal has", head.size);
        return Err(Problem::new(Code::InvalidQuery, range));
    }
    let ConsistencyProof { from, path, head } = audit.extend(from, head).await.map_err(unread)?;
    json(&wire::ConsistencyProof {
        from,
        path: path.iter().map(hex::encode).collect(),
        head: told_head(&head),
    })
}

fn audit(api: &ReadApi) -> Audit {
    Audit::on(&api.journal)
}

async fn newest(audit: &Audit) -> Result<SignedHead, Problem> {
    // Whoever asks has signed up, so that there are events.
    audit
        .head(None)
        .await
        .map_err(unread)?
        .ok_or_else(|| Code::NotFound.into())
}

/// A head, as it is answered and printed.
pub fn told_head(head: &SignedHead) -> wire::SignedHead {
    wire::SignedHead {
        size: head.size,
        root: hex::encode(head.root),
        recorded_at: head.recorded_at,
        public_key: hex::encode(head.public_key),
        signature: hex::encode(head.signature),
    }
}

/// A head as [`told_head`] told it; `None` if something in it is not of the right length or form.
pub fn heard_head(head: &wire::SignedHead) -> Option<SignedHead> {
    Some(SignedHead {
        size: head.size,
        root: FromHex::from_hex(&head.root).ok()?,
        recorded_at: head.recorded_at,
        public_key: FromHex::from_hex(&head.public_key).ok()?,
        signature: FromHex::from_hex(&head.signature).ok()?,
    })
}

/// A proof of consistency as it was answered; `None` if something in it is not of the right length or form.
pub fn heard_consistency(proof: &wire::ConsistencyProof) -> Option<ConsistencyProof> {
    Some(ConsistencyProof {
        from: proof.from,
        path: hashes(&proof.path)?,
        head: heard_head(&proof.head)?,
    })
}

fn told_proof(proof: &EventProof) -> wire::EventProof {
    let event = &proof.event;
    wire::EventProof {
        event: wire::StoredEvent {
            aggregate_type: event.kind.clone(),
            aggregate_id: event.stream.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            event_version: event.version.clone(),
            payload: event.payload.clone(),
            metadata: event.metadata.clone(),
            position: event.position,
            owner_id: event.owner.to_string(),
            command_id: event.command_id.map(|id| id.to_string()),
            recorded_at_us: event.recorded_at_us,
        },
        path: proof.path.iter().map(hex::encode).collect(),
        head: told_head(&proof.head),
    }
}

/// A proof as it was answered; `None` if something in it is not of the right length or form.
pub fn heard_proof(proof: wire::EventProof) -> Option<EventProof> {
    let event = proof.event;
    Some(EventProof {
        event: StoredEvent {
            kind: event.aggregate_type,
            stream: event.aggregate_id,
            sequence: event.sequence,
            event_type: event.event_type,
            version: event.event_version,
            payload: event.payload,
            metadata: event.metadata,
            position: event.position,
            owner: event.owner_id.parse::<Uuid>().ok()?,
            command_id: event.command_id.map(|id| id.parse::<Uuid>()).transpose().ok()?,
            recorded_at_us: event.recorded_at_us,
        },
        path: hashes(&proof.path)?,
        head: heard_head(&proof.head)?,
    })
}

/// The hashes of a path; `None` if one is not of the right length or form.
fn hashes(path: &[String]) -> Option<Vec<Hash>> {
    path.iter().map(|node| FromHex::from_hex(node).ok()).collect()
}
