//! `spendlog keys`: the master key changes. And where it is found when the server starts.
//!
//! Order is what keeps everybody in: the new key is on the disk before the database is changed, in one transaction; and only then it
//! takes the old one's place. Whatever breaks off in between, one of the two files opens the keys, and the next start takes
//! that one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use spendlog_event_store::{
    Database, KeyError, Keyring, MasterKey, RotationError, migrate, rotate_master_key, scrub_keys,
};

use crate::{
    config::Config,
    foundation::{Use, connect, disconnect},
    note, say,
};

/// The file of the master key that holds, and of the one that is about to.
fn files(config: &Config) -> (PathBuf, PathBuf) {
    (config.data.join("master.key"), config.data.join("master.key.new"))
}

/// Opens the keyring with the configured master key. A rotation that was interrupted before the new key got its place is
/// completed.
pub(crate) async fn open(config: &Config, database: &Database) -> anyhow::Result<Keyring> {
    let (file, new) = files(config);
    let opened = Keyring::open(database, configured(config)?).await;
    let opened = match opened {
        Err(KeyError::WrongMasterKey) if config.master_key.is_none() && new.exists() => {
            let opened = Keyring::open(database, MasterKey::read_or_create(&new)?).await;
            if opened.is_ok() {
                take_over(database, &file, &new).await?;
                tracing::warn!("an interrupted change of the master key was completed");
            }
            opened
        }
        opened => opened,
    };
    opened.context("the keys can't be opened")
}

fn configured(config: &Config) -> anyhow::Result<MasterKey> {
    Ok(match &config.master_key {
        Some(key) => MasterKey::from_hex(key.reveal())?,
        None => MasterKey::read_or_create(&files(config).0)?,
    })
}

/// The master key that is there already: none is made.
pub(crate) fn existing(config: &Config) -> anyhow::Result<MasterKey> {
    let (file, _) = files(config);
    if config.master_key.is_none() && !file.exists() {
        bail!(
            "there is no master key, and no backup has it: put the file of your copy at {} (mode 0600), or set \
             SPENDLOG_MASTER_KEY",
            file.display()
        );
    }
    configured(config)
}

/// `spendlog keys rotate`.
pub(crate) async fn rotate(config: &Config, to: Option<&Path>) -> anyhow::Result<()> {
    let (file, new) = files(config);
    let new = match (&config.master_key, to) {
        (None, None) => new,
        (Some(_), Some(to)) => to.to_owned(),
        (None, Some(_)) => bail!(
            "the master key stands in {}, which is replaced by itself: --to is for a key from the environment",
            file.display()
        ),
        (Some(_), None) => bail!(
            "the master key comes from the environment, which can't be changed from here: name the file of the new one \
             with --to; it is made if it is not there"
        ),
    };
    let (cluster, database) = connect(config, Use::Alone).await?;
    let done = change(config, &database, &file, &new).await;
    disconnect(cluster, &database).await?;
    done
}

async fn change(config: &Config, database: &Database, file: &Path, new: &Path) -> anyhow::Result<()> {
    migrate(database).await?;
    let new_key = MasterKey::read_or_create(new).with_context(|| format!("{} can't be used", new.display()))?;
    let count = match rotate_master_key(database, &configured(config)?, &new_key).await {
        Ok(count) => Some(count),
        Err(RotationError::InUse) => {
            bail!("a server, or another command, is running on this database with the old master key: stop it first")
        }
        // It may have been changed before, and only the rest was not done.
        Err(RotationError::Key(KeyError::WrongMasterKey)) if Keyring::open(database, new_key).await.is_ok() => None,
        Err(error) => return Err(error).context("the master key was not changed"),
    };
    let replaced = match &config.master_key {
        None => take_over(database, file, new).await,
        Some(_) => Ok(()),
    };
    // Whatever became of the file: the database has the keys wrapped anew.
    if let Err(error) = scrub_keys(database).await {
        note(&format!(
            "the table of keys could not be written anew, so it may still hold keys as they were wrapped before: {error}"
        ));
    }
    replaced?;
    match count {
        Some(count) => say(&format!("{count} keys are wrapped by a new master key.")),
        None => say("The keys were wrapped by this master key already."),
    }
    if config.master_key.is_some() {
        say(&format!(
            "Set SPENDLOG_MASTER_KEY to what stands in {} before you start a server.",
            new.display()
        ));
    }
    say(
        "Keep a copy of the new master key, apart from the rest, and make a backup now: until then backups open with the old key.",
    );
    Ok(())
}

/// Puts the new key in the old one's place, unless another command has done that meanwhile.
async fn take_over(database: &Database, file: &Path, new: &Path) -> anyhow::Result<()> {
    let replaced = replace(file, new);
    if let Err(error) = &replaced
        && is_gone(error)
        && file.exists()
        && Keyring::open(database, MasterKey::read_or_create(file)?).await.is_ok()
    {
        return Ok(());
    }
    replaced
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Puts the new key in the old one's place, so that a crash leaves one of them there whole.
fn replace(file: &Path, new: &Path) -> anyhow::Result<()> {
    std::fs::rename(new, file).with_context(|| format!("{} can't be put in its place", new.display()))?;
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
