//! Books: open, rename, choose who confirms documents.

pub(crate) mod http;

use spendlog_domain::{
    books::{Book, BookCommand, ConfirmationPolicy},
    categories::{Category, CategoryCommand, FIRST_SET},
    users::User,
    values::{BookId, Text, UserId},
};
use spendlog_web::{Code, Problem};

use crate::{Commands, Open, Plan, UseCase, Written, first_category, input};

/// Opens another book of a user, with its first set of categories.
#[derive(Clone, Debug)]
pub struct OpenBook {
    /// The new book.
    pub book: BookId,
    /// Whose it is.
    pub user: UserId,
    /// What it is called.
    pub name: Text,
    /// Who confirms documents.
    pub policy: ConfirmationPolicy,
}

impl UseCase for OpenBook {
    const NAME: &'static str = "books.open";
    type Main = Book;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Book>, Problem> {
        let Self {
            book,
            user,
            name,
            policy,
        } = self.clone();
        // Guarded: nobody who was forgotten opens a book.
        if !plan.read::<User>(user).await?.is_registered() {
            return Err(Code::NotFound.into());
        }
        open_with_categories(plan, book, user, name, policy).await
    }
}

/// Opens a book with its first set of categories.
pub(crate) async fn open_with_categories(
    plan: &mut Plan<'_>,
    book: BookId,
    user: UserId,
    name: Text,
    policy: ConfirmationPolicy,
) -> Result<Written<Book>, Problem> {
    let mut open = Open::absent(book);
    open.run(BookCommand::Open {
        book,
        user,
        name,
        policy,
    })?;
    let keys = plan.keys(book.uuid()).await?;
    let written = plan.write(open, book.uuid())?;
    for first in FIRST_SET {
        let category = first_category(&keys, first.key);
        let mut created = Open::<Category>::absent(category);
        created.run(CategoryCommand::Create {
            category,
            book,
            name: Text::from(first.name),
            kind: first.kind,
        })?;
        plan.write(created, book.uuid())?;
    }
    Ok(written)
}

/// Changes a book; what is none stays.
#[derive(Clone, Debug)]
pub struct ChangeBook {
    /// The book.
    pub book: BookId,
    /// The name from now on.
    pub name: Option<Text>,
    /// Who confirms documents from now on.
    pub policy: Option<ConfirmationPolicy>,
}

impl UseCase for ChangeBook {
    const NAME: &'static str = "books.change";
    type Main = Book;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Book>, Problem> {
        plan.book(self.book).await?;
        let mut book = plan.open_main::<Book>(self.book).await?;
        if let Some(name) = self.name.clone() {
            book.run(BookCommand::Rename { name })?;
        }
        if let Some(policy) = self.policy {
            book.run(BookCommand::ChangePolicy { policy })?;
        }
        plan.write(book, self.book.uuid())
    }
}

/// The book that is meant: the one named, or else the user's first.
pub(crate) async fn meant(commands: &Commands, user: UserId, named: Option<&str>) -> Result<BookId, Problem> {
    match named {
        None => commands.first_book(user).await,
        Some(text) => input::id("/book", text),
    }
}
