//! Server-sent events, one by one.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use reqwest::Response;
use serde_json::Value;

use crate::DEADLINE;

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its id, by which the stream can be gone on with.
    pub id: Option<String>,
    /// What it is called.
    pub event: String,
    /// What it says: JSON, or text.
    pub data: Value,
}

/// A stream of server-sent events.
pub struct Events {
    chunks: Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    rest: Vec<u8>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// The stream that an answer is.
    #[track_caller]
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200, "a stream of events is answered with 200");
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "a stream of events, not {kind}");
        let chunks = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self {
            chunks: Box::pin(chunks),
            rest: Vec::new(),
        }
    }

    /// The next event; none at the end, or where the server is gone. Comments, which only keep the line open, are passed over.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                match parse(&String::from_utf8(block).expect("events are UTF-8")) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(DEADLINE, self.chunks.next())
                .await
                .expect("an event comes in time")?;
            self.rest.extend(chunk.ok()?.into_iter().filter(|byte| *byte != b'\r'));
        }
    }

    /// All events until the end.
    pub async fn to_end(mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

fn parse(block: &str) -> Option<Sent> {
    let (mut id, mut event, mut data) = (None, "message".to_owned(), Vec::new());
    for line in block.lines().filter(|line| !line.starts_with(':')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => id = Some(value.to_owned()),
            "event" => value.clone_into(&mut event),
            "data" => data.push(value),
            _ => {}
        }
    }
    let text = data.join("\n");
    (!data.is_empty()).then(|| Sent {
        id,
        event,
        data: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}
