//! `spendlog serve`: starts everything in order, and stops it in the opposite one.

pub(crate) mod api;
mod docs;
mod health;
mod signals;
mod transport;
mod upkeep;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web::Data};
use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use spendlog_commands::{Commands, CommandsConfig};
use spendlog_documents::{Reader, ReaderConfig, sniff};
use spendlog_event_store::Handler;
use spendlog_processors::{documents::DocumentPipeline, users::Forgetting};
use spendlog_projections::Projections;
use spendlog_read_api::ReadApi;
use spendlog_web::{edge, fallback};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa_actix_web::AppExt as _;

use crate::{
    config::Config,
    demo, forgotten,
    foundation::{self, Foundation, Use},
    models, say,
};

use self::health::Health;

/// Connections at the same time, those of all workers together; further ones wait until others end. Each may hold some MiB of
/// what it sends, so that all of them hold some GiB at most; twice as many as there may be live streams.
const CONNECTIONS_MAX: usize = 1024;

/// Serves until told to stop. With `demo`, the samples of that folder are shown on an empty ledger.
pub(crate) async fn run(config: Config, demo: Option<PathBuf>) -> anyhow::Result<()> {
    let began = Instant::now();
    let recorder = spendlog_web::metrics::install().context("the metrics can't be recorded")?;
    let asked = signals::listen();
    // Before the rest: who comes early waits in the queue, and a port that is taken costs no start of the database.
    let listener = TcpListener::bind(config.listen);
    if listener.is_err() {
        // A second server on the same data finds the port taken too, but another port would not help it.
        foundation::refuse_second(&config)?;
    }
    let listener = listener.with_context(|| format!("{} can't be listened on", config.listen))?;
    // In a box, since it is large and would be held twice.
    let laying = Box::pin(Foundation::lay(&config, Use::Alone));
    let mut foundation = tokio::select! {
        laid = laying => laid?,
        () = asked.cancelled() => {
            tracing::info!("stopped during the start");
            return Ok(());
        }
    };
    let empty = *foundation.journal.head().borrow() == 0;
    let stop = CancellationToken::new();
    let started = start(&config, &foundation, listener, recorder, &stop).await;
    let Running {
        address,
        health,
        server,
        background,
    } = match started {
        Ok(running) => running,
        Err(error) => {
            stop.cancel();
            foundation.close().await?;
            return Err(error);
        }
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(address, took_ms, "ready");
    say(&format!("Spendlog listens on {address}"));
    let models = config.models.clone();
    tokio::task::spawn_blocking(move || warn_of_lacks(&models));
    let showing = demo.map(|samples| tokio::spawn(demo::after_start(address, samples, empty)));

    let handle = server.handle();
    let mut server = tokio::spawn(server);
    let why = tokio::select! {
        () = asked.cancelled() => Ok(()),
        () = ended(&mut foundation) => Err(anyhow::anyhow!("PostgreSQL ended by itself; its log is in the data folder")),
        result = &mut server => Err(anyhow::anyhow!("the HTTP server ended by itself: {result:?}")),
    };
    health.set_ready(false);
    if let Some(showing) = showing {
        showing.abort();
    }
    // First those who stream for ever, then the open requests, then what works in the background, the journal last.
    stop.cancel();
    let drained = tokio::time::timeout(config.shutdown_limit + Duration::from_secs(2), handle.stop(true)).await;
    if drained.is_err() {
        tracing::warn!("open requests were cut off");
    }
    for task in background {
        if tokio::time::timeout(config.shutdown_limit, task).await.is_err() {
            tracing::warn!("a task in the background did not end in time");
        }
    }
    foundation.close().await?;
    tracing::info!("stopped");
    why
}

/// Says what the recognition of text has to do without.
fn warn_of_lacks(folder: &Path) {
    for lacking in models::lacks(folder) {
        tracing::warn!("missing: {lacking}; `spendlog models fetch` gets it, until then the next best engine is used");
    }
}

/// A server that runs.
struct Running {
    /// As a URL.
    address: String,
    health: Health,
    server: Server,
    background: Vec<JoinHandle<()>>,
}

/// What handlers of requests work with.
#[derive(Clone)]
struct Parts {
    commands: Commands,
    projections: Projections,
    queries: ReadApi,
    health: Health,
    recorder: PrometheusHandle,
}

/// Starts what the roles ask for.
async fn start(
    config: &Config,
    foundation: &Foundation,
    listener: TcpListener,
    recorder: PrometheusHandle,
    stop: &CancellationToken,
) -> anyhow::Result<Running> {
    let bound = listener.local_addr().context("the listener has no address")?;
    let (journal, files) = (&foundation.journal, &foundation.files);
    let commands_config = CommandsConfig {
        upload_bytes_max: config.upload_limit_bytes,
        registrations_max: config.registrations_max,
        sign_in_failures_max: config.sign_in_failures_max,
        ..CommandsConfig::default()
    };
    let commands = Commands::new(journal.clone(), files.clone(), sniff::sniff, commands_config).await?;
    let projections = Projections::new(journal.clone());
    let mut background = background(config, foundation, &commands, &projections, stop)?;
    let upkeep = upkeep::run(recorder.clone(), projections.clone(), stop.clone());
    background.push(tokio::spawn(upkeep));
    let health = Health::new(foundation.database.clone(), projections.clone());
    let parts = Parts {
        commands,
        queries: ReadApi::new(journal.clone(), files.clone(), projections.clone(), stop.clone()),
        projections,
        health: health.clone(),
        recorder,
    };
    Ok(Running {
        address: format!("http://{bound}"),
        health,
        server: serve(config, parts, listener)?,
        background,
    })
}

/// Starts what the roles have work in the background, until `stop` is cancelled.
fn background(
    config: &Config,
    foundation: &Foundation,
    commands: &Commands,
    projections: &Projections,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let (journal, files) = (&foundation.journal, &foundation.files);
    let mut background = Vec::new();
    if !foundation.forgotten {
        let again = forgotten::keep_trying(journal.clone(), files.clone(), stop.clone());
        background.push(tokio::spawn(again));
    }
    if config.roles.projections {
        background.extend(projections.run(stop));
    }
    if config.roles.processors {
        let program = std::env::current_exe().context("this program can't be found")?;
        let reader = Arc::new(Reader::new(ReaderConfig {
            engine: config.ocr_engine,
            time_limit: config.read_time_limit,
            memory_limit: config.read_memory_limit_bytes,
            threads: config.ocr_threads,
            ..ReaderConfig::new(program, config.models.clone())
        }));
        let pipeline: Arc<dyn Handler> = Arc::new(DocumentPipeline::new(
            journal.clone(),
            files.clone(),
            commands.clone(),
            projections.clone(),
            reader,
            config.documents_at_once,
        ));
        let forgetting: Arc<dyn Handler> = Arc::new(Forgetting::new(commands.clone(), projections.clone()));
        let feed = transport::feed(config, journal);
        let run = spendlog_processors::run(feed, vec![pipeline, forgetting], stop.clone());
        background.push(tokio::spawn(run));
    }
    if config.roles.relay {
        background.extend(transport::relay(config, journal, stop));
    }
    Ok(background)
}

/// Serves HTTP: the API where the roles ask for it, and what every process answers.
fn serve(config: &Config, parts: Parts, listener: TcpListener) -> anyhow::Result<Server> {
    let roles = config.roles;
    let server = HttpServer::new(move || {
        let (app, description) = App::new()
            .into_utoipa_app()
            .openapi(api::about())
            .configure(|service| {
                if roles.api {
                    api::routes(service)
                }
            })
            .split_for_parts();
        let parts = parts.clone();
        app.app_data(Data::new(parts.commands.tokens().clone()))
            .app_data(Data::new(parts.commands))
            .app_data(Data::new(parts.projections))
            .app_data(Data::new(parts.queries))
            .app_data(Data::new(parts.health))
            .app_data(Data::new(parts.recorder))
            .app_data(Data::new(fallback::AllowedMethods::new(
                &description.paths,
                health::PATHS,
            )))
            .configure(health::configure)
            .configure(|service| docs::configure(service, description))
            .default_service(fallback::route())
            .wrap(from_fn(edge::pass))
    })
    .workers(config.workers)
    .max_connections(CONNECTIONS_MAX.div_ceil(config.workers))
    .shutdown_timeout(config.shutdown_limit.as_secs())
    .disable_signals()
    .listen(listener)
    .context("the listener can't be used")?;
    Ok(server.run())
}

/// Resolves when the private PostgreSQL has ended; never where there is none.
async fn ended(foundation: &mut Foundation) {
    match &mut foundation.cluster {
        Some(cluster) => cluster.ended().await,
        None => std::future::pending().await,
    }
}
