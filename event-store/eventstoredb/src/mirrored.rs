//! A stored event as an event of EventStoreDB, and back.

use eventstore::{EventData, RecordedEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spendlog_event_store::StoredEvent;
use uuid::{Builder, Uuid};

/// What the custom metadata hold.
#[derive(Serialize, Deserialize)]
struct CustomMetadata {
    /// By this name EventStoreDB's own projections follow what belongs together.
    #[serde(rename = "$correlationId", skip_serializing_if = "Option::is_none")]
    correlation: Option<String>,
    position: i64,
    kind: String,
    version: String,
    owner: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Uuid>,
    recorded_at_us: i64,
    /// As stored, to the byte.
    metadata: String,
}

/// An event is not one of the journal's, or not as the journal had it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} of the stream {stream} is not one of the journal's")]
pub struct NotOurs {
    /// The event's id.
    pub id: Uuid,
    /// Where it stands.
    pub stream: String,
}

/// The stream that a stream of the journal is mirrored in.
pub fn stream_name(kind: &str, stream: &str) -> String {
    format!("{kind}-{stream}")
}

/// The id of a mirrored event: a UUID of version 8 out of the first half of its leaf.
pub fn event_id(event: &StoredEvent) -> Uuid {
    let leaf = event.leaf();
    let half = leaf.first_chunk::<16>().copied().unwrap_or_default();
    Builder::from_custom_bytes(half).into_uuid()
}

/// What is appended for an event, and how many bytes that are.
pub(crate) fn event_data(event: &StoredEvent) -> Result<(EventData, usize), serde_json::Error> {
    #[derive(Deserialize)]
    struct Stored {
        correlation: Option<String>,
    }
    let stored: Stored = serde_json::from_str(&event.metadata)?;
    let custom = serde_json::to_vec(&CustomMetadata {
        correlation: stored.correlation,
        position: event.position,
        kind: event.kind.clone(),
        version: event.version.clone(),
        owner: event.owner,
        command_id: event.command_id,
        recorded_at_us: event.recorded_at_us,
        metadata: event.metadata.clone(),
    })?;
    let bytes = event.payload.len() + custom.len();
    // As it is: the bytes of a payload are hashed.
    let payload: &RawValue = serde_json::from_str(&event.payload)?;
    let data = EventData::json(&event.event_type, &payload)?
        .metadata(custom.into())
        .id(event_id(event));
    Ok((data, bytes))
}

/// The event of the journal that this one mirrors, if it does, and no byte of it was changed.
pub(crate) fn stored_event(event: &RecordedEvent) -> Result<StoredEvent, NotOurs> {
    let not_ours = || NotOurs {
        id: event.id,
        stream: event.stream_id.clone(),
    };
    let custom: CustomMetadata = serde_json::from_slice(&event.custom_metadata).map_err(|_| not_ours())?;
    let stream = event
        .stream_id
        .strip_prefix(&custom.kind)
        .and_then(|rest| rest.strip_prefix('-'));
    let payload = std::str::from_utf8(&event.data).map_err(|_| not_ours())?;
    let stored = StoredEvent {
        kind: custom.kind.clone(),
        stream: stream.ok_or_else(not_ours)?.to_owned(),
        sequence: i64::try_from(event.revision).map_err(|_| not_ours())?.saturating_add(1),
        event_type: event.event_type.clone(),
        version: custom.version,
        payload: payload.to_owned(),
        metadata: custom.metadata,
        position: custom.position,
        owner: custom.owner,
        command_id: custom.command_id,
        recorded_at_us: custom.recorded_at_us,
    };
    if event_id(&stored) == event.id {
        Ok(stored)
    } else {
        Err(not_ours())
    }
}
