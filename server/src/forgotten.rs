//! A database that was restored from an older state is told of those who were forgotten since, before anything is served.
//!
//! `spendlog restore` puts tombstones in the place of their keys while it loads. Where somebody restored the database with other
//! tools, the list that stands beside the files tells.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use spendlog_commands::users;
use spendlog_event_store::{Files, Journal, backup};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::operator;

/// How often the list is asked for while it can't be read.
const AGAIN: Duration = Duration::from_secs(10);
/// How long each answer of the store is waited for: one that is away must not hold up everything else, and a list may be long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Forgets again whoever has to be. False where the list beside the files can't be read just now; in a database that
/// `spendlog restore` loaded that is an error.
pub(crate) async fn apply(journal: &Journal, files: &Files) -> anyhow::Result<bool> {
    let unfinished = backup::is_unfinished(journal.database()).await?;
    let known = journal.forgotten().await?;
    let mut owners: Vec<Uuid> = match listed(journal, files, &known).await {
        Ok(listed) => listed.into_iter().collect(),
        Err(error) if unfinished => return Err(error),
        Err(error) => {
            tracing::warn!(error = %format!("{error:#}"), "it is not known whether somebody was forgotten after this state");
            return Ok(false);
        }
    };
    if unfinished {
        owners.extend(known);
    }
    if !owners.is_empty() {
        users::forget_again(&operator::commands(journal, files).await?, &owners).await?;
        tracing::warn!(
            owners = owners.len(),
            "who was forgotten after this state of the database is forgotten again"
        );
    }
    if unfinished {
        backup::finish(journal.database().pool()).await?;
    }
    Ok(true)
}

/// The same later, until it can be done.
pub(crate) async fn keep_trying(journal: Journal, files: Files, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_some() {
        match apply(&journal, &files).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(error = %format!("{error:#}"), "somebody is not forgotten again yet"),
        }
    }
}

/// Everybody who is forgotten.
pub(crate) async fn all(journal: &Journal, files: &Files) -> anyhow::Result<BTreeSet<Uuid>> {
    let known = journal.forgotten().await?;
    let mut all = listed(journal, files, &known).await?;
    all.extend(known);
    Ok(all)
}

/// Who stands on the list beside the files and is not known to be forgotten.
async fn listed(journal: &Journal, files: &Files, known: &[Uuid]) -> anyhow::Result<BTreeSet<Uuid>> {
    let list = files.forgotten(journal.keyring()).await?;
    list.besides(known, PATIENCE).await.context(UNREADABLE)
}

const UNREADABLE: &str = "the list of the forgotten, which stands beside the files, can't be read";
