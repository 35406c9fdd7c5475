//! Commands that change one document and nothing else: those of the pipeline, and those of persons.

use spendlog_domain::{
    documents::{Check, Confidence, Document, DocumentCommand, DocumentKind, FailureReason, Field, Lines, Step},
    values::{DocumentId, FileRef, Text},
};
use spendlog_web::Problem;

use crate::{Commands, Context, Done, Plan, UseCase, Written};

/// Changes a document by these commands, in one append.
#[derive(Clone, Debug)]
pub struct ChangeDocument {
    /// The document.
    pub document: DocumentId,
    /// What is done with it, in this order.
    pub commands: Vec<DocumentCommand>,
}

impl UseCase for ChangeDocument {
    const NAME: &'static str = "documents.change";
    type Main = Document;

    fn name(&self) -> &'static str {
        self.commands.first().map_or(Self::NAME, super::command_name)
    }

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Document>, Problem> {
        let mut document = plan.open_main::<Document>(self.document).await?;
        let book = plan.book_of(document.state().book()).await?;
        for command in self.commands.clone() {
            document.run(command)?;
        }
        plan.write(document, book.uuid())
    }
}

/// Does a step. Nothing happens where it is done already.
pub async fn advance(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    command: DocumentCommand,
) -> Result<Done<Document>, Problem> {
    commands
        .run(
            context,
            &ChangeDocument {
                document,
                commands: vec![command],
            },
        )
        .await
}

/// Says that a document needs a password, or another one.
pub async fn require_password(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
) -> Result<Done<Document>, Problem> {
    advance(commands, context, document, DocumentCommand::RequirePassword).await
}

/// Brings the recognised text.
#[expect(clippy::too_many_arguments, reason = "the fields of one command")]
pub async fn recognise_text(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    text: FileRef,
    (pages, words): (u32, u32),
    engine: String,
    confidence: Confidence,
    took_ms: u64,
) -> Result<Done<Document>, Problem> {
    let command = DocumentCommand::RecogniseText {
        text,
        pages,
        words,
        engine,
        confidence,
        took_ms,
    };
    advance(commands, context, document, command).await
}

/// Says what a document is.
pub async fn classify(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    kind: DocumentKind,
    engine: String,
    confidence: Confidence,
    took_ms: u64,
) -> Result<Done<Document>, Problem> {
    let command = DocumentCommand::Classify {
        kind,
        engine,
        confidence,
        took_ms,
    };
    advance(commands, context, document, command).await
}

/// Brings fields and lines.
pub async fn extract(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    fields: Vec<Field>,
    lines: Option<Lines>,
    engine: String,
    took_ms: u64,
) -> Result<Done<Document>, Problem> {
    advance(
        commands,
        context,
        document,
        DocumentCommand::ExtractFields {
            fields,
            lines,
            engine,
            took_ms,
        },
    )
    .await
}

/// Brings the checks.
pub async fn validate(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    checks: Vec<Check>,
    engine: String,
    took_ms: u64,
) -> Result<Done<Document>, Problem> {
    advance(
        commands,
        context,
        document,
        DocumentCommand::Validate {
            checks,
            engine,
            took_ms,
        },
    )
    .await
}

/// Gives a document up.
pub async fn fail(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    step: Step,
    reason: FailureReason,
    detail: Option<Text>,
) -> Result<Done<Document>, Problem> {
    advance(
        commands,
        context,
        document,
        DocumentCommand::Fail { step, reason, detail },
    )
    .await
}
