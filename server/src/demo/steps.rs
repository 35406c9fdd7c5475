//! The steps of a document as they happen, from its stream of server-sent events.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use indicatif::ProgressBar;
use spendlog_schemas::documents::{Document, DocumentStatus};

use super::client::Client;

/// How many steps a document takes: uploaded, recognised, classified, extracted, validated.
pub(crate) const COUNT: usize = 5;
/// How long to wait for the next event before looking anyway.
const QUIET: Duration = Duration::from_millis(500);
/// How long the book's policy gets to confirm what passed every check.
const POLICY: Duration = Duration::from_secs(15);

/// Where a document has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It needs a password.
    Locked,
    /// Nothing more happens without a person.
    Settled,
}

/// Follows a document until nothing more happens by itself; the bar shows the steps.
pub(crate) async fn to_the_end(client: &Client, path: &str, bar: &ProgressBar) -> anyhow::Result<Ended> {
    let begun = bar.position();
    let mut events = pin!(client.events(&format!("{path}/events")).await?);
    let (mut unread, mut open) = (String::new(), true);
    let mut reviewed_at = None;
    loop {
        let document = client.document(path).await?;
        match document.item.status {
            DocumentStatus::Processing => {}
            DocumentStatus::PasswordRequired => return Ok(Ended::Locked),
            DocumentStatus::InReview
                if all_hold(&document) && reviewed_at.get_or_insert_with(Instant::now).elapsed() < POLICY => {}
            _ => return Ok(Ended::Settled),
        }
        if !open {
            tokio::time::sleep(QUIET).await;
            continue;
        }
        match tokio::time::timeout(QUIET, events.next()).await {
            Ok(Some(Ok(bytes))) => unread.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(Some(Err(_)) | None) => open = false,
            Err(_) => {}
        }
        while let Some((line, rest)) = unread.split_once('\n') {
            if let Some(event) = line.trim().strip_prefix("event:")
                && let Some((number, message)) = step(event.trim())
            {
                bar.set_position(begun + number);
                bar.set_message(message);
            }
            unread = rest.to_owned();
        }
    }
}

/// Whether no check failed: then the book's policy is about to confirm it.
pub(crate) fn all_hold(document: &Document) -> bool {
    document.checks.iter().all(|check| check.outcome != "fails")
}

/// The number and the words of a step, by the event that ends it.
fn step(event: &str) -> Option<(u64, &'static str)> {
    Some(match event {
        "document.uploaded" => (1, "recognising the text"),
        "document.text_recognised" => (2, "finding out what it is"),
        "document.classified" => (3, "reading its fields"),
        "document.fields_extracted" => (4, "checking them"),
        "document.validated" => (5, "confirming"),
        _ => return None,
    })
}
