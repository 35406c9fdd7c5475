//! `spendlog archive`: payloads of old events are moved to the object store.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use indicatif::{HumanBytes, HumanCount};
use spendlog_event_store::{Archive, Archived, ArchivingError, Share};
use spendlog_projections::custom::{hold_events, reading_events};
use spendlog_web::Clock;

use crate::{
    cli,
    config::Config,
    foundation::{Ground, Use},
    progress, say,
};

/// Moves what is old enough. Ctrl-C leaves nothing half moved.
pub(crate) async fn run(config: &Config, asked: &cli::Archive) -> anyhow::Result<()> {
    let days = asked.older_than.unwrap_or(config.archive_after_days);
    let before = Clock::system().now().checked_sub_signed(TimeDelta::days(days.into()));
    let before = before.context("that is before all time")?;
    let ground = Ground::prepare(config, Use::Beside).await?;
    let done = tokio::select! {
        done = begin(&ground, asked.dry_run, before, days) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("broken off; what was archived so far is whole")),
    };
    ground.close().await?;
    done
}

/// Sees to it that until the end nothing is added that reads what goes away. A dry run keeps nobody away.
async fn begin(ground: &Ground, dry_run: bool, before: DateTime<Utc>, days: u32) -> anyhow::Result<()> {
    if dry_run {
        return act(ground, true, before, days).await;
    }
    let held = hold_events(&ground.database, Share::Alone).await?;
    tokio::select! {
        done = act(ground, false, before, days) => done,
        () = held.lost() => Err(anyhow::anyhow!("the database broke off; what was archived so far is whole")),
    }
}

async fn act(ground: &Ground, dry_run: bool, before: DateTime<Utc>, days: u32) -> anyhow::Result<()> {
    let reading = reading_events(&ground.database).await?;
    ensure!(
        reading.is_empty(),
        "nothing is archived while a projection of one's own reads views of `events`, which don't have what is archived: {}. \
         `spendlog projections remove NAME` removes it; the views of `analytics` have everything",
        reading.join(", ")
    );
    let archive = Archive::new(&ground.database, Some(ground.files.clone()));
    if dry_run {
        let (after, until) = archive.movable(before).await?;
        let events = count(until - after);
        say(&match until - after {
            0 => nothing(days),
            _ => format!("{events} events would be archived: positions {} to {until}.", after + 1),
        });
        return Ok(());
    }
    let bar = progress::bar("events");
    let moved = archive
        .move_recorded_before(before, |done, all| progress::show(&bar, done, all))
        .await;
    bar.finish_and_clear();
    match moved {
        Ok(Archived { events: 0, .. }) => say(&nothing(days)),
        Ok(Archived {
            events,
            files,
            bytes,
            until,
        }) => {
            let (events, files, bytes) = (count(events), HumanCount(files), HumanBytes(bytes));
            say(&format!(
                "Archived {events} events in {files} files of {bytes} together, up to position {until}."
            ));
        }
        Err(error @ ArchivingError::Damaged { .. }) => {
            return Err(error).context("nothing more was archived; `spendlog audit verify` says what was changed");
        }
        Err(error) => return Err(error).context("not all was archived; what was is whole"),
    }
    Ok(())
}

fn nothing(days: u32) -> String {
    format!("Nothing to archive: no event in the table is older than {days} days.")
}

fn count(events: i64) -> HumanCount {
    HumanCount(u64::try_from(events).unwrap_or(0))
}
