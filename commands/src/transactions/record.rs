//! Recording transactions.

use spendlog_domain::{
    transactions::{Origin, Posting, Target, Transaction, TransactionCommand},
    values::{AccountId, BookId, CategoryId, Currency, Date, Decimal, Money, PostingId, Text, TransactionId},
};
use spendlog_web::{Code, Problem};

use crate::{Open, Plan, UseCase, Written, ids, input};

/// What a transaction is made of.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One amount, one category.
    Simple {
        /// The account that the money leaves (negative amount) or enters.
        account: AccountId,
        /// The amount.
        amount: Decimal,
        /// The amount's currency, if it was said: it must be the account's.
        currency: Option<Currency>,
        /// What it was for; the uncategorised, if it was not said.
        category: Option<CategoryId>,
    },
    /// Any postings.
    Postings(Vec<(Target, Decimal, Currency)>),
}

/// A transaction to be recorded.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The new transaction.
    pub transaction: TransactionId,
    /// The day it happened.
    pub booked_on: Date,
    /// Whom the money went to or came from.
    pub merchant: Option<Text>,
    /// A note.
    pub note: Option<Text>,
    /// What it is made of.
    pub shape: Shape,
}

/// Records transactions that somebody typed in: all or none. The first is the one that is answered with.
#[derive(Clone, Debug)]
pub struct RecordTransactions {
    /// The transactions, at least one.
    pub drafts: Vec<Draft>,
    /// Whether they came as a list: then problems name their place in it.
    pub listed: bool,
}

impl UseCase for RecordTransactions {
    const NAME: &'static str = "transactions.record";
    type Main = Transaction;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Transaction>, Problem> {
        let mut first = None;
        for (number, draft) in self.drafts.iter().enumerate() {
            let below = if self.listed {
                format!("/transactions/{number}")
            } else {
                String::new()
            };
            let written = record(plan, draft, &below)
                .await
                .map_err(|problem| inside(problem, &below))?;
            first.get_or_insert(written);
        }
        first.ok_or_else(|| Problem::field("/transactions", "at least one transaction"))
    }
}

/// Says of the domain's own pointers in which transaction of a list they are.
fn inside(mut problem: Problem, below: &str) -> Problem {
    for error in &mut problem.errors {
        if !error.pointer.starts_with(below) {
            error.pointer.insert_str(0, below);
        }
    }
    problem
}

async fn record(plan: &mut Plan<'_>, draft: &Draft, below: &str) -> Result<Written<Transaction>, Problem> {
    let Draft {
        transaction,
        booked_on,
        merchant,
        note,
        shape,
    } = draft.clone();
    let (book, postings) = match shape {
        Shape::Simple {
            account,
            amount,
            currency,
            category,
        } => simple(plan, transaction, account, amount, currency, category).await?,
        Shape::Postings(postings) => listed(plan, transaction, &postings, below).await?,
    };
    let mut open = Open::absent(transaction);
    let origin = Origin::Manual {};
    open.run(TransactionCommand::Record {
        transaction,
        book,
        booked_on,
        merchant,
        note,
        postings,
        origin,
    })?;
    plan.write(open, book.uuid())
}

async fn simple(
    plan: &mut Plan<'_>,
    transaction: TransactionId,
    account: AccountId,
    amount: Decimal,
    currency: Option<Currency>,
    category: Option<CategoryId>,
) -> Result<(BookId, Vec<Posting>), Problem> {
    let (book, kept_in) = book_and_currency(plan, account)
        .await
        .map_err(input::named("/account"))?;
    if currency.is_some_and(|currency| currency != kept_in) {
        return Err(
            Problem::from(Code::CurrencyMismatch).and_field("/currency", format!("account is kept in {kept_in}"))
        );
    }
    let category = match category {
        Some(category) => {
            plan.category_in(book, category)
                .await
                .map_err(input::named("/category"))?;
            category
        }
        None => plan.uncategorised(book).await?,
    };
    let money = input::money("/amount", amount, kept_in)?;
    Ok((book, simple_postings(transaction, account, category, money)?))
}

async fn listed(
    plan: &mut Plan<'_>,
    transaction: TransactionId,
    postings: &[(Target, Decimal, Currency)],
    below: &str,
) -> Result<(BookId, Vec<Posting>), Problem> {
    let first = postings
        .iter()
        .position(|(target, ..)| matches!(target, Target::Account(_)));
    let Some((number, Target::Account(account))) = first.map(|number| (number, postings[number].0)) else {
        return Err(Problem::field(
            "/postings",
            "at least one posting must be of an account",
        ));
    };
    let at = |number: usize, field: &str| format!("{below}/postings/{number}/{field}");
    let (book, _) = book_and_currency(plan, account)
        .await
        .map_err(input::named(at(number, "account")))?;
    let mut all = Vec::with_capacity(postings.len());
    for (number, (target, amount, currency)) in postings.iter().enumerate() {
        match target {
            Target::Account(account) => {
                let found = plan
                    .account_in(book, *account)
                    .await
                    .map_err(input::named(at(number, "account")))?;
                if found.currency() != Some(*currency) {
                    let problem = Problem::from(Code::CurrencyMismatch);
                    return Err(problem.and_field(at(number, "currency"), "account is kept in another currency"));
                }
            }
            Target::Category(category) => {
                plan.category_in(book, *category)
                    .await
                    .map_err(input::named(at(number, "category")))?;
            }
        }
        let money = input::money(&at(number, "amount"), *amount, *currency)?;
        let id = posting_id(transaction, u32::try_from(number).map_err(Problem::internal)?);
        all.push(Posting {
            id,
            target: *target,
            money,
        });
    }
    Ok((book, all))
}

/// The book of an open account that the actor may record in, and its currency; both guarded.
async fn book_and_currency(plan: &mut Plan<'_>, account: AccountId) -> Result<(BookId, Currency), Problem> {
    let state = plan.read::<spendlog_domain::accounts::Account>(account).await?;
    let book = plan.book_of(state.book()).await?;
    let state = plan.account_in(book, account).await?;
    Ok((book, state.currency().ok_or(Code::NotFound)?))
}

/// The two postings of one amount and one category.
pub(crate) fn simple_postings(
    transaction: TransactionId,
    account: AccountId,
    category: CategoryId,
    money: Money,
) -> Result<Vec<Posting>, Problem> {
    let minor = money
        .minor
        .checked_neg()
        .ok_or_else(|| Problem::field("/amount", "amount is out of range"))?;
    Ok(vec![
        Posting {
            id: posting_id(transaction, 0),
            target: Target::Account(account),
            money,
        },
        Posting {
            id: posting_id(transaction, 1),
            target: Target::Category(category),
            money: Money { minor, ..money },
        },
    ])
}

fn posting_id(transaction: TransactionId, number: u32) -> PostingId {
    PostingId::new(ids::nth(transaction.uuid(), number))
}
