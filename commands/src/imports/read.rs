//! Reading a statement from a document.

use spendlog_domain::{
    documents::Document,
    imports::{Import, ImportCommand},
    values::{AccountId, Currency, DocumentId, FileRef},
};
use spendlog_web::Problem;

use super::import_of_document;
use crate::{Plan, UseCase, Written};

/// Makes a statement ready to be accepted. Done twice, it changes nothing.
#[derive(Clone, Debug)]
pub struct ReadStatement {
    /// The document that the statement came as.
    pub document: DocumentId,
    /// The statement's place in the document, from 0, with none left out.
    pub number: u32,
    /// The account whose number the statement names, where there is one.
    pub account: Option<AccountId>,
    /// The currency that the statement names.
    pub currency: Option<Currency>,
    /// The lines: a JSON array, in a file of the book.
    pub lines: FileRef,
    /// How many there are.
    pub lines_count: u32,
}

impl UseCase for ReadStatement {
    const NAME: &'static str = "imports.read";
    type Main = Import;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Import>, Problem> {
        let Self {
            document,
            number,
            account,
            currency,
            lines,
            lines_count,
        } = self.clone();
        let book = plan.read::<Document>(document).await?.book();
        let book = plan.book_of(book).await?;
        let import = import_of_document(&*plan.keys(book.uuid()).await?, document, number);
        let mut open = plan.open_or_absent::<Import>(import).await?;
        open.run(ImportCommand::Read {
            import,
            book,
            document,
            account,
            currency,
            lines,
            lines_count,
        })?;
        plan.write(open, book.uuid())
    }
}
