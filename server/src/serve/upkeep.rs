//! What is measured from time to time and not by a request: how far the read tables are behind, and whether they are
//! paused.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use spendlog_projections::{Group, Projections};
use tokio_util::sync::CancellationToken;

/// How often the gauges are set.
const EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop` is cancelled.
pub(crate) async fn run(recorder: PrometheusHandle, projections: Projections, stop: CancellationToken) {
    metrics::describe_gauge!(
        "spendlog_projection_lag_events",
        "Events of the journal that the read tables have not seen."
    );
    metrics::describe_gauge!(
        "spendlog_projection_lag_seconds",
        "How long the oldest of them has been waiting."
    );
    metrics::describe_gauge!(
        "spendlog_projection_paused",
        "1 where somebody paused the projection, 0 otherwise."
    );
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        recorder.run_upkeep();
        let paused = projections.paused().await;
        for group in Group::ALL {
            if let Ok(paused) = &paused {
                gauge(
                    "spendlog_projection_paused",
                    group.name(),
                    i64::from(paused.contains(&group)),
                );
            }
            if let Ok(lag) = projections.lag(group).await {
                gauge("spendlog_projection_lag_events", group.name(), lag.events);
                gauge("spendlog_projection_lag_seconds", group.name(), lag.seconds);
            }
        }
        for status in projections.custom().await.unwrap_or_default() {
            gauge(
                "spendlog_projection_lag_events",
                &status.name,
                status.head - status.position,
            );
            gauge("spendlog_projection_lag_seconds", &status.name, status.lag_seconds);
        }
    }
}

fn gauge(name: &'static str, projection: &str, value: i64) {
    let value = u32::try_from(value.max(0)).unwrap_or(u32::MAX);
    metrics::gauge!(name, "projection" => projection.to_owned()).set(f64::from(value));
}
