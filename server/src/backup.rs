//! `spendlog backup` and `spendlog restore`.

use std::{
    collections::BTreeSet,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context as _, bail, ensure};
use indicatif::{HumanCount, ProgressBar};
use spendlog_event_store::{
    Files,
    backup::{self, Backup, Keys, Stage, Target},
    scrub_keys,
};
use spendlog_projections::{Group, rebuild};
use uuid::Uuid;

use crate::{
    audit::{named_file, verify_on},
    cli,
    config::{Config, Objects},
    foundation::{Foundation, Ground, Use, connect, disconnect, make_private},
    keys, note,
    objects::{objects_at, store},
    progress, say,
};

/// `spendlog backup`.
pub(crate) async fn make(config: &Config, to: &str) -> anyhow::Result<()> {
    let target = target(config, to, "--to")?;
    let ground = Ground::prepare(config, Use::Beside).await?;
    let bars = Bars::default();
    let progress = |stage, seen, all| bars.show(stage, seen, all);
    let made = backup::make(
        &ground.database,
        &ground.keyring,
        &ground.files,
        &target,
        named_file,
        &progress,
    )
    .await;
    bars.clear();
    ground.close().await?;
    let made = made.with_context(|| format!("no backup was made in {to}"))?;
    say(&format!(
        "{}: {} events ({} of them new), {} new files, verified.",
        made.name,
        HumanCount(u64::try_from(made.head.size)?),
        HumanCount(u64::try_from(made.events)?),
        HumanCount(made.files)
    ));
    if config.master_key.is_none() {
        let key = config.data.join("master.key");
        note(&format!(
            "Without {} nothing of it can be read: keep a copy of that elsewhere.",
            key.display()
        ));
    }
    for file in &made.lacking {
        say(&format!("MISSING: {file}"));
    }
    ensure!(
        made.lacking.is_empty(),
        "the backup is there, but files are missing or damaged where they are kept: `spendlog audit verify` says whose"
    );
    Ok(())
}

/// `spendlog restore`.
pub(crate) async fn restore(config: &Config, asked: &cli::Restore) -> anyhow::Result<()> {
    let target = target(config, &asked.from, "--from")?;
    if asked.list {
        return list(&target).await;
    }
    let backup = target.backup(asked.backup.as_deref()).await?;
    let mut keys = Keys::of(&target).await?;
    if !asked.check {
        let master = keys::existing(config)?;
        keys.open(&master, &backup)
            .context("the master key of this data folder does not open the backup")?;
        refuse_what_is_not_empty(config).await?;
    }
    let forgotten = asked
        .forgotten
        .as_deref()
        .map(read_forgotten)
        .transpose()?
        .unwrap_or_default();
    let bars = Bars::default();
    let progress = |stage, seen, all| bars.show(stage, seen, all);
    let checked = backup::check(&target, &backup, &keys, named_file, &progress).await;
    bars.clear();
    let checked = checked.context("the backup can't be restored; nothing was touched")?;
    say(&format!(
        "{} is as it was made: {} events, {} files.",
        backup.manifest.name,
        HumanCount(u64::try_from(checked.events)?),
        HumanCount(checked.files)
    ));
    for file in &checked.lacking {
        say(&format!("MISSING: {file}"));
    }
    if asked.check {
        ensure!(
            checked.lacking.is_empty(),
            "files of the archive were missing or damaged when the backup was made; it can be restored, but for the events in them"
        );
        return Ok(());
    }
    keys.forget(&forgotten);
    load(config, &target, &backup, &keys).await?;
    go_on(config, &backup).await
}

/// What the backups are.
async fn list(target: &Target) -> anyhow::Result<()> {
    let backups = target.backups().await?;
    ensure!(!backups.is_empty(), "there is no backup here");
    for backup in backups {
        let events = HumanCount(u64::try_from(backup.head().size)?);
        let made_at = backup.manifest.made_at.format("%Y-%m-%d %H:%M:%S UTC");
        say(&format!("{}  {made_at}  {events} events", backup.manifest.name));
    }
    Ok(())
}

/// Asks before anything costs time; it is asked again when all is loaded.
async fn refuse_what_is_not_empty(config: &Config) -> anyhow::Result<()> {
    make_private(&config.data)?;
    let (cluster, database) = connect(config, Use::Alone).await?;
    let empty = backup::is_empty(&database).await;
    disconnect(cluster, &database).await?;
    if !empty? {
        bail!(
            "there is a ledger already: a backup is restored into an empty data folder (SPENDLOG_DATA), or an empty database \
             (DATABASE_URL). Nothing was touched"
        );
    }
    Ok(())
}

