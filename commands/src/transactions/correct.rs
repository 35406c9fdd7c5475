//! Changing transactions that are recorded.

use std::collections::HashSet;

use spendlog_domain::{
    transactions::{AmountChange, Target, Transaction, TransactionCommand, TransactionError},
    values::{BookId, CategoryId, Date, Decimal, PostingId, Text, TransactionId},
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
    /// What is corrected in single postings.
    pub postings: Vec<PostingCorrection>,
}

/// What is corrected in a posting; what is none stays.
#[derive(Clone, Debug)]
pub struct PostingCorrection {
    /// The posting.
    pub posting: PostingId,
    /// The amount from now on, in the posting's currency.
    pub amount: Option<Decimal>,
    /// The category from now on.
    pub category: Option<CategoryId>,
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
        let (mut open, book) = plan.open_main_of(self.transaction, Transaction::book).await?;
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
        postings,
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
    if !postings.is_empty() {
        let changes = amount_changes(open.state(), &postings)?;
        let command = TransactionCommand::CorrectAmounts { changes };
        if open.run(command).map_err(pointing("/postings"))? {
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
    for (number, PostingCorrection { posting, category, .. }) in postings.into_iter().enumerate() {
        if let Some(category) = category {
            let at = format!("/postings/{number}/category");
            plan.category_in(book, category)
                .await
                .map_err(input::named(at.as_str()))?;
            let posting = Some(posting);
            open.run(TransactionCommand::Categorise { posting, category })
                .map_err(pointing(at))?;
        }
    }
    if let Some(note) = note {
        open.run(TransactionCommand::Note { note })?;
    }
    Ok(())
}

/// The new amounts beside those that stand there now. Refuses postings that are not there or are named twice.
fn amount_changes(transaction: &Transaction, postings: &[PostingCorrection]) -> Result<Vec<AmountChange>, Problem> {
    let mut named = HashSet::new();
    let mut changes = Vec::new();
    for (number, correction) in postings.iter().enumerate() {
        let at = |field: &str| format!("/postings/{number}/{field}");
        let posting = correction.posting;
        let Some(current) = transaction.posting(posting) else {
            return Err(input::named(at("id"))(Code::NotFound.into()));
        };
        if !named.insert(posting) {
            let twice = TransactionError::PostingTwice { posting };
            return Err(Problem::field(at("id"), twice.to_string()));
        }
        if let Some(amount) = correction.amount {
            changes.push(AmountChange {
                posting,
                from_minor: current.money.minor,
                to_minor: input::money(&at("amount"), amount, current.money.currency)?.minor,
            });
        }
    }
    Ok(changes)
}

/// Says of the domain's refusals where in the body they are: it knows nothing of the list.
fn pointing(pointer: impl Into<String>) -> impl FnOnce(Problem) -> Problem {
    let pointer = pointer.into();
    move |mut problem| {
        for error in &mut problem.errors {
            error.pointer.clone_from(&pointer);
        }
        problem
    }
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
