//! Accounts: open, rename, close.

pub(crate) mod http;

use spendlog_domain::{
    accounts::{Account, AccountCommand, AccountKind},
    values::{AccountId, BookId, Currency, Text},
};
use spendlog_web::Problem;

use crate::{Open, Plan, UseCase, Written};

/// Opens an account.
#[derive(Clone, Debug)]
pub struct OpenAccount {
    /// The new account.
    pub account: AccountId,
    /// The book that it belongs to.
    pub book: BookId,
    /// What it is called.
    pub name: Text,
    /// What it is.
    pub kind: AccountKind,
    /// The one currency that it is kept in.
    pub currency: Currency,
    /// The bank's number for it.
    pub number: Option<Text>,
}

impl UseCase for OpenAccount {
    const NAME: &'static str = "accounts.open";
    type Main = Account;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Account>, Problem> {
        let Self {
            account,
            book,
            name,
            kind,
            currency,
            number,
        } = self.clone();
        plan.book(book).await.map_err(crate::input::named("/book"))?;
        let mut open = Open::absent(account);
        open.run(AccountCommand::Open {
            account,
            book,
            name,
            kind,
            currency,
            number,
        })?;
        plan.write(open, book.uuid())
    }
}

/// What can be done with an account.
#[derive(Clone, Debug)]
pub enum Change {
    /// Gives it another name, or leaves it.
    Rename(Option<Text>),
    /// Closes it: nothing more is recorded in it.
    Close,
}

/// Changes an account.
#[derive(Clone, Debug)]
pub struct ChangeAccount {
    /// The account.
    pub account: AccountId,
    /// What is done with it.
    pub change: Change,
}

impl UseCase for ChangeAccount {
    const NAME: &'static str = "accounts.change";
    type Main = Account;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Account>, Problem> {
        let (mut account, book) = plan.open_main_of(self.account, Account::book).await?;
        match self.change.clone() {
            Change::Rename(Some(name)) => account.run(AccountCommand::Rename { name })?,
            Change::Rename(None) => false,
            Change::Close => account.run(AccountCommand::Close)?,
        };
        plan.write(account, book.uuid())
    }
}
