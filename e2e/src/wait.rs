//! Waiting with a deadline, never for a fixed time.

use std::time::{Duration, Instant};

/// How long anything may take before the test fails. Generous: a busy machine must not fail a right program.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Asks again and again until the answer is `Some`.
///
/// # Panics
/// When the deadline passes; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{what} did not come about within {DEADLINE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
