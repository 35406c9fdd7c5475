//! `spendlog replay`: a user's books as they stood, folded from the events themselves; the same as `/audit/replay`
//! answers.

use anyhow::{bail, ensure};
use spendlog_projections::{Group, Projections, books};
use uuid::Uuid;

use crate::{
    cli::{self, When},
    config::Config,
    foundation::{Foundation, Use},
    operator, say,
};

/// Prints them as JSON.
pub(crate) async fn run(config: &Config, asked: &cli::Replay) -> anyhow::Result<()> {
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let printed = print(&foundation, asked).await;
    foundation.close().await?;
    printed
}

async fn print(foundation: &Foundation, asked: &cli::Replay) -> anyhow::Result<()> {
    let journal = &foundation.journal;
    let commands = operator::commands(journal, &foundation.files).await?;
    let user = operator::meant(&commands, &asked.user).await?;
    let projections = Projections::new(journal.clone());
    projections.refresh(Group::Ledger).await?;
    let theirs = books::of_user(projections.reader(), user).await?;
    let owners: Vec<Uuid> = match asked.book {
        Some(book) if theirs.contains(&book) => vec![book.uuid()],
        Some(book) => bail!("{user} has no book {book}"),
        None => theirs.iter().map(|book| book.uuid()).collect(),
    };
    let head = *journal.head().borrow();
    let position = match asked.at {
        When::Position(position) => {
            ensure!(position <= head, "the journal ends at position {head}");
            position
        }
        When::Time(time) => journal.position_at(time).await?,
    };
    let replayed = spendlog_projections::replay(journal, &owners, position).await?;
    say(&serde_json::to_string_pretty(&spendlog_read_api::replayed(replayed))?);
    Ok(())
}
