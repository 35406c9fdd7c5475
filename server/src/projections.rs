//! `spendlog projections`: how the read tables stand, and what an operator may do with them.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use spendlog_event_store::Journal;
use spendlog_projections::{
    Group, Progress, Projections, Stage, Verified,
    custom::{self, BOOK, CustomError},
    rebuild, verify,
};
use spendlog_read_api::{custom_projection, projection};
use spendlog_schemas::projections::{Projection, ProjectionState};

use crate::{
    cli::{self, ProjectionName},
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
    let there = names(projections).await?;
    let named = match command {
        cli::Projections::Rebuild(which) => which.names.as_slice(),
        cli::Projections::Verify { names } => names.as_slice(),
        cli::Projections::Pause(of) | cli::Projections::Resume(of) => std::slice::from_ref(&of.name),
        _ => &[],
    };
    if let Some(unknown) = named.iter().find(|name| !there.contains(name)) {
        let there: Vec<String> = there.iter().map(ToString::to_string).collect();
        bail!("there is no projection {unknown}; there are: {}", there.join(", "));
    }
    match command {
        cli::Projections::List { json } => list(projections, *json).await,
        cli::Projections::Lag { json } => lag(projections, *json).await,
        cli::Projections::Rebuild(which) if which.all => rebuild_all(journal, &there).await,
        cli::Projections::Rebuild(which) => rebuild_all(journal, &which.names).await,
        cli::Projections::Verify { names } if names.is_empty() => verify_all(journal, &there).await,
        cli::Projections::Verify { names } => verify_all(journal, names).await,
        cli::Projections::Pause(of) => {
            let position = match &of.name {
                ProjectionName::Group(group) => {
                    projections.pause(*group).await?;
                    projections.refresh(*group).await?
                }
                ProjectionName::Custom(name) => {
                    projections.pause_custom(name, true).await?;
                    projections.custom_status(name).await?.position
                }
            };
            say(&format!("{} is paused at position {position}.", of.name));
            Ok(())
        }
        cli::Projections::Resume(of) => {
            let run_by = match &of.name {
                ProjectionName::Group(group) => {
                    projections.resume(*group).await?;
                    projections.status(*group).await?.run_by
                }
                ProjectionName::Custom(name) => {
                    projections.pause_custom(name, false).await?;
                    projections.custom_status(name).await?.run_by
                }
            };
            say(&match run_by {
                Some(by) => format!("{} goes on, in {by}.", of.name),
                None => format!("{} goes on as soon as a server runs.", of.name),
            });
            Ok(())
        }
        cli::Projections::Add { file, every } => add(journal, file, *every).await,
        cli::Projections::Remove { name } => {
            custom::remove(journal, name).await?;
            say(&format!("{name} is removed."));
            Ok(())
        }
    }
}

/// The names of all projections.
async fn names(projections: &Projections) -> anyhow::Result<Vec<ProjectionName>> {
    let custom = projections.custom().await?;
    let custom = custom.into_iter().map(|status| ProjectionName::Custom(status.name));
    Ok(Group::ALL
        .into_iter()
        .map(ProjectionName::Group)
        .chain(custom)
        .collect())
}

async fn add(journal: &Journal, file: &Path, every: Option<Duration>) -> anyhow::Result<()> {
    let shown = file.display();
    let length = std::fs::metadata(file)
        .with_context(|| format!("{shown} can't be read"))?
        .len();
    if length > u64::try_from(custom::STATEMENT_MAX).unwrap_or(u64::MAX) {
        return Err(CustomError::Length).with_context(|| shown.to_string());
    }
    let statement = std::fs::read_to_string(file).with_context(|| format!("{shown} can't be read"))?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let added = custom::add(journal, &name, &statement, every).await;
    let added = added.map_err(|error| explained(error, file, &statement))?;
    let kept = match every {
        Some(every) => format!("computed anew every {}", HumanDuration(every)),
        None => "kept up to date with each batch of events".to_owned(),
    };
    say(&format!(
        "{name}: {} rows at position {}, in {}; {kept}.",
        added.rows,
        added.position,
        seconds(added.took)
    ));
    let whose = if added.by_book {
        "everybody reads the rows of their own books".to_owned()
    } else {
        format!("only admins read it, for it has no column {BOOK}")
    };
    say(&format!("GET /analytics/projections/{name}: {whose}."));
    if let Some(weakness) = added.weakness {
        note(&format!("Note: {weakness}."));
    }
    Ok(())
}

