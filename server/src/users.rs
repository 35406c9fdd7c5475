//! `spendlog user`: what an operator may change about users.

use anyhow::Context as _;
use spendlog_commands::{
    Commands, CommandsConfig, Context,
    users::{ChangeRole, promote},
};
use spendlog_documents::sniff;
use spendlog_domain::users::Role;

use crate::{
    cli::{self, Who},
    config::Config,
    foundation::{Foundation, Use},
    say,
};

/// Makes a user an admin. Their next access token says so.
pub(crate) async fn run(config: &Config, command: &cli::Users) -> anyhow::Result<()> {
    let cli::Users::Promote { user } = command;
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let commands = Commands::new(
        foundation.journal.clone(),
        foundation.files.clone(),
        sniff::sniff,
        CommandsConfig::default(),
    )
    .await?;
    let context = Context::of_operator();
    let done = match user {
        Who::Email(email) => promote(&commands, &context, email).await,
        Who::Id(user) => {
            commands
                .run(
                    &context,
                    &ChangeRole {
                        user: *user,
                        role: Role::Admin,
                    },
                )
                .await
        }
    };
    let done = done.context("there is no such user, or they can't be changed")?;
    say(&format!(
        "{} is an admin now; their next sign-in or refreshed token says so.",
        done.id
    ));
    foundation.close().await
}
