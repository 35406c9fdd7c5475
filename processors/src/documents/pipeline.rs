//! The processor that takes a document from step to step.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cqrs_es::Aggregate as _;
use spendlog_commands::{Code, Commands, Problem};
use spendlog_documents::Reader;
use spendlog_domain::documents::{Document, DocumentEvent, DocumentKind, Step};
use spendlog_event_store::{Event, Files, Handler, Journal, Outcome, OwnerKeys};
use spendlog_projections::Projections;

use super::turns::Turns;

/// After a failure that may pass: a database or an object store that is away.
const RETRY: Duration = Duration::from_secs(5);

/// The processor's name: of its subscription, and as the actor of its commands.
pub(super) const NAME: &str = "documents";

/// Reacts to each step of a document with the next one.
///
/// A step is done only if the aggregate says that it is the next one, so an event that comes twice does no work twice.
pub struct DocumentPipeline {
    pub(super) journal: Journal,
    pub(super) files: Files,
    pub(super) commands: Commands,
    pub(super) projections: Projections,
    pub(super) reader: Arc<Reader>,
    /// How many files are read at the same time: each has a child process and an engine's threads.
    pub(super) readers: Turns,
    /// How many readings are made sense of at the same time, each in a child process: these pass by the files, which take longer.
    pub(super) interpreters: Turns,
}

/// A document whose next step is due.
pub(super) struct Due<'a> {
    /// The event that it is a reaction to.
    pub(super) event: &'a Event,
    /// The document as it stands.
    pub(super) document: Document,
    /// The version of its stream.
    pub(super) version: i64,
    /// Its owner's keys.
    pub(super) keys: Arc<OwnerKeys>,
}

impl DocumentPipeline {
    /// The processor; it reads at most `readers` files at the same time.
    pub fn new(
        journal: Journal,
        files: Files,
        commands: Commands,
        projections: Projections,
        reader: Arc<Reader>,
        readers: usize,
    ) -> Self {
        Self {
            journal,
            files,
            commands,
            projections,
            reader,
            readers: Turns::new(readers),
            interpreters: Turns::new(readers),
        }
    }

    async fn advance(&self, event: &Event) -> anyhow::Result<()> {
        let Some(step) = step_after(&event.event_type) else {
            return Ok(());
        };
        let keys = self.journal.keyring().owner(event.owner).await?;
        let (mut document, mut version) = (Document::default(), 0);
        for recorded in self.journal.load(Document::TYPE, &event.stream).await? {
            document.apply(recorded.decode::<DocumentEvent>()?);
            version = recorded.sequence;
        }
        let due = Due {
            event,
            document,
            version,
            keys,
        };
        if step == Step::Confirm && due.document.kind() == Some(DocumentKind::BankStatement) {
            // A person may want to accept it even where a check failed or the policy leaves it to them.
            self.read_imports(&due).await?;
        }
        if due.document.next_step() != Some(step) {
            return Ok(());
        }
        let began = std::time::Instant::now();
        match step {
            Step::Recognise => self.recognise(&due).await?,
            Step::Classify => self.classify(&due).await?,
            Step::Extract => self.extract(&due).await?,
            Step::Validate => self.validate(&due).await?,
            Step::Confirm => self.confirm(&due).await?,
        }
        metrics::histogram!("spendlog_pipeline_step_seconds", "step" => step_name(step)).record(began.elapsed());
        Ok(())
    }

    /// Of a forgotten owner nothing can be read any more. What the step stored after their files were removed goes as well.
    async fn end_quietly(&self, event: &Event) -> Outcome {
        match self.files.erase(event.owner).await {
            Ok(_) => Outcome::Done,
            Err(error) => {
                tracing::warn!(position = event.position, %error, "files of a forgotten owner could not be removed");
                Outcome::RetryAfter(RETRY)
            }
        }
    }
}

/// The step that an event makes due.
fn step_after(event_type: &str) -> Option<Step> {
    Some(match event_type {
        "document.uploaded" | "document.unlocked" => Step::Recognise,
        "document.text_recognised" => Step::Classify,
        "document.classified" => Step::Extract,
        "document.fields_extracted" | "document.field_corrected" => Step::Validate,
        "document.validated" => Step::Confirm,
        _ => return None,
    })
}

/// What to do after a refusal; nothing where it was none, or one that may pass.
fn refused(error: &anyhow::Error) -> Option<Outcome> {
    let problem = error.downcast_ref::<Problem>()?;
    match problem.code {
        // Somebody corrected the document meanwhile: it is looked at again.
        Code::Stale => Some(Outcome::RetryAfter(Duration::ZERO)),
        code if code.status() >= 500 || problem.is_passing() => None,
        code => Some(Outcome::Park(format!("refused: {}", code.code()))),
    }
}

/// The step's name in metrics.
fn step_name(step: Step) -> &'static str {
    match step {
        Step::Recognise => "recognise",
        Step::Classify => "classify",
        Step::Extract => "extract",
        Step::Validate => "validate",
        Step::Confirm => "confirm",
    }
}

#[async_trait]
impl Handler for DocumentPipeline {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, kind: &str, event_type: &str) -> bool {
        kind == Document::TYPE && step_after(event_type).is_some()
    }

    /// Many more than are read at once: those that wait for their turn keep nobody's short steps waiting.
    fn concurrency(&self) -> usize {
        500
    }

    /// An outage of the object store of an hour or two parks nothing.
    fn attempts(&self) -> u32 {
        150
    }

    async fn handle(&self, event: &Event) -> Outcome {
        match self.advance(event).await {
            Ok(()) => Outcome::Done,
            Err(_) if self.journal.keyring().is_forgotten(event.owner) => self.end_quietly(event).await,
            Err(error) => {
                if let Some(outcome) = refused(&error) {
                    return outcome;
                }
                // The chain of causes names ids, codes and system errors; documents' text stands in no error.
                tracing::warn!(position = event.position, event_type = %event.event_type, error = %format!("{error:#}"), "a step of the pipeline failed");
                Outcome::RetryAfter(RETRY)
            }
        }
    }
}
