//! The projections, for those who run the system: how they stand, pausing, rebuilding.
//!
//! They stand here although they are no queries: what they change is the read side's own, tables that can be thrown away
//! and whether they are kept up to date. No event comes of it, so no command does.

use std::sync::Arc;

use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use spendlog_event_store::Journal;
use spendlog_projections::{Group, Progress, Rebuild, Rebuilt, Stage, Status, custom};
use spendlog_schemas::{
    problem::ProblemDetails,
    projections::{
        CustomProjection, Projection, ProjectionColumn, ProjectionState, Projections, RebuildDone, RebuildProgress,
        RebuildStage,
    },
};
use spendlog_web::{Caller, Problem};
use tokio::sync::watch;

use crate::{
    ReadApi,
    access::{failed, user},
    analytics::refused,
    answer::json,
    sse::{self, Broken, Sender},
};

fn state(paused: bool, run: bool) -> ProjectionState {
    match (paused, run) {
        (true, _) => ProjectionState::Paused,
        (false, true) => ProjectionState::Running,
        (false, false) => ProjectionState::Stopped,
    }
}

/// How a projection stands, as it is answered.
pub fn projection(status: &Status) -> Projection {
    let group = status.lag.group;
    Projection {
        name: group.name().to_owned(),
        tables: group.tables().iter().map(|table| (*table).to_owned()).collect(),
        state: state(status.paused_at.is_some(), status.run_by.is_some()),
        paused_at: status.paused_at,
        run_by: status.run_by.as_ref().map(ToString::to_string),
        rebuilt_by: status.made_beside_by.as_ref().map(ToString::to_string),
        position: status.lag.position,
        head: status.head,
        lag_events: status.lag.events,
        lag_seconds: status.lag.seconds,
        custom: None,
    }
}

/// How a projection of one's own stands, as it is answered.
pub fn custom_projection(status: &custom::Status) -> Projection {
    Projection {
        name: status.name.clone(),
        tables: vec![status.name.clone()],
        state: state(status.paused_at.is_some(), status.run_by.is_some()),
        paused_at: status.paused_at,
        run_by: status.run_by.as_ref().map(ToString::to_string),
        rebuilt_by: None,
        position: status.position,
        head: status.head,
        lag_events: status.head - status.position,
        lag_seconds: status.lag_seconds,
        custom: Some(CustomProjection {
            columns: columns(status),
            by_book: status.is_by_book(),
            every_seconds: status.every.map(|every| every.as_secs()),
            refreshed_at: status.refreshed_at,
            failure: status.failure.clone(),
        }),
    }
}

/// What a projection of one's own shows, as it is answered.
pub(crate) fn columns(status: &custom::Status) -> Vec<ProjectionColumn> {
    let columns = status.columns.iter().map(|column| ProjectionColumn {
        name: column.name.clone(),
        r#type: column.kind.clone(),
    });
    columns.collect()
}

/// How the projection of this name stands, whoever made it.
async fn status(api: &ReadApi, name: &str) -> Result<Projection, Problem> {
    match Group::named(name) {
        Some(group) => Ok(projection(&api.projections.status(group).await.map_err(failed)?)),
        None => Ok(custom_projection(
            &api.projections.custom_status(name).await.map_err(refused)?,
        )),
    }
}

/// List projections
///
/// For admins.
#[utoipa::path(
    operation_id = "projections.list", tag = "projections", security(("bearer" = [])),
    responses((status = 200, body = Projections), ProblemDetails),
)]
#[get("/admin/projections")]
pub(crate) async fn list(api: Data<ReadApi>, caller: Caller) -> Result<HttpResponse, Problem> {
    caller.admin()?;
    let mut data = Vec::new();
    for group in Group::ALL {
        data.push(projection(&api.projections.status(group).await.map_err(failed)?));
    }
    let custom = api.projections.custom().await.map_err(failed)?;
    data.extend(custom.iter().map(custom_projection));
    json(&Projections { data })
}

/// Pause a projection
///
/// For admins. When this answers, no process applies a further event until it is resumed. Reads that name a position
/// beyond it are answered with 503 `read-model-behind`, all others as of where it rests.
#[utoipa::path(
    operation_id = "projections.pause", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection")),
    responses((status = 200, body = Projection), ProblemDetails),
)]
#[post("/admin/projections/{name}/pause")]
pub(crate) async fn pause(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    set_paused(&api, &caller, &path, true).await
}

async fn set_paused(api: &ReadApi, caller: &Caller, name: &str, paused: bool) -> Result<HttpResponse, Problem> {
    let caller = caller.admin()?;
    match Group::named(name) {
        Some(group) if paused => api.projections.pause(group).await.map_err(failed)?,
        Some(group) => api.projections.resume(group).await.map_err(failed)?,
        None => api.projections.pause_custom(name, paused).await.map_err(refused)?,
    }
    let done = if paused { "paused" } else { "resumed" };
    tracing::info!(projection = name, user = %user(caller), "a projection was {done}");
    json(&status(api, name).await?)
}

/// Let a paused projection go on
///
/// For admins.
#[utoipa::path(
    operation_id = "projections.resume", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path, description = "The projection")),
    responses((status = 200, body = Projection), ProblemDetails),
)]
#[post("/admin/projections/{name}/resume")]
pub(crate) async fn resume(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    set_paused(&api, &caller, &path, false).await
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
        ProblemDetails,
    ),
)]
#[post("/admin/projections/{name}/rebuild")]
pub(crate) async fn rebuild(api: Data<ReadApi>, caller: Caller, path: Path<String>) -> Result<HttpResponse, Problem> {
    let caller = caller.admin()?;
    let name = path.into_inner();
    let rebuild = match Group::named(&name) {
        Some(group) => Some(Rebuild::begin(&api.journal, group).await.map_err(failed)?),
        None => {
            api.projections.custom_status(&name).await.map_err(refused)?;
            None
        }
    };
    let (tell, news) = watch::channel(None);
    let answer = sse::answer(&api, user(caller), |sender| follow(news, sender))?;
    tracing::info!(projection = name, user = %user(caller), "a rebuild begins");
    let (stop, journal) = (api.stop.clone(), api.journal.clone());
    tokio::spawn(async move {
        let rebuilding = async {
            match rebuild {
                Some(rebuild) => rebuild
                    .run(|progress| drop(tell.send_replace(Some(News::Progress(*progress)))))
                    .await
                    .map_err(failed),
                None => computed(&journal, &name).await,
            }
        };
        // A server that stops does not wait for it: nothing has changed until it is done.
        match stop.run_until_cancelled(rebuilding).await {
            None => {}
            Some(Ok(done)) => {
                let Rebuilt { events, position, took } = done;
                let took_ms = millis(took);
                tracing::info!(projection = name, events, position, took_ms, "rebuilt");
                tell.send_replace(Some(News::Done(done)));
            }
            Some(Err(problem)) => {
                tracing::error!(projection = name, cause = problem.cause(), "a rebuild failed");
                tell.send_replace(Some(News::Failed(Arc::new(problem))));
            }
        }
    });
    Ok(answer)
}

/// A projection of one's own, computed anew: from the read tables, so no event is applied.
async fn computed(journal: &Journal, name: &str) -> Result<Rebuilt, Problem> {
    let done = custom::refresh(journal, name).await.map_err(refused)?;
    Ok(Rebuilt {
        events: 0,
        position: done.position,
        took: done.took,
    })
}

/// Tells one client of a rebuild, until its end. Of what comes faster than it can be sent, the newest is told.
async fn follow(mut news: watch::Receiver<Option<News>>, sender: Sender) -> Result<(), Broken> {
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
