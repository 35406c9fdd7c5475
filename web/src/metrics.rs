//! Metrics for Prometheus: requests by route, and what came of commands.

use std::time::Duration;

use actix_web::http::Method;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0,
];

/// Makes the recorder of this process, once; the handle writes what it has recorded. Call `run_upkeep` on the handle
/// now and then: without, durations that nobody collects pile up.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        "How long requests took, by route, method and status."
    );
    metrics::describe_counter!("commands_total", "Commands, by use case and outcome.");
    Ok(handle)
}

/// Counts a request. A method that nobody knows has no series of its own: anybody could make up new ones for ever.
pub(crate) fn request(method: &Method, route: &str, status: u16, took: Duration) {
    let method = match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    };
    metrics::histogram!(
        "http_request_duration_seconds",
        "method" => method,
        "route" => route.to_owned(),
        "status" => status.to_string(),
    )
    .record(took);
}

/// Counts a command: `recorded`, `nothing`, `repeated`, or the code of the problem.
pub fn command(use_case: &'static str, outcome: &'static str) {
    metrics::counter!("commands_total", "use_case" => use_case, "outcome" => outcome).increment(1);
}
