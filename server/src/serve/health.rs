//! Whether the process lives, whether it can serve, and what it has counted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Data, ServiceConfig},
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use spendlog_event_store::Database;
use spendlog_projections::{Group, Projections};

/// How long the database may take to answer before we call ourselves unready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The paths that the description of the API leaves out, with their methods.
pub(crate) const PATHS: &[(&str, &str)] = &[
    ("/livez", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/openapi.json", "GET"),
    ("/docs", "GET"),
    ("/docs/{rest}*", "GET"),
];

/// Whether requests should be sent here.
#[derive(Clone)]
pub(crate) struct Health {
    ready: Arc<AtomicBool>,
    database: Database,
    projections: Projections,
}

impl Health {
    /// Ready from the start: the listener is bound when all else is.
    pub(crate) fn new(database: Database, projections: Projections) -> Self {
        Self {
            ready: Arc::new(AtomicBool::new(true)),
            database,
            projections,
        }
    }

    /// Says that requests should go elsewhere, or come again.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    async fn problem(&self) -> Option<&'static str> {
        if !self.ready.load(Ordering::Acquire) {
            return Some("stopping");
        }
        let asked = sqlx::query("SELECT 1").execute(self.database.pool());
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(_)) => None,
            Ok(Err(_)) => Some("the database refuses"),
            Err(_) => Some("the database does not answer"),
        }
    }
}

/// The routes. They need no token, and tell nothing of anybody.
pub(crate) fn configure(service: &mut ServiceConfig) {
    service
        .route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// A projection that somebody paused makes no process unready: all of them would be, and reads still have answers.
async fn readyz(health: Data<Health>) -> HttpResponse {
    match health.problem().await {
        None => {
            let paused = tokio::time::timeout(PATIENCE, health.projections.paused()).await;
            let paused: Vec<_> = paused.into_iter().flatten().flatten().map(Group::name).collect();
            HttpResponse::Ok().json(json!({"status": "ready", "paused": paused}))
        }
        Some(why) => HttpResponse::ServiceUnavailable().json(json!({"status": "unready", "why": why})),
    }
}

async fn metrics(recorder: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(recorder.render())
}
