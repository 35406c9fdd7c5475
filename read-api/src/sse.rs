//! Server-sent events: an answer that goes on as long as there is something to tell.

use std::{future::Future, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use spendlog_domain::values::UserId;
use spendlog_event_store::Keyring;
use spendlog_web::{Code, Problem, auth::ACCESS_SECONDS};
use tokio::{
    sync::mpsc,
    time::{interval, sleep},
};

use crate::ReadApi;

/// How often a comment is sent while nothing happens, so that neither side takes the other for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an answer lasts at most.
const LASTING_MAX: Duration = Duration::from_secs(ACCESS_SECONDS.unsigned_abs());
/// Events that wait for a slow client.
const WAITING_MAX: usize = 64;

/// Where the client left off.
pub(crate) fn last_event_id(request: &actix_web::HttpRequest) -> Result<Option<i64>, Problem> {
    let Some(value) = request.headers().get("last-event-id") else {
        return Ok(None);
    };
    let position = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse::<i64>().ok())
        .filter(|position| *position >= 0);
    position
        .map(Some)
        .ok_or_else(|| Problem::new(Code::InvalidHeader, "Last-Event-ID must be a position of the journal"))
}

/// Sends events to one client.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::Sender<Bytes>);

/// The client went away, or the server stops.
#[derive(Debug)]
pub(crate) struct Gone;

impl Sender {
    /// Sends an event. Positions are ids: a client that comes back says which was its last.
    pub(crate) async fn send<T: Serialize>(&self, position: i64, name: &str, data: &T) -> Result<(), Gone> {
        // JSON has no line breaks, so one data line holds it.
        let data = serde_json::to_string(data).map_err(|_| Gone)?;
        let text = format!("id: {position}\nevent: {name}\ndata: {data}\n\n");
        self.0.send(Bytes::from(text)).await.map_err(|_| Gone)
    }
}

/// Answers a user with what `work` sends. The answer ends when `work` does, when the client goes, when the user is forgotten,
/// when it has lasted as long as a token does, or when the server stops.
pub(crate) fn answer<F>(api: &ReadApi, user: UserId, work: impl FnOnce(Sender) -> F) -> Result<HttpResponse, Problem>
where
    F: Future<Output = ()> + Send + 'static,
{
    let permit = api.stream(user)?;
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let work = work(Sender(sender.clone()));
    let (stop, keyring) = (api.stop.clone(), api.journal.keyring().clone());
    tokio::spawn(async move {
        let _permit = permit;
        tokio::select! {
            () = work => {}
            () = sender.closed() => {}
            () = forgotten(&keyring, user) => {}
            // Whoever got hold of a token must not listen for ever. The client comes back with its newest.
            () = sleep(LASTING_MAX) => {}
            () = stop.cancelled() => {}
        }
    });
    let mut beats = interval(HEARTBEAT);
    beats.reset();
    let body = stream::unfold((receiver, beats), |(mut receiver, mut beats)| async move {
        let piece = tokio::select! {
            piece = receiver.recv() => piece?,
            _ = beats.tick() => Bytes::from_static(b": still here\n\n"),
        };
        Some((Ok::<_, std::convert::Infallible>(piece), (receiver, beats)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Proxies that gather an answer before they pass it on would make it anything but live.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(body)))
}

/// Ends when the user is forgotten.
async fn forgotten(keyring: &Keyring, user: UserId) {
    let mut forgettings = keyring.forgettings();
    while !keyring.is_forgotten(user.uuid()) {
        if forgettings.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
