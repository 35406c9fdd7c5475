//! What the commands of an operator have in common: the write side, and the user who is meant.

use anyhow::Context as _;
use spendlog_commands::{Commands, CommandsConfig, users};
use spendlog_documents::sniff;
use spendlog_domain::values::UserId;
use spendlog_event_store::{Files, Journal};

use crate::cli::Who;

/// The write side of this journal and these files, with the limits that hold where nothing is configured.
pub(crate) async fn commands(journal: &Journal, files: &Files) -> anyhow::Result<Commands> {
    let config = CommandsConfig::default();
    Ok(Commands::new(journal.clone(), files.clone(), sniff::sniff, config).await?)
}

/// The id of the user who is meant. Whether there is somebody with an id that was given is not asked.
pub(crate) async fn meant(commands: &Commands, who: &Who) -> anyhow::Result<UserId> {
    match who {
        Who::Id(user) => Ok(*user),
        Who::Email(email) => users::find(commands, email)
            .await?
            .context("nobody is registered with this address"),
    }
}
