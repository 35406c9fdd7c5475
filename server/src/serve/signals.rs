//! What asks the server to stop.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

/// A second signal counts as one of its own when it comes this much later.
const TWICE: Duration = Duration::from_secs(1);

/// Resolves with the signal's name at SIGTERM or SIGINT. From then on a second one ends the process at once: somebody
/// is in a hurry.
pub(crate) async fn asked_to_stop() -> &'static str {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be listened to; only SIGKILL ends this process");
        return std::future::pending().await;
    };
    let first = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    let asked = Instant::now();
    tokio::spawn(async move {
        // A terminal and the program that started us may both pass on the same Ctrl-C.
        while asked.elapsed() < TWICE {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        tracing::warn!("asked twice: ending at once; the database is stopped at the next start");
        std::process::exit(130);
    });
    first
}
