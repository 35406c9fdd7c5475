//! The group of users, books, accounts, categories, transactions and their sums: what a batch of events changes.
//!
//! They are one group because they must agree: a balance that is ahead of its transactions would be no balance.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use spendlog_domain::{
    accounts::AccountEvent,
    books::BookEvent,
    categories::CategoryEvent,
    transactions::{Posting, Target, TransactionEvent},
    users::UserEvent,
    values::{AccountId, BookId, CategoryId, TransactionId, UserId},
};
use spendlog_event_store::Event;
use uuid::Uuid;

use crate::{
    ProjectionError,
    accounts::{Accounts, Change},
    balances::{Deltas, deltas},
    books::Books,
    categories::Categories,
    cells::{CellKey, Cells, Figures},
    rows::Rows,
    transactions::{self, POSTINGS, PostingRow, TRANSACTIONS, Transaction},
    users::Users,
    versions::Versions,
    writer::{Closed, Writer},
};

/// An event with what it says.
enum Fact {
    User(Uuid, UserEvent),
    Book(Uuid, BookEvent),
    Account(Uuid, AccountEvent),
    Category(Uuid, CategoryEvent),
    Transaction(Uuid, TransactionEvent),
}

/// What an event says.
pub(crate) fn content<E: DeserializeOwned>(event: &Event) -> Result<E, ProjectionError> {
    event.decode().map_err(|source| ProjectionError::Event {
        position: event.position,
        event_type: event.event_type.clone(),
        source: Arc::new(source),
    })
}

/// The UUID of an event's stream.
pub(crate) fn id<I: std::str::FromStr>(event: &Event, uuid: impl Fn(I) -> Uuid) -> Result<Uuid, ProjectionError> {
    event.stream.parse().map(uuid).map_err(|_| ProjectionError::Event {
        position: event.position,
        event_type: event.event_type.clone(),
        source: Arc::new(serde::de::Error::custom("the stream's id is of another kind")),
    })
}

fn fact(event: &Event) -> Result<Option<Fact>, ProjectionError> {
    Ok(Some(match event.kind.as_str() {
        "user" => Fact::User(id(event, UserId::uuid)?, content(event)?),
        "book" => Fact::Book(id(event, BookId::uuid)?, content(event)?),
        "account" => Fact::Account(id(event, AccountId::uuid)?, content(event)?),
        "category" => Fact::Category(id(event, CategoryId::uuid)?, content(event)?),
        "transaction" => Fact::Transaction(id(event, TransactionId::uuid)?, content(event)?),
        _ => return Ok(None),
    }))
}

/// What a batch changes.
#[derive(Debug)]
pub(crate) struct Ledger {
    users: Users,
    books: Books,
    accounts: Accounts,
    categories: Categories,
    transactions: BTreeMap<Uuid, Held>,
    cells: Cells,
}

/// A transaction and its postings.
#[derive(Debug, Default)]
struct Held {
    transaction: Versions<Transaction>,
    postings: Versions<Vec<PostingRow>>,
}

/// Which rows a batch needs.
#[derive(Default)]
struct Wanted {
    users: Vec<Uuid>,
    books: Vec<Uuid>,
    categories: BTreeSet<Uuid>,
    merged: Vec<Uuid>,
    transactions: Vec<Uuid>,
}

impl Wanted {
    /// `fresh`: the tables were empty before, so that what is recorded in this batch can't be there.
    fn of(facts: &[(&Event, Fact)], fresh: bool) -> Self {
        let mut wanted = Self::default();
        let mut recorded = BTreeSet::new();
        for (_, fact) in facts {
            match fact {
                Fact::User(id, _) => wanted.users.push(*id),
                Fact::Book(id, _) => wanted.books.push(*id),
                Fact::Account(..) => {}
                Fact::Category(id, content) => {
                    wanted.categories.insert(*id);
                    if let CategoryEvent::Merged { into } = content {
                        wanted.categories.insert(into.uuid());
                        wanted.merged.push(*id);
                    }
                }
                Fact::Transaction(id, TransactionEvent::Recorded { postings, .. }) => {
                    wanted.categories.extend(postings.iter().filter_map(category_of));
                    recorded.insert(*id);
                    wanted.transactions.push(*id);
                }
                Fact::Transaction(id, content) => {
                    if let TransactionEvent::Categorised { to, .. } = content {
                        wanted.categories.insert(to.uuid());
                    }
                    wanted.transactions.push(*id);
                }
            }
        }
        wanted.transactions.sort_unstable();
        wanted.transactions.dedup();
        if fresh {
            wanted.transactions.retain(|id| !recorded.contains(id));
        }
        wanted
    }
}

fn category_of(posting: &Posting) -> Option<Uuid> {
    match posting.target {
        Target::Category(category) => Some(category.uuid()),
        Target::Account(_) => None,
    }
}

/// What transactions do to accounts and sums, in the order of positions.
#[derive(Default)]
struct Effects<'a> {
    accounts: Vec<(Uuid, Change<'a>)>,
    cells: Vec<(i64, CellKey, Figures)>,
}

