//! Uploads: the file into the store, then the document into the journal, unless it is there.

use bytes::Bytes;
use futures_util::Stream;
use spendlog_domain::{
    accounts::Account,
    books::Book,
    documents::{Document, DocumentCommand, EngineChoice},
    values::{AccountId, BookId, DocumentId, FileRef, Text, UserId},
};
use spendlog_event_store::StoredFile;
use spendlog_web::{Code, Problem};

use super::document_of_file;
use crate::{Commands, Context, Done, Plan, UseCase, Written, input, refusal};

/// Records that a file was uploaded.
#[derive(Clone, Debug)]
pub struct UploadDocument {
    /// The document, derived from book and content.
    pub document: DocumentId,
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
            document,
            book,
            file,
            media_type,
            name,
            account,
            engine,
        } = self.clone();
        plan.book(book).await.map_err(input::named("/book"))?;
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

/// An upload whose file is in the store.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The book that it goes into.
    pub book: BookId,
    /// The file.
    pub file: StoredFile,
    /// Its type by content.
    pub media_type: &'static str,
    /// The name that it was uploaded under.
    pub name: Text,
    /// The account that it is meant for.
    pub account: Option<AccountId>,
    /// The engine asked for.
    pub engine: Option<EngineChoice>,
}

/// Makes a document of a stored file. The same file in the same book is the first document again, and nothing is recorded.
pub async fn upload(commands: &Commands, context: &Context, upload: Upload) -> Result<Done<Document>, Problem> {
    let Upload {
        book,
        file,
        media_type,
        name,
        account,
        engine,
    } = upload;
    let document = document_of_file(&*commands.keys(book.uuid()).await?, &file.object);
    let file = FileRef {
        object: file.object,
        bytes: file.bytes,
    };
    commands
        .run(
            context,
            &UploadDocument {
                document,
                book,
                file,
                media_type,
                name,
                account,
                engine,
            },
        )
        .await
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
    let state = commands.dispatch.newest::<Book>(book).await?;
    if state.user() == Some(user) {
        Ok(book)
    } else {
        Err(input::named(field)(Code::NotFound.into()))
    }
}
