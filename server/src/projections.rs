//! `spendlog projections`: how the read tables stand, and what an operator may do with them.

use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use spendlog_event_store::Journal;
use spendlog_projections::{Group, Progress, Projections, Stage, Verified, rebuild, verify};
use spendlog_read_api::projection;
use spendlog_schemas::projections::{Projection, ProjectionState};

use crate::{
    cli,
    config::Config,
    foundation::{Foundation, Use},
    note, say,
};

/// How long those who were broken off have to let go of what they made.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does what is asked, beside a server where one is running. Ctrl-C leaves nothing half done and nothing behind.
pub(crate) async fn run(config: &Config, command: &cli::Projections) -> anyhow::Result<()> {
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let projections = Projections::new(foundation.journal.clone());
    let done = tokio::select! {
        done = act(&foundation.journal, &projections, command) => done,
        _ = tokio::signal::ctrl_c() => {
            let swept = projections.sweep(PATIENCE).await.context("broken off; what was made is dropped later");
            swept.and(Err(anyhow::anyhow!("broken off; the live tables are whole")))
        }
    };
    foundation.close().await?;
    done
}

async fn act(journal: &Journal, projections: &Projections, command: &cli::Projections) -> anyhow::Result<()> {
    match command {
        cli::Projections::List { json } => list(projections, *json).await,
        cli::Projections::Lag { json } => lag(projections, *json).await,
        cli::Projections::Rebuild(which) if which.all => rebuild_all(journal, &Group::ALL).await,
        cli::Projections::Rebuild(which) => rebuild_all(journal, &which.names).await,
        cli::Projections::Verify { names } if names.is_empty() => verify_all(journal, &Group::ALL).await,
        cli::Projections::Verify { names } => verify_all(journal, names).await,
        cli::Projections::Pause(of) => {
            projections.pause(of.name).await?;
            let position = projections.refresh(of.name).await?;
            say(&format!("{} is paused at position {position}.", of.name.name()));
            Ok(())
        }
        cli::Projections::Resume(of) => {
            projections.resume(of.name).await?;
            let status = projections.status(of.name).await?;
            say(&match status.run_by {
                Some(by) => format!("{} goes on, in {by}.", of.name.name()),
                None => format!("{} goes on as soon as a server runs.", of.name.name()),
            });
            Ok(())
        }
    }
}

async fn all(projections: &Projections) -> anyhow::Result<Vec<Projection>> {
    let mut all = Vec::new();
    for group in Group::ALL {
        all.push(projection(&projections.status(group).await?));
    }
    Ok(all)
}

async fn list(projections: &Projections, json: bool) -> anyhow::Result<()> {
    let all = all(projections).await?;
    if json {
        say(&serde_json::to_string(&all)?);
        return Ok(());
    }
    for one in all {
        let by = one.run_by.map_or_else(String::new, |by| format!(" ({by})"));
        let state = match (one.state, one.paused_at) {
            (ProjectionState::Paused, Some(at)) => format!("paused since {}{by}", at.format("%Y-%m-%d %H:%M:%S UTC")),
            (ProjectionState::Paused, None) => format!("paused{by}"),
            (ProjectionState::Running, _) => format!("running{by}"),
            (ProjectionState::Stopped, _) => "run by no process".to_owned(),
        };
        say(&format!("{}: {state}", one.name));
        say(&format!(
            "  at position {} of {}: {} events, {} s behind",
            one.position, one.head, one.lag_events, one.lag_seconds
        ));
        if let Some(by) = one.rebuilt_by {
            say(&format!("  being rebuilt or verified by {by}"));
        }
        say(&format!("  tables: {}", one.tables.join(", ")));
    }
    Ok(())
}

async fn lag(projections: &Projections, as_json: bool) -> anyhow::Result<()> {
    let all = all(projections).await?;
    if as_json {
        let all: Vec<_> = all
            .iter()
            .map(|one| json!({"name": one.name, "lag_events": one.lag_events, "lag_seconds": one.lag_seconds, "state": one.state}))
            .collect();
        say(&serde_json::to_string(&all)?);
        return Ok(());
    }
    for one in all {
        say(&format!(
            "{:<10} {} events, {} s",
            one.name, one.lag_events, one.lag_seconds
        ));
    }
    Ok(())
}

async fn rebuild_all(journal: &Journal, groups: &[Group]) -> anyhow::Result<()> {
    for group in groups {
        let bar = bar(*group)?;
        let done = rebuild(journal, *group, |progress| show(&bar, progress)).await;
        bar.finish_and_clear();
        let done = done.with_context(|| format!("{} is not rebuilt; its tables are as they were", group.name()))?;
        say(&format!(
            "{}: {} events in {}; the new tables took over at position {}.",
            group.name(),
            done.events,
            seconds(done.took),
            done.position
        ));
    }
    Ok(())
}

async fn verify_all(journal: &Journal, groups: &[Group]) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for group in groups {
        let bar = bar(*group)?;
        let found = verify(journal, *group, |progress| show(&bar, progress)).await;
        bar.finish_and_clear();
        let found = found.with_context(|| format!("{} could not be verified", group.name()))?;
        if !tell(*group, &found) {
            wrong.push(group.name());
        }
    }
    if !wrong.is_empty() {
        let (first, all) = (wrong.first().copied().unwrap_or_default(), wrong.join(" and "));
        bail!("{all} differ from what the journal says; `spendlog projections rebuild {first}` makes the tables again");
    }
    Ok(())
}

/// Prints what was found; whether all is as it should be.
fn tell(group: Group, found: &Verified) -> bool {
    let rows: i64 = found.tables.iter().map(|table| table.rows).sum();
    say(&format!(
        "{}: {rows} rows compared at position {}, {} events in {}.",
        group.name(),
        found.position,
        found.events,
        seconds(found.took)
    ));
    let mut sound = true;
    for table in found.tables.iter().filter(|table| table.differing > 0) {
        sound = false;
        say(&format!(
            "  {}: {} of {} rows",
            table.table, table.differing, table.rows
        ));
        for row in &table.first {
            say(&format!("    {row}"));
        }
    }
    sound
}

fn bar(group: Group) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {msg}")?);
    bar.set_prefix(group.name());
    if bar.is_hidden() {
        note(&format!("{}: at work …", group.name()));
    }
    Ok(bar)
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(u64::try_from(progress.head).unwrap_or_default());
    bar.set_position(u64::try_from(progress.position).unwrap_or_default());
    bar.set_message(match progress.stage {
        Stage::Filling | Stage::CatchingUp => {
            let left = progress.left().map(|left| format!(", {} left", HumanDuration(left)));
            let (events, rate) = (progress.events, progress.rate());
            format!("{events} events, {rate}/s{}", left.unwrap_or_default())
        }
        Stage::Indexing => "building indexes".to_owned(),
        Stage::Swapping => "waiting for the moment to take over".to_owned(),
        Stage::Comparing => "comparing".to_owned(),
    });
}

fn seconds(took: Duration) -> String {
    format!("{}.{} s", took.as_secs(), took.subsec_millis() / 100)
}
