//! `spendlog user`: what an operator may change about users.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::{Context as _, bail};
use spendlog_commands::{
    Context,
    users::{self, ChangeRole},
};
use spendlog_domain::{users::Role, values::UserId};
use spendlog_event_store::scrub_keys;
use spendlog_projections::{Group, Projections};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{self, Who},
    config::Config,
    forgotten,
    foundation::{Foundation, Use},
    note, operator, say,
};

/// How long the read tables may take to come up to the journal.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs `spendlog user …`.
pub(crate) async fn run(config: &Config, command: &cli::Users) -> anyhow::Result<()> {
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let done = match command {
        cli::Users::Promote { user } => promote(&foundation, user).await,
        cli::Users::Forget { user, yes } => forget(&foundation, user, *yes).await,
        cli::Users::Forgotten => list_forgotten(&foundation).await,
    };
    foundation.close().await?;
    done
}

/// Prints the ids of all who are forgotten.
async fn list_forgotten(foundation: &Foundation) -> anyhow::Result<()> {
    for owner in forgotten::all(&foundation.journal, &foundation.files).await? {
        say(&owner.to_string());
    }
    Ok(())
}

/// Makes a user an admin. Their next access token says so.
async fn promote(foundation: &Foundation, who: &Who) -> anyhow::Result<()> {
    let commands = operator::commands(&foundation.journal, &foundation.files).await?;
    let user = operator::meant(&commands, who).await?;
    let change = ChangeRole {
        user,
        role: Role::Admin,
    };
    let done = commands.run(&Context::of_operator(), &change).await;
    let done = done.context("there is no such user, or they can't be changed")?;
    say(&format!(
        "{} is an admin now; their next sign-in or refreshed token says so.",
        done.id
    ));
    Ok(())
}

/// Forgets a user, with all that follows: it waits for no server to do it.
async fn forget(foundation: &Foundation, who: &Who, yes: bool) -> anyhow::Result<()> {
    let commands = operator::commands(&foundation.journal, &foundation.files).await?;
    let user = operator::meant(&commands, who).await?;
    if !yes && !agreed(user)? {
        bail!("nothing was done");
    }
    // Where no server runs, nobody else brings the tables up to date.
    let (projections, stop) = (Projections::new(foundation.journal.clone()), CancellationToken::new());
    let running = projections.run(&stop);
    let head = *foundation.journal.head().borrow();
    projections.wait(Group::Ledger, head, PATIENCE).await?;
    let forgotten = users::forget(&commands, &projections, &Context::of_operator(), user, None)
        .await
        .context("there is no such user, or they are forgotten already")?;
    let mut files = 0;
    for owner in &forgotten.owners {
        files += users::erase(&commands, *owner).await?;
    }
    for group in Group::ALL {
        projections.wait(group, forgotten.position, PATIENCE).await?;
        projections.vacuum(group).await?;
    }
    if let Err(error) = scrub_keys(&foundation.database).await {
        note(&format!(
            "the table of keys could not be written anew; a server that runs does it: {error}"
        ));
    }
    stop.cancel();
    for task in running {
        task.await?;
    }
    let books = forgotten.owners.len() - 1;
    say(&format!(
        "{user} is forgotten: keys of 1 user and {books} books destroyed, {files} files removed."
    ));
    Ok(())
}

/// Says what is destroyed, and asks.
fn agreed(user: UserId) -> anyhow::Result<bool> {
    note(&format!(
        "This forgets {user}: all texts that they wrote (names, merchants, notes, what was read from documents), their\n\
         documents, and the books that are theirs alone. The keys are destroyed: nobody can undo it. Amounts and days stay\n\
         in the journal, of nobody; the e-mail address is free again. Backups hold it until the next\n\
         one is made in the same place; other copies until they are deleted."
    ));
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here; with --yes it is done without asking");
    }
    note("Type `forget` to go on:");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "forget")
}
