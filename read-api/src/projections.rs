//! The projections, for those who run the system: how they stand, pausing, rebuilding.
//!
//! They stand here although they are no queries: what they change is the read side's own, tables that can be thrown away
//! and whether they are kept up to date. No event comes of it, so no command does.

use std::sync::Arc;

use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use spendlog_projections::{Group, Progress, Rebuild, Rebuilt, Stage, Status};
use spendlog_schemas::{
    problem::ProblemDetails,
    projections::{Projection, ProjectionState, Projections, RebuildDone, RebuildProgress, RebuildStage},
};
use spendlog_web::{Caller, Code, Problem};
use tokio::sync::watch;

use crate::{
    ReadApi,
    access::{failed, user},
    answer::json,
    sse::{self, Gone, Sender},
};

/// How a projection stands, as it is answered.
pub fn projection(status: &Status) -> Projection {
    let group = status.lag.group;
    Projection {
        name: group.name().to_owned(),
        tables: group.tables().iter().map(|table| (*table).to_owned()).collect(),
        state: match (status.paused_at, &status.run_by) {
            (Some(_), _) => ProjectionState::Paused,
            (None, Some(_)) => ProjectionState::Running,
            (None, None) => ProjectionState::Stopped,
        },
        paused_at: status.paused_at,
        run_by: status.run_by.as_ref().map(ToString::to_string),
        rebuilt_by: status.made_beside_by.as_ref().map(ToString::to_string),
        position: status.lag.position,
        head: status.head,
        lag_events: status.lag.events,
        lag_seconds: status.lag.seconds,
    }
}

fn named(name: &str) -> Result<Group, Problem> {
    Group::named(name).ok_or_else(|| Code::NotFound.into())
}

/// List projections
///
/// For admins.
#[utoipa::path(
    operation_id = "projections.list", tag = "projections", security(("bearer" = [])),
    responses((status = 200, body = Projections), (status = "default", body = ProblemDetails, content_type = "application/problem+json")),
)]
#[get("/admin/projections")]
pub(crate) async fn list(api: Data<ReadApi>, caller: Caller) -> Result<HttpResponse, Problem> {
    caller.admin()?;
    let mut data = Vec::new();
    for group in Group::ALL {
        data.push(projection(&api.projections.status(group).await.map_err(failed)?));
    }
    json(&Projections { data })
}

/// Pause a projection
///
/// For admins. When this answers, no process applies a further event until it is resumed. Reads that name a position
/// beyond it are answered with 503 `read-model-behind`, all others as of where it rests.
#[utoipa::path(
    operation_id = "projections.pause", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection")),
    responses((status = 200, body = Projection), (status = "default", body = ProblemDetails, content_type = "application/problem+json")),
)]
#[post("/admin/projections/{name}/pause")]
pub(crate) async fn pause(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    let caller = caller.admin()?;
    let group = named(&path)?;
    api.projections.pause(group).await.map_err(failed)?;
    tracing::info!(projection = group.name(), user = %user(caller), "a projection was paused");
    json(&projection(&api.projections.status(group).await.map_err(failed)?))
}

/// Let a paused projection go on
///
/// For admins.
#[utoipa::path(
    operation_id = "projections.resume", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection")),
    responses((status = 200, body = Projection), (status = "default", body = ProblemDetails, content_type = "application/problem+json")),
)]
#[post("/admin/projections/{name}/resume")]
pub(crate) async fn resume(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    let caller = caller.admin()?;
    let group = named(&path)?;
    api.projections.resume(group).await.map_err(failed)?;
    tracing::info!(projection = group.name(), user = %user(caller), "a projection was resumed");
    json(&projection(&api.projections.status(group).await.map_err(failed)?))
}

/// What is told of a rebuild.
#[derive(Clone)]
enum News {
    Progress(Progress),
    Done(Rebuilt),
    Failed(Arc<Problem>),
}

/// Rebuild a projection from the journal, and follow it
///
/// For admins. The new tables are made beside the live ones, which are read and kept up to date meanwhile, and take their
/// place in one moment. The rebuild goes on when the client goes away; `GET /admin/projections` says whether one is under way.
#[utoipa::path(
    operation_id = "projections.rebuild", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Server-sent events: `progress` (`stage`, `position`, `head`, `events`, `rate` in positions per second, `left_seconds`), then `done` (`position`, `events`, `took_ms`) or `failed` (a problem)"),
        (status = "default", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/projections/{name}/rebuild")]
pub(crate) async fn rebuild(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    let caller = caller.admin()?;
    let group = named(&path)?;
    let rebuild = Rebuild::begin(&api.journal, group).await.map_err(failed)?;
    let (tell, news) = watch::channel(None);
    let answer = sse::answer(&api, user(caller), |sender| async move {
        // A client that is gone hears nothing.
        let _gone = follow(news, &sender).await;
    })?;
    tracing::info!(projection = group.name(), user = %user(caller), "a rebuild begins");
    let stop = api.stop.clone();
    tokio::spawn(async move {
        let rebuilding = rebuild.run(|progress| drop(tell.send_replace(Some(News::Progress(*progress)))));
        // A server that stops does not wait for it: nothing has changed until it is done.
        match stop.run_until_cancelled(rebuilding).await {
            None => {}
            Some(Ok(done)) => {
                let Rebuilt { events, position, took } = done;
                let took_ms = millis(took);
                tracing::info!(projection = group.name(), events, position, took_ms, "rebuilt");
                tell.send_replace(Some(News::Done(done)));
            }
            Some(Err(error)) => {
                let problem = failed(error);
                tracing::error!(projection = group.name(), cause = problem.cause(), "a rebuild failed");
                tell.send_replace(Some(News::Failed(Arc::new(problem))));
            }
        }
    });
    Ok(answer)
}

/// Tells one client of a rebuild, until its end. Of what comes faster than it can be sent, the newest is told.
async fn follow(mut news: watch::Receiver<Option<News>>, sender: &Sender) -> Result<(), Gone> {
    let mut position = 0;
    while news.changed().await.is_ok() {
        let newest = news.borrow_and_update().clone();
        match newest {
            None => {}
            Some(News::Progress(progress)) => {
                position = progress.position;
                if let Some(told) = told(&progress) {
                    sender.send(position, "progress", &told).await?;
                }
            }
            Some(News::Done(Rebuilt { events, position, took })) => {
                let done = RebuildDone {
                    position,
                    events,
                    took_ms: millis(took),
                };
                return sender.send(position, "done", &done).await;
            }
            Some(News::Failed(problem)) => return sender.send(position, "failed", &problem.details(None, None)).await,
        }
    }
    Ok(())
}

fn told(progress: &Progress) -> Option<RebuildProgress> {
    Some(RebuildProgress {
        stage: match progress.stage {
            Stage::Filling => RebuildStage::Filling,
            Stage::Indexing => RebuildStage::Indexing,
            Stage::CatchingUp => RebuildStage::CatchingUp,
            Stage::Swapping => RebuildStage::Swapping,
            // That is what a verification does.
            Stage::Comparing => return None,
        },
        position: progress.position,
        head: progress.head,
        events: progress.events,
        rate: progress.rate(),
        left_seconds: progress.left().map(|left| left.as_secs()),
    })
}

fn millis(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
