//! Categories: create, rename, merge.

pub(crate) mod http;

use spendlog_domain::{
    categories::{Category, CategoryCommand, CategoryKind},
    values::{BookId, CategoryId, Text},
};
use spendlog_web::{Code, Problem};

use crate::{Open, Plan, UseCase, Written, input::named};

/// Creates a category.
#[derive(Clone, Debug)]
pub struct CreateCategory {
    /// The new category.
    pub category: CategoryId,
    /// The book that it belongs to.
    pub book: BookId,
    /// What it is called.
    pub name: Text,
    /// On which side it stands.
    pub kind: CategoryKind,
}

impl UseCase for CreateCategory {
    const NAME: &'static str = "categories.create";
    type Main = Category;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Category>, Problem> {
        let Self {
            category,
            book,
            name,
            kind,
        } = self.clone();
        if kind == CategoryKind::Uncategorised {
            return Err(Problem::field(
                "/kind",
                "every book has its one category of this kind from the start",
            ));
        }
        plan.book(book).await.map_err(named("/book"))?;
        let mut open = Open::absent(category);
        open.run(CategoryCommand::Create {
            category,
            book,
            name,
            kind,
        })?;
        plan.write(open, book.uuid())
    }
}

/// What can be done with a category.
#[derive(Clone, Debug)]
pub enum Change {
    /// Gives it another name, or leaves it.
    Rename(Option<Text>),
    /// Merges it into another one of its book and kind.
    Merge(CategoryId),
}

/// Changes a category.
#[derive(Clone, Debug)]
pub struct ChangeCategory {
    /// The category.
    pub category: CategoryId,
    /// What is done with it.
    pub change: Change,
}

impl UseCase for ChangeCategory {
    const NAME: &'static str = "categories.change";
    type Main = Category;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Category>, Problem> {
        let (mut category, book) = plan.open_main_of(self.category, Category::book).await?;
        match self.change.clone() {
            Change::Rename(Some(name)) => category.run(CategoryCommand::Rename { name })?,
            Change::Rename(None) => false,
            Change::Merge(into) => {
                let into_kind = plan
                    .category_in(book, into)
                    .await
                    .map_err(named("/into"))?
                    .kind()
                    .ok_or(Code::NotFound)?;
                category.run(CategoryCommand::Merge { into, into_kind })?
            }
        };
        plan.write(category, book.uuid())
    }
}
