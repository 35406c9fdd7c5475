//! Uploads: the file into the store, then the document into the journal, unless it is there.

use bytes::Bytes;
use futures_util::Stream;
use spendlog_domain::{
    accounts::Account,
    documents::{Document, DocumentCommand, EngineChoice},
    values::{AccountId, BookId, FileRef, Text, UserId},
};
use spendlog_event_store::StoredFile;
use spendlog_web::{Code, Problem};

use super::document_of_file;
use crate::{Actor, Commands, Plan, UseCase, Written, input, refusal};

/// Makes a document of a stored file. The same file in the same book is the first document again, and nothing is recorded.
#[derive(Clone, Debug)]
pub struct UploadDocument {
    /// The book that it goes into.
    pub book: BookId,
    /// The original, which is in the store.
    pub file: FileRef,
    /// Its type by content.
    pub media_type: &'static str,
    /// The name that it was uploaded under.
    pub name: Text,
    /// The account that it is meant for.
    pub account: Option<AccountId>,
    /// The engine asked for.
    pub engine: Option<EngineChoice>,
}

impl UseCase for UploadDocument {
    const NAME: &'static str = "documents.upload";
    type Main = Document;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Document>, Problem> {
        let Self {
            book,
            file,
            media_type,
            name,
            account,
            engine,
        } = self.clone();
        plan.book(book).await.map_err(input::named("/book"))?;
        let document = document_of_file(&*plan.keys(book.uuid()).await?, &file.object);
        let mut open = plan.open_or_absent::<Document>(document).await?;
        if !open.exists()
            && let Some(account) = account
        {
            plan.account_in(book, account).await.map_err(input::named("/account"))?;
        }
        let media_type = media_type.to_owned();
        open.run(DocumentCommand::Upload {
            document,
            book,
            file,
            media_type,
            name,
            account,
            engine,
        })?;
        plan.write(open, book.uuid())
    }
}

/// Stores a file of a book.
pub(super) async fn store(
    commands: &Commands,
    book: BookId,
    content: impl Stream<Item = Result<Bytes, Problem>>,
) -> Result<StoredFile, Problem> {
    let keys = commands.keys(book.uuid()).await?;
    let stored = commands
        .files
        .put(&keys, book.uuid(), content, commands.upload_bytes_max)
        .await
        .map_err(refusal::file)?;
    // Where the book was forgotten meanwhile, its files were removed before this one was there.
    if commands.journal.keyring().is_forgotten(book.uuid()) {
        commands.files.erase(book.uuid()).await.map_err(refusal::file)?;
        return Err(Code::OwnerForgotten.into());
    }
    Ok(stored)
}

/// Stores a file of one book in another one: it has another name and another key there.
pub(super) async fn copy(
    commands: &Commands,
    from: BookId,
    file: &StoredFile,
    to: BookId,
) -> Result<StoredFile, Problem> {
    use futures_util::StreamExt as _;
    let keys = commands.keys(from.uuid()).await?;
    let content = commands
        .files
        .get(&keys, from.uuid(), &file.object)
        .await
        .map_err(refusal::file)?;
    store(commands, to, content.map(|piece| piece.map_err(refusal::file))).await
}

/// The book that an upload goes into: the one named, the account's, or the user's first; it must be theirs.
pub(super) async fn book_meant(
    commands: &Commands,
    user: UserId,
    book: Option<BookId>,
    account: Option<AccountId>,
) -> Result<BookId, Problem> {
    let (book, field) = match (book, account) {
        (Some(book), _) => (book, "/book"),
        (None, Some(account)) => {
            let account = commands.dispatch.newest::<Account>(account).await?;
            (
                account
                    .book()
                    .ok_or_else(|| input::named("/account")(Code::NotFound.into()))?,
                "/account",
            )
        }
        (None, None) => (commands.first_book(user).await?, "/book"),
    };
    let theirs = commands.check_book(Actor::User(user), book).await;
    theirs.map_err(input::named(field))?;
    Ok(book)
}
