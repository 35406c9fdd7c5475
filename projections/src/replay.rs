//! A book as it stood at a position, folded from the events themselves by the aggregates of the domain.
//!
//! This is the other way to the same answer that the read tables give to `at=`: it shares no row and no fold with them,
//! so that each can be held against the other.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use futures_util::TryStreamExt as _;
use spendlog_domain::{
    accounts, books, categories,
    transactions::{self, Posting, Target},
    values::{AccountId, BookId, CategoryId, Currency, Date, Text, UserId},
};
use spendlog_event_store::{Event, Journal, Query};
use uuid::Uuid;

use crate::{
    ProjectionError, accounts::Account, balances::month_of, books::Book, categories::Category, ledger::content,
    summary::Line, transactions::Transaction,
};

const KINDS: [&str; 4] = ["book", "account", "category", "transaction"];

/// Books as they stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The position that they stood at.
    pub position: i64,
    /// In the order of their opening.
    pub books: Vec<BookState>,
}

/// A book as it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct BookState {
    /// The book itself.
    pub book: Book,
    /// Its accounts with their balances, in the order of their opening.
    pub accounts: Vec<Account>,
    /// Its categories, in the order of their creation.
    pub categories: Vec<Category>,
    /// Its transactions, by day, latest first.
    pub transactions: Vec<Transaction>,
    /// What was spent and earned per month, category and currency.
    pub summary: Vec<Line>,
}

/// Folds the books of these owners as the journal stood at `position`.
pub async fn replay(journal: &Journal, owners: &[Uuid], position: i64) -> Result<Replayed, ProjectionError> {
    let mut fold = Fold::default();
    let mut pages = journal.pages(Query {
        until: Some(position),
        owners: Some(owners.to_vec()),
        kinds: Some(KINDS.map(str::to_owned).to_vec()),
        limit: i64::MAX,
        ..Query::default()
    });
    while let Some(page) = pages.try_next().await? {
        for event in &page {
            fold.apply(event)?;
        }
    }
    Ok(Replayed {
        position,
        books: fold.books(),
    })
}

/// An aggregate, and what is known of its stream.
struct Traced<A> {
    state: A,
    first: i64,
    last: i64,
    version: i64,
    recorded_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

type Streams<A> = HashMap<String, Traced<A>>;

#[derive(Default)]
struct Fold {
    books: Streams<books::Book>,
    accounts: Streams<accounts::Account>,
    categories: Streams<categories::Category>,
    transactions: Streams<transactions::Transaction>,
}

fn step<A: Aggregate>(streams: &mut Streams<A>, event: &Event) -> Result<(), ProjectionError> {
    let content: A::Event = content(event)?;
    if !streams.contains_key(&event.stream) {
        let begun = Traced {
            state: A::default(),
            first: event.position,
            last: event.position,
            version: 0,
            recorded_at: event.recorded_at,
            changed_at: event.recorded_at,
        };
        streams.insert(event.stream.clone(), begun);
    }
    if let Some(traced) = streams.get_mut(&event.stream) {
        traced.state.apply(content);
        traced.last = event.position;
        traced.version = event.sequence;
        traced.changed_at = event.recorded_at;
    }
    Ok(())
}

impl Fold {
    fn apply(&mut self, event: &Event) -> Result<(), ProjectionError> {
        match event.kind.as_str() {
            "book" => step(&mut self.books, event),
            "account" => step(&mut self.accounts, event),
            "category" => {
                let before = self.merges();
                step(&mut self.categories, event)?;
                if event.event_type == "category.merged" {
                    self.touch_merged(event, &before);
                }
                Ok(())
            }
            "transaction" => step(&mut self.transactions, event),
            _ => Ok(()),
        }
    }

    /// A merge changes the transactions that have a posting in the merged category, though not their streams.
    fn touch_merged(&mut self, event: &Event, before: &BTreeMap<CategoryId, CategoryId>) {
        let merged = event.stream.parse::<CategoryId>().ok();
        for traced in self.transactions.values_mut() {
            let mut categories = traced.state.postings().iter().filter_map(category_of);
            if categories.any(|category| Some(resolve(before, category)) == merged) {
                traced.last = event.position;
                traced.changed_at = event.recorded_at;
            }
        }
    }

    fn merges(&self) -> BTreeMap<CategoryId, CategoryId> {
        let categories = self.categories.values();
        categories
            .filter_map(|traced| Some((traced.state.id()?, traced.state.merged_into()?)))
            .collect()
    }

