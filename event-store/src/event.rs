//! Events as they are handed out: opened, upcast, in clear.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::Origin;

/// Who did it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The user (`usr_…`), the processor (`processor:documents`) or `operator`.
    pub actor: String,
    /// What belongs together, from the first request on.
    pub correlation: Uuid,
    /// Position of the event that it is a reaction to.
    pub causation: Option<i64>,
    /// Keyed fingerprint of the request's body.
    pub request: Option<String>,
}

/// An event of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the journal: 1, 2, 3, …
    pub position: i64,
    /// The kind of its stream: the aggregate's type.
    pub kind: String,
    /// The id of its stream.
    pub stream: String,
    /// Its number in its stream, from 1.
    pub sequence: i64,
    /// Its stable name: `transaction.recorded`.
    pub event_type: String,
    /// The version of its shape, after upcasting.
    pub version: String,
    /// Its content: JSON in clear. What is forgotten stands as `{"forgotten":true}`.
    pub payload: String,
    /// Who did it, and why.
    pub metadata: Metadata,
    /// The book or user whose event it is.
    pub owner: Uuid,
    /// The command, on the first of its events.
    pub command_id: Option<Uuid>,
    /// When the journal learned of it.
    pub recorded_at: DateTime<Utc>,
}

impl Event {
    /// Its content as the aggregate's event.
    pub fn decode<E: DeserializeOwned>(&self) -> Result<E, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }
}

/// Metadata as stored: a flat object of strings, since stock cqrs-es reads it as a map of strings.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    actor: Cow<'a, str>,
    correlation: Uuid,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    causation: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    request: Option<Cow<'a, str>>,
}

impl Metadata {
    /// Reads what [`stored`] wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let stored: Stored<'_> = serde_json::from_str(text)?;
        let causation = stored
            .causation
            .map(|text| text.parse())
            .transpose()
            .map_err(serde::de::Error::custom)?;
        Ok(Self {
            actor: stored.actor.into_owned(),
            correlation: stored.correlation,
            causation,
            request: stored.request.map(Cow::into_owned),
        })
    }
}

/// The metadata of all events of a command but the first.
pub(crate) fn stored(origin: &Origin) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Stored {
        actor: Cow::Borrowed(&origin.actor),
        correlation: origin.correlation,
        causation: origin.causation.map(|position| position.to_string().into()),
        request: origin.request.as_deref().map(Cow::Borrowed),
    })
}

/// The metadata of a command's first event, which tells how many there are.
pub(crate) fn stored_first(metadata: &str, events: usize) -> String {
    let open = metadata.strip_suffix('}').unwrap_or(metadata);
    format!("{open},\"events\":\"{events}\"}}")
}
