//! Commands that change one document and nothing else: those of the pipeline, and those of persons.

use spendlog_domain::{
    documents::{Document, DocumentCommand},
    values::DocumentId,
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
        let (mut document, book) = plan.open_main_of(self.document, Document::book).await?;
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