impl Ledger {
    /// Reads the rows that the events are about and applies these.
    pub(crate) async fn fold(writer: &Writer, events: &[Event], fresh: bool) -> Result<Self, ProjectionError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            facts.extend(fact(event)?.map(|fact| (event, fact)));
        }
        let wanted = Wanted::of(&facts, fresh);
        let (users, books, mut categories, mut transactions) = tokio::try_join!(
            Users::load(writer, wanted.users),
            Books::load(writer, wanted.books),
            Categories::load(writer, wanted.categories),
            load(writer, wanted.transactions, wanted.merged),
        )?;
        let (mut users, mut books) = (users, books);
        let mut effects = Effects::default();
        for (event, fact) in facts {
            match fact {
                Fact::User(id, content) => users.apply(id, event, content),
                Fact::Book(id, content) => books.apply(id, event, content),
                Fact::Account(id, content) => effects.accounts.push((id, Change::Event(event, content))),
                Fact::Category(id, content) => {
                    if let Some((from, to)) = categories.apply(id, event, content) {
                        for held in transactions.values_mut() {
                            let next = held
                                .transaction
                                .live()
                                .and_then(|now| transactions::merge(now, event, from, to));
                            held.replace(event.position, next, &mut effects);
                        }
                    }
                }
                Fact::Transaction(id, content) => {
                    let held = transactions.entry(id).or_default();
                    let resolve = |category| categories.resolve(category);
                    let next = transactions::apply(held.transaction.live(), event, content, resolve);
                    held.replace(event.position, next, &mut effects);
                }
            }
        }
        let (accounts, cells) = tokio::try_join!(
            Accounts::fold(writer, effects.accounts),
            Cells::fold(writer, &effects.cells)
        )?;
        Ok(Self {
            users,
            books,
            accounts,
            categories,
            transactions,
            cells,
        })
    }

    /// Writes what the batch changed.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        tokio::try_join!(
            self.users.write(writer),
            self.books.write(writer),
            self.accounts.write(writer),
            self.categories.write(writer),
            self.write_transactions(writer),
            self.cells.write(writer),
        )?;
        Ok(())
    }

    async fn write_transactions(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let (mut rows, mut postings) = (Rows::new(&TRANSACTIONS), Rows::new(&POSTINGS));
        let (mut closed, mut postings_closed) = (Closed::default(), Closed::default());
        for (id, held) in &self.transactions {
            if let Some(range) = held.transaction.closed() {
                closed.push(*id, range);
            }
            if let Some(range) = held.postings.closed() {
                postings_closed.push(*id, range);
            }
            for (from, to, transaction) in held.transaction.added() {
                rows.push(transactions::transaction_cells(from, to, transaction));
            }
            for (from, to, set) in held.postings.added() {
                for (number, row) in (0..).zip(set) {
                    postings.push(transactions::posting_cells(*id, number, from, to, row));
                }
            }
        }
        tokio::try_join!(
            writer.close("transactions", &closed),
            close_postings(writer, &postings_closed),
            writer.add(rows),
            writer.add(postings),
        )?;
        Ok(())
    }
}

impl Held {
    fn replace<'a>(&mut self, position: i64, next: Option<Transaction>, effects: &mut Effects<'a>) {
        let Some(next) = next else {
            return;
        };
        let rows = transactions::posting_rows(&next);
        let before = self.postings.live().map(Vec::as_slice).unwrap_or_default();
        if before != rows {
            let Deltas { accounts, cells } = deltas(next.book.uuid(), before, &rows);
            let balances = accounts
                .into_iter()
                .map(|(account, delta)| (account, Change::Balance(position, delta)));
            effects.accounts.extend(balances);
            effects
                .cells
                .extend(cells.into_iter().map(|(key, figures)| (position, key, figures)));
            self.postings.set(position, rows);
        }
        self.transaction.set(position, next);
    }
}

/// The transactions of these ids, and those with a posting in one of the merged categories.
async fn load(writer: &Writer, mut ids: Vec<Uuid>, merged: Vec<Uuid>) -> Result<BTreeMap<Uuid, Held>, ProjectionError> {
    if !merged.is_empty() {
        ids.extend(transactions::in_categories(writer, &merged).await?);
        ids.sort_unstable();
        ids.dedup();
    }
    let mut held = BTreeMap::new();
    for (from, transaction) in transactions::load(writer, &ids).await? {
        // The set of postings may have begun before; whichever row is open is the one that ends.
        let postings = Versions::stored(-1, transactions::posting_rows(&transaction));
        let id = transaction.id.uuid();
        held.insert(
            id,
            Held {
                transaction: Versions::stored(from, transaction),
                postings,
            },
        );
    }
    Ok(held)
}

async fn close_postings(writer: &Writer, closed: &Closed) -> Result<(), ProjectionError> {
    if closed.ids.is_empty() {
        return Ok(());
    }
    // The rows that take their place may be there already: they begin where these end, or later.
    let schema = &writer.schema;
    let sql = format!(
        "UPDATE {schema}.postings t SET to_position = u.until FROM unnest($1::uuid[], $2::bigint[]) AS u (id, until) \
         CROSS JOIN LATERAL (SELECT max(from_position) AS since FROM {schema}.postings \
           WHERE transaction_id = u.id AND from_position < u.until) AS newest \
         WHERE t.transaction_id = u.id AND t.from_position = newest.since"
    );
    writer.execute(sql, &[&closed.ids, &closed.to]).await?;
    Ok(())
}