/// Brings files and journal back. Whatever breaks it off, it can be begun again; until its end the database is empty.
async fn load(config: &Config, target: &Target, backup: &Backup, keys: &Keys) -> anyhow::Result<()> {
    let (cluster, database) = connect(config, Use::Alone).await?;
    let files = Files::new(store(&config.objects)?);
    let bars = Bars::default();
    let progress = |stage, seen, all| bars.show(stage, seen, all);
    let loaded = async {
        backup::put_back(target, &backup.manifest, &files, &keys.forgotten(), &progress).await?;
        backup::load(&database, target, backup, keys, &progress).await
    };
    let loaded = loaded.await;
    bars.clear();
    disconnect(cluster, &database).await?;
    loaded.context("the backup was not restored; begin again")
}

/// Applies what was forgotten since, makes the read tables, and shows that all is there.
async fn go_on(config: &Config, backup: &Backup) -> anyhow::Result<()> {
    // Laying the foundation applies the forgettings.
    let foundation = Foundation::lay(config, Use::Alone).await?;
    let done = async {
        for group in Group::ALL {
            let bar = ProgressBar::new_spinner().with_message(format!("making the tables of {}", group.name()));
            rebuild(&foundation.journal, group, |progress| {
                bar.set_position(progress.events);
            })
            .await?;
            bar.finish_and_clear();
        }
        if let Err(error) = scrub_keys(&foundation.database).await {
            note(&format!("the table of keys could not be written anew: {error}"));
        }
        let Foundation {
            database,
            journal,
            files,
            ..
        } = &foundation;
        verify_on(database, journal.keyring(), files, Some(backup.head())).await
    };
    let done = done.await;
    let size = *foundation.journal.head().borrow();
    foundation.close().await?;
    done.context(
        "the journal is restored, but not all of it is as it was; `spendlog audit verify` says so again. What is missing in \
         the read tables, a server or `spendlog projections rebuild --all` makes",
    )?;
    let since = size - backup.head().size;
    if since > 0 {
        say(&format!(
            "What was forgotten after the backup is forgotten again: {since} events say so."
        ));
    }
    say("Restored. Start the server; keep making backups in the same place only if this was its newest one.");
    Ok(())
}

/// The ids of owners that stand in a file, one a line, as `spendlog user forgotten` prints them.
fn read_forgotten(file: &Path) -> anyhow::Result<BTreeSet<Uuid>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let id = line.rsplit_once('_').map_or(line, |(_, id)| id);
            id.parse()
                .with_context(|| format!("{}: {line} is no id of a user or book", file.display()))
        })
        .collect()
}

/// The place of the backups.
fn target(config: &Config, place: &str, option: &str) -> anyhow::Result<Target> {
    let objects = objects_at(config, place)?;
    ensure!(
        !overlap(&objects, &config.objects),
        "{place} is where the files of the ledger are kept (SPENDLOG_OBJECTS), or around it or in it: backups need a place of \
         their own, best on another machine"
    );
    let folder = match &objects {
        Objects::Folder(folder) => {
            if option == "--from" {
                ensure!(folder.is_dir(), "there is no folder {place}");
            }
            let make = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            make.with_context(|| format!("cannot make the folder {place}"))?;
            Some(folder.clone())
        }
        Objects::S3(_) => None,
    };
    Ok(Target::new(store(&objects)?, folder))
}

/// Whether one place is, or lies in, the other.
fn overlap(one: &Objects, other: &Objects) -> bool {
    let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let within = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    match (one, other) {
        (Objects::Folder(one), Objects::Folder(other)) => within(&whole(one), &whole(other)),
        (Objects::S3(one), Objects::S3(other)) => {
            one.bucket == other.bucket
                && one.service.endpoint == other.service.endpoint
                && within(one.prefix.as_ref(), other.prefix.as_ref())
        }
        _ => false,
    }
}

/// A bar for what is under way.
#[derive(Default)]
struct Bars(Mutex<Option<(Stage, ProgressBar)>>);

impl Bars {
    fn show(&self, stage: Stage, seen: u64, all: u64) {
        let mut shown = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = match shown.take() {
            Some((of, bar)) if of == stage => bar,
            other => {
                if let Some((_, bar)) = other {
                    bar.finish_and_clear();
                }
                progress::bar(match stage {
                    Stage::Events => "events",
                    Stage::Files => "files",
                })
            }
        };
        progress::show(&bar, seen, all);
        *shown = Some((stage, bar));
    }

    fn clear(&self) {
        if let Some((_, bar)) = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
