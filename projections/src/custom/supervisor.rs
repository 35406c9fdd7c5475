//! Keeps the projections of one's own up to date: of all processes one at a time, a task for each projection.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    CustomError,
    analyst::provide,
    keeper::Keeper,
    statements::{Definition, keep_failure},
    world::clear,
};
use crate::{ProjectionError, Projections, projections::now, runner::chain, writer::Writer};

/// The advisory lock of the process that does it.
pub(crate) const LOCK: i64 = 7_021_883_046_113_904_121;
/// How often it is looked for what was added, removed or paused, and whether somebody is needed at all.
const LOOK: Duration = Duration::from_millis(500);
/// Between two batches the next one grows.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it is looked for what is announced by no event: rebuilds, and forgotten owners.
const IDLE: Duration = Duration::from_secs(3);
/// How long one that failed is left alone, at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until `stop`; a failure is logged, and it begins again.
pub(crate) async fn run(projections: Projections, stop: CancellationToken) {
    let work = async {
        loop {
            let Err(error) = session(&projections).await;
            let error = chain(&error);
            tracing::warn!(
                error,
                "the projections of one's own are not kept up to date for the moment"
            );
            sleep(LOOK).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

/// A projection: another one of the same name is another one.
type Key = (String, DateTime<Utc>);

fn key(definition: &Definition) -> Key {
    (definition.name.clone(), definition.added_at)
}

/// Tasks that end with what holds them.
#[derive(Default)]
struct Tasks(HashMap<Key, AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.values().for_each(AbortHandle::abort);
    }
}

/// Empties those of whom somebody was forgotten since they were computed. Up to where that was looked for is kept in `looked`.
async fn clear_all(writer: &Writer, definitions: &[&Definition], looked: &mut HashMap<Key, i64>) {
    looked.retain(|known, _| definitions.iter().any(|definition| key(definition) == *known));
    for definition in definitions {
        let before = looked.get(&key(definition)).copied().unwrap_or_default();
        match clear(writer, definition, before).await {
            Ok(until) => drop(looked.insert(key(definition), until)),
            Err(error) if error.is_passing() => {}
            Err(error) => {
                let (projection, error) = (&definition.name, error.told());
                tracing::warn!(projection, error, "it could not be emptied of who was forgotten");
            }
        }
    }
}

async fn session(projections: &Projections) -> Result<std::convert::Infallible, CustomError> {
    let journal = &projections.0.journal;
    let writer = Writer::open(journal.database(), "spendlog custom", "custom", false).await?;
    while !writer.try_lock(LOCK).await? {
        sleep(LOOK).await;
    }
    let mut tasks = Tasks::default();
    let (mut provided, mut looked) = (false, HashMap::new());
    loop {
        let all = Definition::all(&writer).await?;
        // Who was forgotten goes from all the others when these are computed anew.
        let resting: Vec<&Definition> = all
            .iter()
            .filter(|definition| definition.paused_at.is_some() || definition.failure.is_some())
            .collect();
        clear_all(&writer, &resting, &mut looked).await;
        if !provided && all.iter().any(|definition| definition.paused_at.is_none()) {
            // The views are those of the program that added the first one, which may have been an older one.
            if let Err(error) = provide(journal).await {
                // None is computed, then.
                clear_all(&writer, &all.iter().collect::<Vec<_>>(), &mut looked).await;
                return Err(error);
            }
            provided = true;
        }
        let wanted: HashMap<_, _> = all
            .into_iter()
            .filter(|definition| definition.paused_at.is_none())
            .map(|definition| (key(&definition), definition))
            .collect();
        tasks.0.retain(|key, task| {
            let goes_on = wanted.contains_key(key);
            if !goes_on {
                task.abort();
            }
            goes_on
        });
        for (key, definition) in wanted {
            tasks.0.entry(key).or_insert_with(|| {
                let task = tokio::spawn(keep(projections.clone(), definition));
                task.abort_handle()
            });
        }
        sleep(LOOK).await;
    }
}

/// Keeps one up to date. What goes wrong is kept where it can be seen, and after a while all is computed anew.
async fn keep(projections: Projections, definition: Definition) {
    let name = definition.name.clone();
    tracing::info!(projection = name, "the projection runs");
    let (mut pause, mut anew) = (LOOK, false);
    loop {
        let Err(error) = follow(&projections, &definition, &mut anew, &mut pause).await;
        match error {
            CustomError::Unknown(_) => return,
            error if error.is_passing() => {}
            error => {
                metrics::counter!("spendlog_projection_failures_total", "projection" => name.clone()).increment(1);
                let told = error.told();
                tracing::warn!(
                    projection = name,
                    error = told,
                    "the projection failed and begins again"
                );
                let kept: Result<(), ProjectionError> = keep_failure(&projections.0.journal, &name, &told).await;
                if let Err(error) = kept {
                    tracing::warn!(%error, "that a projection failed could not be kept");
                }
                anew = definition.every.is_none();
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PATIENCE);
    }
}

/// Keeps one up to date until something goes wrong.
async fn follow(
    projections: &Projections,
    definition: &Definition,
    anew: &mut bool,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, CustomError> {
    let mut keeper = Keeper::open(&projections.0.journal, &definition.name).await?;
    let mut head = projections.0.journal.head();
    let mut due = definition.every.map(|every| {
        let since = definition
            .refreshed_at
            .map_or(every, |at| (now() - at).to_std().unwrap_or_default());
        Instant::now() + every.saturating_sub(since)
    });
    loop {
        let newest = *head.borrow_and_update();
        let is_due = due.is_some_and(|due| due <= Instant::now());
        keeper.pass(*anew || is_due).await?;
        (*anew, *pause) = (false, LOOK);
        if let (true, Some(every)) = (is_due, definition.every) {
            due = Some(Instant::now() + every);
        }
        sleep(PAUSE).await;
        match due {
            // Of an incremental one that is behind the next batch follows at once.
            None if keeper.position < newest => {}
            None => drop(timeout(IDLE, head.changed()).await),
            Some(due) => sleep(IDLE.min(due.saturating_duration_since(Instant::now()))).await,
        }
    }
}
