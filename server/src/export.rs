//! `spendlog events export`: the events as Parquet files.

use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{HumanCount, ProgressBar};
use spendlog_analytics::{Progress, Scope, Tables, export};
use spendlog_projections::{Group, Projections, books};

use crate::{
    cli::{self, ExportFormat, Who},
    config::Config,
    foundation::{Foundation, Use},
    objects::store_at,
    operator, progress, say,
};

/// Exports what is new.
pub(crate) async fn run(config: &Config, asked: &cli::Export) -> anyhow::Result<()> {
    let ExportFormat::Parquet = asked.format;
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let exported = tokio::select! {
        exported = write(config, &foundation, asked) => exported,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("broken off; what was written is whole, and the next run goes on")),
    };
    foundation.close().await?;
    exported
}

async fn write(config: &Config, foundation: &Foundation, asked: &cli::Export) -> anyhow::Result<()> {
    let place = place(config, asked.to.as_deref());
    let (journal, store) = (&foundation.journal, store_at(config, &place)?);
    let head = *journal.head().borrow();
    let (scope, until) = match &asked.texts_of {
        Some(who) => {
            // Which books are theirs, the read tables say: up to where these have come.
            let (scope, position) = scope(foundation, who).await?;
            (Some(scope), position.min(head))
        }
        None => (None, head),
    };
    let bar = progress::bar("events");
    let exported = export(journal, &tables(), &*store, scope, until, |progress| {
        show(&bar, progress)
    })
    .await;
    bar.finish_and_clear();
    let exported = exported.with_context(|| format!("nothing more was exported to {place}"))?;
    if exported.anew {
        say(&format!(
            "{place} was begun anew: they were forgotten, and the texts that it held are removed."
        ));
    }
    let events = HumanCount(exported.events);
    say(&format!(
        "{events} events exported to {place}, which holds all up to position {} now.",
        exported.position
    ));
    Ok(())
}

/// The user and their books, and the position at which these are theirs.
async fn scope(foundation: &Foundation, who: &Who) -> anyhow::Result<(Scope, i64)> {
    let journal = &foundation.journal;
    let user = operator::meant(&operator::commands(journal, &foundation.files).await?, who).await?;
    let projections = Projections::new(journal.clone());
    let position = projections.refresh(Group::Ledger).await?;
    let theirs = books::of_user(projections.reader(), user).await?;
    let mut owners = vec![user.uuid()];
    owners.extend(theirs.iter().map(|book| book.uuid()));
    let scope = Scope {
        user: user.to_string(),
        owners,
    };
    Ok((scope, position))
}

/// The place that is named, or the one that is meant where none is.
pub(crate) fn place(config: &Config, named: Option<&str>) -> String {
    named.map_or_else(|| config.data.join("export").display().to_string(), str::to_owned)
}

/// The tables of all events that there are.
pub(crate) fn tables() -> Arc<Tables> {
    let schemas = spendlog_domain::schema::event_schemas();
    let each = schemas
        .iter()
        .map(|schema| (schema.event_type.as_str(), schema.version.as_str(), &schema.schema));
    Arc::new(Tables::new(each))
}

/// Shows how far events were read.
pub(crate) fn show(bar: &ProgressBar, read: Progress) {
    progress::show(bar, read.position - read.from, read.until - read.from);
}