    fn books(&self) -> Vec<BookState> {
        let merges = self.merges();
        let mut transactions: HashMap<BookId, Vec<Transaction>> = HashMap::new();
        for traced in self.transactions.values() {
            if let Some(transaction) = transaction(traced, &merges) {
                transactions.entry(transaction.book).or_default().push(transaction);
            }
        }
        let mut books: Vec<BookState> = self
            .books
            .values()
            .filter_map(book)
            .map(|book| {
                let mut transactions = transactions.remove(&book.id).unwrap_or_default();
                transactions.sort_by_key(|transaction| std::cmp::Reverse((transaction.booked_on, transaction.id)));
                let balances = balances(&transactions);
                let balance = |id| balances.get(&id).copied().unwrap_or_default();
                let mut accounts: Vec<_> = self
                    .accounts
                    .values()
                    .filter_map(|traced| account(traced, &balance))
                    .filter(|a| a.book == book.id)
                    .collect();
                accounts.sort_by_key(|account| account.opened_position);
                let mut categories: Vec<_> = self
                    .categories
                    .values()
                    .filter_map(category)
                    .filter(|category| category.book == book.id)
                    .collect();
                categories.sort_by_key(|category| category.created_position);
                let summary = summary(&transactions);
                BookState {
                    book,
                    accounts,
                    categories,
                    transactions,
                    summary,
                }
            })
            .collect();
        books.sort_by_key(|state| state.book.opened_position);
        books
    }
}

fn category_of(posting: &Posting) -> Option<CategoryId> {
    match posting.target {
        Target::Category(category) => Some(category),
        Target::Account(_) => None,
    }
}

fn resolve(merges: &BTreeMap<CategoryId, CategoryId>, mut category: CategoryId) -> CategoryId {
    for _ in 0..merges.len() {
        match merges.get(&category) {
            Some(into) => category = *into,
            None => break,
        }
    }
    category
}

fn book(traced: &Traced<books::Book>) -> Option<Book> {
    if traced.state.is_forgotten() {
        return None;
    }
    Some(Book {
        id: traced.state.id()?,
        user: traced.state.user().unwrap_or(UserId::new(Uuid::nil())),
        name: traced.state.name()?.clone(),
        policy: traced.state.policy(),
        opened_position: traced.first,
        opened_at: traced.recorded_at,
        version: traced.version,
    })
}

fn account(traced: &Traced<accounts::Account>, balance: &impl Fn(AccountId) -> i64) -> Option<Account> {
    let id = traced.state.id()?;
    Some(Account {
        id,
        book: traced.state.book()?,
        opened_position: traced.first,
        opened_at: traced.recorded_at,
        event_position: traced.last,
        version: traced.version,
        changed_at: traced.changed_at,
        kind: traced.state.kind()?,
        currency: traced.state.currency()?,
        name: traced.state.name()?.clone(),
        number: traced.state.number().cloned(),
        closed: traced.state.is_closed(),
        balance_minor: balance(id),
    })
}

fn category(traced: &Traced<categories::Category>) -> Option<Category> {
    Some(Category {
        id: traced.state.id()?,
        book: traced.state.book()?,
        created_position: traced.first,
        created_at: traced.recorded_at,
        version: traced.version,
        changed_at: traced.changed_at,
        kind: traced.state.kind()?,
        name: traced.state.name().cloned().unwrap_or(Text::Forgotten),
        merged_into: traced.state.merged_into(),
    })
}

fn transaction(
    traced: &Traced<transactions::Transaction>,
    merges: &BTreeMap<CategoryId, CategoryId>,
) -> Option<Transaction> {
    let state = &traced.state;
    let mut postings = state.postings().to_vec();
    for posting in &mut postings {
        if let Target::Category(category) = posting.target {
            posting.target = Target::Category(resolve(merges, category));
        }
    }
    Some(Transaction {
        id: state.id()?,
        book: state.book()?,
        booked_on: state.booked_on()?,
        merchant: state.merchant().cloned(),
        note: state.note().cloned(),
        postings,
        origin: state.origin()?,
        voided: state.void_cause(),
        version: traced.version,
        position: traced.last,
        recorded_at: traced.recorded_at,
        changed_at: traced.changed_at,
    })
}

/// The postings that count.
fn counting(transactions: &[Transaction]) -> impl Iterator<Item = (Date, &Posting)> {
    let counting = transactions.iter().filter(|transaction| transaction.voided.is_none());
    counting.flat_map(|transaction| {
        transaction
            .postings
            .iter()
            .map(|posting| (transaction.booked_on, posting))
    })
}

fn balances(transactions: &[Transaction]) -> HashMap<AccountId, i64> {
    let mut balances = HashMap::new();
    for (_, posting) in counting(transactions) {
        if let Target::Account(account) = posting.target {
            let balance = balances.entry(account).or_default();
            *balance = i64::wrapping_add(*balance, posting.money.minor);
        }
    }
    balances
}

fn summary(transactions: &[Transaction]) -> Vec<Line> {
    let mut lines: BTreeMap<(Date, CategoryId, Currency), Line> = BTreeMap::new();
    for (day, posting) in counting(transactions) {
        let Some(category) = category_of(posting) else {
            continue;
        };
        let (month, currency) = (month_of(day), posting.money.currency);
        let line = lines.entry((month, category, currency)).or_insert(Line {
            month: Some(month),
            category: Some(category),
            currency,
            income_minor: 0,
            expense_minor: 0,
            count: 0,
        });
        line.income_minor = line.income_minor.wrapping_add((-posting.money.minor).max(0));
        line.expense_minor = line.expense_minor.wrapping_add((-posting.money.minor).min(0));
        line.count += 1;
    }
    lines.into_values().collect()
}
