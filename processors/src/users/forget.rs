//! Destroys what is left of users and books that were forgotten, wherever whoever forgot them came to a stop.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use spendlog_commands::{
    Commands, Context as Cause,
    users::{Forget, erase},
};
use spendlog_domain::values::UserId;
use spendlog_event_store::{Event, Handler, Outcome, scrub_keys};
use spendlog_projections::{Group, Projections, books};
use uuid::Uuid;

/// After a failure: a database, an object store or a projection that is away.
const RETRY: Duration = Duration::from_secs(2);
/// How long the read tables, and projections of one's own, may take to come up to the event; after that it is tried again later.
const PATIENCE: Duration = Duration::from_secs(10);

/// The processor's name: of its subscription, and as the actor of its commands.
const NAME: &str = "forgetting";

/// Reacts to a forgotten user or book: their key, files and rows go. Most of it is done already when the event comes; each
/// part can be done again.
#[derive(Debug)]
pub struct Forgetting {
    commands: Commands,
    projections: Projections,
}

impl Forgetting {
    /// The processor.
    pub fn new(commands: Commands, projections: Projections) -> Self {
        Self { commands, projections }
    }

    async fn forget(&self, event: &Event) -> anyhow::Result<()> {
        let files = erase(&self.commands, event.owner).await?;
        if event.event_type == "user.forgotten" {
            self.forget_books(event).await?;
        }
        for group in Group::ALL {
            self.projections.wait(group, event.position, PATIENCE).await?;
            self.projections.vacuum(group).await?;
        }
        scrub_keys(self.commands.journal().database()).await?;
        self.projections.wait_forgotten(event.position, PATIENCE).await?;
        tracing::info!(position = event.position, owner = %event.owner, files, "an owner was forgotten");
        Ok(())
    }

    /// Forgets the books that were opened while their user was forgotten: the tables did not have them yet. None are opened
    /// after that.
    async fn forget_books(&self, event: &Event) -> anyhow::Result<()> {
        let user: UserId = event.stream.parse().ok().context("a user's stream has the user's id")?;
        self.projections.wait(Group::Ledger, event.position, PATIENCE).await?;
        let books = books::of_user(self.projections.reader(), user).await?;
        if books.is_empty() {
            return Ok(());
        }
        let cause = Cause::of_processor(NAME, Uuid::now_v7(), event.metadata.correlation, event.position);
        let forget = Forget {
            user,
            verified: None,
            books,
        };
        self.commands.run(&cause, &forget).await?;
        Ok(())
    }
}

#[async_trait]
impl Handler for Forgetting {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, _: &str, event_type: &str) -> bool {
        matches!(event_type, "user.forgotten" | "book.forgotten")
    }

    /// It is never given up, however long what it needs is away.
    fn attempts(&self) -> u32 {
        u32::MAX
    }

    async fn handle(&self, event: &Event) -> Outcome {
        match self.forget(event).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::warn!(position = event.position, error = %format!("{error:#}"), "an owner is not wholly forgotten yet");
                Outcome::RetryAfter(RETRY)
            }
        }
    }
}
