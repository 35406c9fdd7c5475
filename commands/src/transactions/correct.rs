//! Changing transactions that are recorded.

use spendlog_domain::{
    transactions::{Target, Transaction, TransactionCommand},
    values::{BookId, CategoryId, Date, Decimal, Text, TransactionId},
};
use spendlog_web::{Code, Problem};

use crate::{Open, Plan, UseCase, Written, input};

/// What is corrected; what is none stays, none inside removes.
#[derive(Clone, Debug, Default)]
pub struct Correction {
    /// The amount from now on, in the simple view.
    pub amount: Option<Decimal>,
    /// The day from now on.
    pub booked_on: Option<Date>,
    /// The merchant from now on.
    pub merchant: Option<Option<Text>>,
    /// The category from now on, in the simple view.
    pub category: Option<CategoryId>,
    /// The note from now on.
    pub note: Option<Option<Text>>,
}

/// What can be done with a transaction.
#[derive(Clone, Debug)]
pub enum Change {
    /// Corrects it.
    Correct(Correction),
    /// Takes it out of all sums.
    Void,
    /// Lets it count again.
    Restore,
}

/// Changes a transaction.
#[derive(Clone, Debug)]
pub struct ChangeTransaction {
    /// The transaction.
    pub transaction: TransactionId,
    /// What is done with it.
    pub change: Change,
}

impl UseCase for ChangeTransaction {
    const NAME: &'static str = "transactions.change";
    type Main = Transaction;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Transaction>, Problem> {
        let mut open = plan.open_main::<Transaction>(self.transaction).await?;
        let book = plan.book_of(open.state().book()).await?;
        match self.change.clone() {
            Change::Correct(correction) => correct(plan, book, &mut open, correction).await?,
            Change::Void => drop(open.run(TransactionCommand::Void)?),
            Change::Restore => {
                if open.run(TransactionCommand::Restore)? {
                    accounts_open(plan, book, open.state()).await?;
                }
            }
        }
        plan.write(open, book.uuid())
    }
}

async fn correct(
    plan: &mut Plan<'_>,
    book: BookId,
    open: &mut Open<Transaction>,
    correction: Correction,
) -> Result<(), Problem> {
    let Correction {
        amount,
        booked_on,
        merchant,
        category,
        note,
    } = correction;
    if let Some(amount) = amount {
        let currency = open
            .state()
            .postings()
            .first()
            .map(|posting| posting.money.currency)
            .ok_or(Code::NotFound)?;
        let money = input::money("/amount", amount, currency)?;
        if open.run(TransactionCommand::CorrectAmount { money })? {
            accounts_open(plan, book, open.state()).await?;
        }
    }
    if let Some(booked_on) = booked_on {
        open.run(TransactionCommand::CorrectDate { booked_on })?;
    }
    if let Some(merchant) = merchant {
        open.run(TransactionCommand::CorrectMerchant { merchant })?;
    }
    if let Some(category) = category {
        plan.category_in(book, category)
            .await
            .map_err(input::named("/category"))?;
        open.run(TransactionCommand::Categorise {
            posting: None,
            category,
        })?;
    }
    if let Some(note) = note {
        open.run(TransactionCommand::Note { note })?;
    }
    Ok(())
}

/// Refuses to move money in accounts that are closed; guards those that are open.
async fn accounts_open(plan: &mut Plan<'_>, book: BookId, transaction: &Transaction) -> Result<(), Problem> {
    for posting in transaction.postings() {
        if let Target::Account(account) = posting.target {
            plan.account_in(book, account).await?;
        }
    }
    Ok(())
}
