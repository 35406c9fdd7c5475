//! What asks the server to stop.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A second signal counts as one of its own when it comes this much later.
const TWICE: Duration = Duration::from_secs(1);

/// Listens from now on: the first SIGTERM or SIGINT cancels the token. A second one ends the process at once: somebody
/// is in a hurry.
pub(super) fn listen() -> CancellationToken {
    let asked = CancellationToken::new();
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be listened to; only SIGKILL ends this process");
        return asked;
    };
    let token = asked.clone();
    tokio::spawn(async move {
        let signal = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal, "stopping");
        token.cancel();
        let first = Instant::now();
        // A terminal and the program that started us may both pass on the same Ctrl-C.
        while first.elapsed() < TWICE {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        tracing::warn!("asked twice: ending at once; the database is stopped at the next start");
        std::process::exit(130);
    });
    asked
}
