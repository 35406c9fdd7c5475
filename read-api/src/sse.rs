//! Server-sent events: an answer that goes on as long as there is something to tell.

use std::{future::Future, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use spendlog_domain::values::UserId;
use spendlog_event_store::Keyring;
use spendlog_web::{Problem, auth::ACCESS_SECONDS};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, interval, sleep, sleep_until},
};

use crate::ReadApi;

/// How often a comment is sent while nothing happens, so that neither side takes the other for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an answer lasts at most.
const LASTING_MAX: Duration = Duration::from_secs(ACCESS_SECONDS.unsigned_abs());
/// Events that wait for a slow client.
const WAITING_MAX: usize = 64;
/// How long it is at least from one look into the journal to the next, however much others write.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why an answer ends before its work is done.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client went away, or the server stops.
    Gone,
    /// What was to be told could not be read.
    Failed(Problem),
}

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// When to look into the journal: at once when something new is there, but not all the time.
#[derive(Debug)]
pub(crate) struct Looks {
    head: watch::Receiver<i64>,
    not_before: Instant,
}

impl Looks {
    /// Looks at a journal with this head; the first time at once.
    pub(crate) fn new(mut head: watch::Receiver<i64>) -> Self {
        head.mark_changed();
        Self {
            head,
            not_before: Instant::now(),
        }
    }

    /// Waits for the next look, and says how far the journal goes then.
    pub(crate) async fn next(&mut self) -> Result<i64, Broken> {
        self.head.changed().await.map_err(|_| Broken::Gone)?;
        sleep_until(self.not_before).await;
        self.not_before = Instant::now() + LOOK_EVERY;
        Ok(*self.head.borrow_and_update())
    }
}

/// Sends events to one client.
#[derive(Clone, Debug)]
pub(crate) struct Sender(mpsc::Sender<Bytes>);

impl Sender {
    /// Sends an event. Positions are ids: a client that comes back says which was its last.
    pub(crate) async fn send<T: Serialize>(&self, position: i64, name: &str, data: &T) -> Result<(), Broken> {
        // JSON has no line breaks, so one data line holds it.
        let data = serde_json::to_string(data).map_err(Problem::internal)?;
        let text = format!("id: {position}\nevent: {name}\ndata: {data}\n\n");
        self.0.send(Bytes::from(text)).await.map_err(|_| Broken::Gone)
    }
}

/// Answers a user with what `work` sends. The answer ends when `work` does, when the client goes, when the user is forgotten,
/// when it has lasted as long as a token does, or when the server stops.
pub(crate) fn answer<F>(api: &ReadApi, user: UserId, work: impl FnOnce(Sender) -> F) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<(), Broken>> + Send + 'static,
{
    let permit = api.stream(user)?;
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let work = work(Sender(sender.clone()));
    let (stop, keyring) = (api.stop.clone(), api.journal.keyring().clone());
    tokio::spawn(async move {
        let _permit = permit;
        tokio::select! {
            done = work => {
                // The client sees the answer break off, and comes back with the last id.
                if let Err(Broken::Failed(problem)) = done {
                    tracing::warn!(cause = problem.cause(), "a live stream broke off");
                }
            }
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

#[cfg(test)]
mod tests {
    use tokio::{sync::watch, time::Instant};

    use super::{LOOK_EVERY, Looks};

    #[tokio::test]
    async fn however_much_is_written_there_is_time_between_two_looks() {
        let (head, seen) = watch::channel(7);
        let (mut looks, began) = (Looks::new(seen), Instant::now());
        assert_eq!(looks.next().await.unwrap(), 7);
        for position in 8..11 {
            head.send_replace(position);
            assert_eq!(looks.next().await.unwrap(), position);
        }
        assert!(began.elapsed() >= 3 * LOOK_EVERY, "{:?}", began.elapsed());
        drop(head);
        assert!(looks.next().await.is_err());
    }
}
