//! A stored event as a record of Kafka: a CloudEvent in binary mode, and all that is stored, so that whoever reads it can open
//! it, and prove by its leaf that it is what the journal has.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use spendlog_event_store::StoredEvent;
use uuid::Uuid;

/// The header with the position of the record before it in its partition, 0 for the first: who has not seen that one knows
/// that something is missing.
pub(crate) const PREVIOUS: &str = "ce_previous";

/// What all events come from.
const SOURCE: &str = "urn:spendlog:journal";

/// A record to be published.
#[derive(Clone, Debug)]
pub struct Record {
    /// The owner: whose events stay in order.
    pub key: String,
    /// The payload, sealed as it is stored.
    pub value: String,
    /// CloudEvents attributes (`ce_…`) and the stored metadata, in their order.
    pub headers: Vec<(&'static str, String)>,
}

/// A record that was delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) position: i64,
    /// The position of the record before it in its partition, 0 for the first, where it says so.
    pub(crate) previous: Option<i64>,
    /// The event, if the handler wants it.
    pub(crate) event: Option<StoredEvent>,
}

/// A record is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at offset {offset} of partition {partition} is not one of the journal's: {what}")]
pub struct RecordError {
    /// Where it stands.
    pub partition: i32,
    /// Where in it.
    pub offset: i64,
    /// What is missing or unreadable.
    pub what: &'static str,
}

impl Record {
    /// The record of an event, but for what follows from its place in a topic: see [`PREVIOUS`].
    ///
    /// # Errors
    /// What of the event makes no sense.
    pub fn of(event: &StoredEvent) -> Result<Self, &'static str> {
        let recorded_at = DateTime::from_timestamp_micros(event.recorded_at_us).ok_or("its time")?;
        let metadata: HashMap<String, String> = serde_json::from_str(&event.metadata).map_err(|_| "its metadata")?;
        let mut headers = vec![
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", event.position.to_string()),
            ("ce_source", SOURCE.to_owned()),
            ("ce_type", event.event_type.clone()),
            ("ce_subject", format!("{}/{}", event.kind, event.stream)),
            ("ce_time", recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
            ("ce_dataschema", format!("{}.v{}.json", event.event_type, event.version)),
            ("ce_partitionkey", event.owner.to_string()),
            // To be compared as text: so the extension `sequence` wants it.
            ("ce_sequence", format!("{:019}", event.position)),
            ("ce_streamsequence", event.sequence.to_string()),
        ];
        if let Some(correlation) = metadata.get("correlation") {
            headers.push(("ce_correlationid", correlation.clone()));
            // What belongs together is one trace, in which each event is a span.
            if let Ok(trace) = correlation.parse::<Uuid>() {
                let parent = format!("00-{}-{:016x}-00", trace.simple(), event.position);
                headers.push(("ce_traceparent", parent));
            }
        }
        if let Some(causation) = metadata.get("causation") {
            headers.push(("ce_causationid", causation.clone()));
        }
        if let Some(command) = event.command_id {
            headers.push(("ce_commandid", command.to_string()));
        }
        headers.push(("content-type", "application/json".to_owned()));
        headers.push(("metadata", event.metadata.clone()));
        Ok(Self {
            key: event.owner.to_string(),
            value: event.payload.clone(),
            headers,
        })
    }

    /// The headers as Kafka's client wants them.
    pub(crate) fn kafka_headers(&self, more: &[(&str, &str)]) -> OwnedHeaders {
        let own = self.headers.iter().map(|(key, value)| (*key, value.as_str()));
        let headers = OwnedHeaders::new_with_capacity(self.headers.len() + more.len());
        own.chain(more.iter().copied()).fold(headers, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        })
    }
}

/// What a record says: its event, if that is wanted by kind and event type; its position in any case.
pub(crate) fn read(
    message: &BorrowedMessage<'_>,
    wanted: impl Fn(&str, &str) -> bool,
) -> Result<Delivered, RecordError> {
    let error = |what| RecordError {
        partition: message.partition(),
        offset: message.offset(),
        what,
    };
    let headers = message.headers().ok_or_else(|| error("headers"))?;
    let header = |name: &'static str| header(headers, name).ok_or_else(|| error(name));
    let position = number(header("ce_id")?).ok_or_else(|| error("ce_id"))?;
    let delivered = |event| Delivered {
        partition: message.partition(),
        offset: message.offset(),
        position,
        previous: header(PREVIOUS).ok().and_then(|text| text.parse().ok()),
        event,
    };
    let (kind, stream) = header("ce_subject")?
        .split_once('/')
        .ok_or_else(|| error("ce_subject"))?;
    let event_type = header("ce_type")?;
    if !wanted(kind, event_type) {
        return Ok(delivered(None));
    }
    let schema = header("ce_dataschema")?;
    let version = schema
        .strip_prefix(event_type)
        .and_then(|rest| rest.strip_prefix(".v")?.strip_suffix(".json"));
    let time = DateTime::parse_from_rfc3339(header("ce_time")?).map_err(|_| error("ce_time"))?;
    let payload = message.payload().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let event = StoredEvent {
        kind: kind.to_owned(),
        stream: stream.to_owned(),
        sequence: number(header("ce_streamsequence")?).ok_or_else(|| error("ce_streamsequence"))?,
        event_type: event_type.to_owned(),
        version: version.ok_or_else(|| error("ce_dataschema"))?.to_owned(),
        payload: payload.ok_or_else(|| error("the payload"))?.to_owned(),
        metadata: header("metadata")?.to_owned(),
        position,
        owner: header("ce_partitionkey")?
            .parse()
            .map_err(|_| error("ce_partitionkey"))?,
        command_id: match header("ce_commandid") {
            Ok(id) => Some(id.parse().map_err(|_| error("ce_commandid"))?),
            Err(_) => None,
        },
        recorded_at_us: time.timestamp_micros(),
    };
    Ok(delivered(Some(event)))
}

fn header<'a>(headers: &'a BorrowedHeaders, name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number| *number > 0)
}