/// Why a statement could not be added, and where or what to do instead.
fn explained(error: CustomError, file: &Path, statement: &str) -> anyhow::Error {
    let shown = file.display();
    match &error {
        CustomError::Statement { line, column, .. } => {
            anyhow::anyhow!("{shown}:{error}\n{}", marked(statement, *line, *column))
        }
        CustomError::NotIncremental(why) => {
            let line = why.line.map_or_else(String::new, |line| format!(":{line}"));
            anyhow::anyhow!(
                "{shown}{line}: {error}\nIt can be computed anew by a schedule: spendlog projections add {shown} --every 5m"
            )
        }
        _ => anyhow::Error::new(error).context(shown.to_string()),
    }
}

/// The line of a statement, with a mark under the column.
fn marked(statement: &str, line: usize, column: usize) -> String {
    let text = statement.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let blank: String = text
        .chars()
        .take(column.saturating_sub(1))
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    format!("  {text}\n  {blank}^")
}

async fn all(projections: &Projections) -> anyhow::Result<Vec<Projection>> {
    let mut all = Vec::new();
    for group in Group::ALL {
        all.push(projection(&projections.status(group).await?));
    }
    all.extend(projections.custom().await?.iter().map(custom_projection));
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
        let Some(custom) = one.custom else {
            say(&format!("  tables: {}", one.tables.join(", ")));
            continue;
        };
        let columns: Vec<String> = custom
            .columns
            .iter()
            .map(|c| format!("{} {}", c.name, c.r#type))
            .collect();
        let kept = match custom.every_seconds {
            Some(every) => format!("computed anew every {}", HumanDuration(Duration::from_secs(every))),
            None => "kept up to date with each batch".to_owned(),
        };
        let whose = if custom.by_book {
            "for each user's own books"
        } else {
            "for admins"
        };
        say(&format!("  your own, {kept}, {whose}: {}", columns.join(", ")));
        if let Some(failure) = custom.failure {
            say(&format!("  failed: {failure}"));
        }
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
    let width = all.iter().map(|one| one.name.len()).max().unwrap_or_default().max(10);
    for one in all {
        say(&format!(
            "{:<width$} {} events, {} s",
            one.name, one.lag_events, one.lag_seconds
        ));
    }
    Ok(())
}

async fn rebuild_all(journal: &Journal, names: &[ProjectionName]) -> anyhow::Result<()> {
    for name in names {
        let group = match name {
            ProjectionName::Group(group) => group,
            ProjectionName::Custom(name) => {
                let done = custom::refresh(journal, name).await;
                let done = done.with_context(|| format!("{name} is not computed anew; its rows are as they were"))?;
                let (rows, position, took) = (done.rows, done.position, seconds(done.took));
                say(&format!("{name}: {rows} rows in {took}, at position {position}."));
                continue;
            }
        };
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

async fn verify_all(journal: &Journal, names: &[ProjectionName]) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for name in names {
        let group = match name {
            ProjectionName::Group(group) => group,
            ProjectionName::Custom(name) => {
                if !verify_custom(journal, name, names.len() > 1).await? {
                    wrong.push(name.as_str());
                }
                continue;
            }
        };
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

/// Compares a projection of one's own; whether all is as it should be. One that is computed by a schedule may be older than the
/// read tables, which is no fault where it is one of many.
async fn verify_custom(journal: &Journal, name: &str, of_many: bool) -> anyhow::Result<bool> {
    let found = match custom::verify(journal, name).await {
        Err(error @ CustomError::Older { .. }) if of_many => {
            say(&format!("{name}: not compared, {error}."));
            return Ok(true);
        }
        found => found.with_context(|| format!("{name} could not be verified"))?,
    };
    let (rows, position, took) = (found.rows, found.position, seconds(found.took));
    say(&format!(
        "{name}: {rows} rows compared at position {position}, in {took}."
    ));
    if found.missing + found.surplus > 0 {
        say(&format!(
            "  {} rows are missing, {} should not be there",
            found.missing, found.surplus
        ));
    }
    Ok(found.missing + found.surplus == 0)
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
