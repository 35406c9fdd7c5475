//! Events of documents as they were stored by older versions, brought to the shape of today.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::{Value, json};

/// `document.validated` from version 1, whose checks said only whether they held, to version 2, where they say what they
/// object to. What was not said then is not known now: the findings are none.
#[derive(Debug)]
pub struct ValidatedWithoutFindings;

impl EventUpcaster for ValidatedWithoutFindings {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == "document.validated" && event_version == "1"
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        let checks = event.payload.pointer_mut("/document.validated/checks");
        for check in checks.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(check) = check {
                check.insert("findings".to_owned(), json!([]));
            }
        }
        event.event_version = "2".to_owned();
        event
    }
}
