//! Random histories: valid events of a few books, made by the aggregates' own decisions from a seed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use cqrs_es::{Aggregate, DomainEvent};
use fastrand::Rng;
use serde_json::Value;
use spendlog_domain::{
    accounts::{Account, AccountCommand, AccountKind},
    books::{Book, BookCommand, ConfirmationPolicy},
    categories::{Category, CategoryCommand, CategoryKind},
    schema::{event_schemas, retired_schemas, upcasters},
    transactions::{Origin, Posting, Target, Transaction, TransactionCommand},
    users::{User, UserCommand},
    values::{
        AccountId, BookId, CategoryId, Currency, Date, DocumentId, ImportId, Money, PostingId, TransactionId, UserId,
    },
};
use spendlog_event_store::{
    Append, Archive, Expect, Journal, Keyring, MasterKey, NewEvent, Origin as By, Reading, SealPlans, StreamAppend,
    StreamId, testing::TestDatabase,
};
use uuid::Uuid;

const MERCHANTS: [&str; 6] = [
    "Corner Café",
    "NORTH MARKET",
    "Rail & Sons",
    "100% Pizza",
    "under_score",
    "Ärzte",
];

/// A journal and what the aggregates of its streams say.
pub(super) struct History {
    pub(super) journal: Journal,
    pub(super) user: UserId,
    pub(super) books: Vec<BookId>,
    accounts: BTreeMap<AccountId, (Account, i64)>,
    categories: BTreeMap<CategoryId, (Category, i64)>,
    pub(super) transactions: BTreeMap<TransactionId, (Transaction, i64)>,
    rng: Rng,
    _database: TestDatabase,
}

impl History {
    /// An empty journal. The seed is printed, so that a failure can be repeated.
    pub(super) async fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let database = TestDatabase::new().await;
        let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
        let keyring = Keyring::open(database.database(), master).await.unwrap();
        let (schemas, retired) = (event_schemas(), retired_schemas());
        let plans = schemas
            .iter()
            .chain(&retired)
            .map(|s| (s.event_type.as_str(), s.version.as_str(), &s.schema));
        let plans = SealPlans::new(plans).unwrap();
        let reading = Reading {
            upcasters: upcasters(),
            archive: Archive::new(database.database(), None),
            snapshot_events: None,
        };
        let journal = Journal::open_with(database.database().clone(), keyring, plans, reading)
            .await
            .unwrap();
        let mut history = Self {
            journal,
            user: UserId::new(Uuid::from_u128(1)),
            books: Vec::new(),
            accounts: BTreeMap::new(),
            categories: BTreeMap::new(),
            transactions: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            _database: database,
        };
        history.register().await;
        history
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(self.rng.u128(..))
    }

    async fn register(&mut self) {
        let command = UserCommand::Register {
            user: self.user,
            email: "anna@example.test".into(),
            email_key: "ab".repeat(32),
            name: Some("Anna".into()),
            password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA".into(),
        };
        let events = User::default().decide(command).unwrap();
        self.append("user", self.user.to_string(), self.user.uuid(), 0, events)
            .await;
    }

    /// Appends events of one stream; answers with its version then.
    pub(super) async fn append<E: DomainEvent>(
        &mut self,
        kind: &'static str,
        id: String,
        owner: Uuid,
        version: i64,
        events: Vec<E>,
    ) -> i64 {
        let events: Vec<_> = events.iter().map(|event| NewEvent::of(event).unwrap()).collect();
        self.append_raw(kind, id, owner, version, events).await
    }

    pub(super) async fn append_raw(
        &mut self,
        kind: &'static str,
        id: String,
        owner: Uuid,
        version: i64,
        events: Vec<NewEvent>,
    ) -> i64 {
        if events.is_empty() {
            return version;
        }
        let after = version + i64::try_from(events.len()).unwrap();
        let stream = StreamId { kind, id };
        self.append_streams(vec![StreamAppend {
            stream,
            owner,
            expect: Expect::Version(version),
            events,
        }])
        .await;
        after
    }

    async fn append_streams(&mut self, streams: Vec<StreamAppend>) {
        let append = Append {
            command_id: self.id(),
            origin: By {
                actor: self.user.to_string(),
                correlation: self.id(),
                causation: None,
                request: None,
            },
            streams,
            guards: Vec::new(),
        };
        self.journal.append(append).await.unwrap();
    }

    /// The newest position.
    pub(super) async fn head(&self) -> i64 {
        let far = chrono::DateTime::from_timestamp(9_999_999_999, 0).unwrap();
        self.journal.position_at(far).await.unwrap()
    }

    /// Opens a book with a few accounts and categories.
    pub(super) async fn open_book(&mut self) -> BookId {
        let book = BookId::new(self.id());
        let command = BookCommand::Open {
            book,
            user: self.user,
            name: "Household".into(),
            policy: ConfirmationPolicy::Manual,
        };
        let events = Book::default().decide(command).unwrap();
        self.append("book", book.to_string(), book.uuid(), 0, events).await;
        self.books.push(book);
        for (name, currency) in [("Main", "EUR"), ("Card", "EUR"), ("Yen", "JPY")] {
            let account = AccountId::new(self.id());
            let currency: Currency = currency.parse().unwrap();
            let kind = AccountKind::Checking;
            let number = Some("DE00 1234".into());
            let open = AccountCommand::Open {
                account,
                book,
                name: name.into(),
                kind,
                currency,
                number,
            };
            self.account(account, book, open).await;
        }
        for (number, kind) in [
            CategoryKind::Uncategorised,
            CategoryKind::Expense,
            CategoryKind::Expense,
            CategoryKind::Expense,
        ]
        .into_iter()
        .enumerate()
        {
            let category = CategoryId::new(self.id());
            let create = CategoryCommand::Create {
                category,
                book,
                name: format!("Category {number}").into(),
                kind,
            };
            self.category(category, book, create).await;
        }
        book
    }

    async fn account(&mut self, id: AccountId, book: BookId, command: AccountCommand) {
        let (mut state, version) = self.accounts.remove(&id).unwrap_or_default();
        let events = state.decide(command).unwrap_or_default();
        events.iter().for_each(|event| state.apply(event.clone()));
        let version = self
            .append("account", id.to_string(), book.uuid(), version, events)
            .await;
        self.accounts.insert(id, (state, version));
    }

    async fn category(&mut self, id: CategoryId, book: BookId, command: CategoryCommand) {
        let (mut state, version) = self.categories.remove(&id).unwrap_or_default();
        let events = state.decide(command).unwrap_or_default();
        events.iter().for_each(|event| state.apply(event.clone()));
        let version = self
            .append("category", id.to_string(), book.uuid(), version, events)
            .await;
        self.categories.insert(id, (state, version));
    }

    /// What is asked of a transaction; nothing happens where it is refused.
    pub(super) async fn transaction(&mut self, id: TransactionId, book: BookId, command: TransactionCommand) {
        let (mut state, version) = self.transactions.remove(&id).unwrap_or_default();
        let events = state.decide(command).unwrap_or_default();
        events.iter().for_each(|event| state.apply(event.clone()));
        let version = self
            .append("transaction", id.to_string(), book.uuid(), version, events)
            .await;
        self.transactions.insert(id, (state, version));
    }

    pub(super) fn accounts_of(&self, book: BookId) -> Vec<(AccountId, Currency)> {
        let open = self
            .accounts
            .values()
            .filter(|(account, _)| account.book() == Some(book) && account.is_open());
        open.map(|(account, _)| (account.id().unwrap(), account.currency().unwrap()))
            .collect()
    }

    pub(super) fn categories_of(&self, book: BookId) -> Vec<CategoryId> {
        let open = self
            .categories
            .values()
            .filter(|(category, _)| category.book() == Some(book) && category.is_open());
        open.map(|(category, _)| category.id().unwrap()).collect()
    }

    pub(super) fn transactions_of(&self, book: BookId) -> Vec<TransactionId> {
        let of_book = self
            .transactions
            .iter()
            .filter(|(_, (state, _))| state.book() == Some(book));
        of_book.map(|(id, _)| *id).collect()
    }

    fn day(&mut self) -> Date {
        NaiveDate::from_ymd_opt(2025, self.rng.u32(1..=4), self.rng.u32(1..=28)).unwrap()
    }

    fn postings(&mut self, book: BookId) -> Option<Vec<Posting>> {
        let (accounts, categories) = (self.accounts_of(book), self.categories_of(book));
        let (account, currency) = *self.rng.choice(&accounts)?;
        let minor = self.rng.i64(1..5000) * if self.rng.bool() { 1 } else { -1 };
        let other = accounts
            .iter()
            .find(|(id, other)| *id != account && *other == currency)
            .map(|(id, _)| *id);
        let posting = |id, target, minor| Posting {
            id: PostingId::new(id),
            target,
            money: Money { minor, currency },
        };
        let first = posting(self.id(), Target::Account(account), minor);
        let mut category = || self.rng.choice(categories.iter()).copied().map(Target::Category);
        let (one, two) = (category()?, category()?);
        let rest = match (self.rng.u8(0..4), other) {
            (0, Some(other)) => vec![posting(self.id(), Target::Account(other), -minor)],
            (1, _) if minor.abs() > 1 => {
                let part = minor / 2;
                vec![posting(self.id(), one, -part), posting(self.id(), two, part - minor)]
            }
            _ => vec![posting(self.id(), one, -minor)],
        };
        Some([vec![first], rest].concat())
    }

    pub(super) async fn record(&mut self, book: BookId) {
        let Some(postings) = self.postings(book) else { return };
        let id = TransactionId::new(self.id());
        let merchant = self.rng.choice(MERCHANTS).map(Into::into);
        let note = self.rng.bool().then(|| format!("note {}", self.rng.u8(0..40)).into());
        let (document, import) = (DocumentId::new(self.id()), ImportId::new(self.id()));
        let origin = match self.rng.u8(0..4) {
            0 => Origin::Document { document },
            1 => Origin::Import {
                import,
                document,
                line: 7,
            },
            _ => Origin::Manual {},
        };
        let booked_on = self.day();
        let record = TransactionCommand::Record {
            transaction: id,
            book,
            booked_on,
            merchant,
            note,
            postings,
            origin,
        };
        self.transaction(id, book, record).await;
    }

    /// So many transactions, a thousand in an append.
    pub(super) async fn record_many(&mut self, book: BookId, count: usize) {
        for first in (0..count).step_by(1000) {
            let mut streams = Vec::new();
            for _ in first..count.min(first + 1000) {
                let Some(postings) = self.postings(book) else { continue };
                let id = TransactionId::new(self.id());
                let record = TransactionCommand::Record {
                    transaction: id,
                    book,
                    booked_on: self.day(),
                    merchant: None,
                    note: None,
                    postings,
                    origin: Origin::Manual {},
                };
                let events = Transaction::default().decide(record).unwrap();
                streams.push(StreamAppend {
                    stream: StreamId {
                        kind: "transaction",
                        id: id.to_string(),
                    },
                    owner: book.uuid(),
                    expect: Expect::Version(0),
                    events: events.iter().map(|event| NewEvent::of(event).unwrap()).collect(),
                });
            }
            self.append_streams(streams).await;
        }
    }

    /// A transaction of the largest amounts there can be, which all leave one account for one category.
    pub(super) async fn record_largest(&mut self, book: BookId) {
        let (account, currency) = self.accounts_of(book)[0];
        let category = self.categories_of(book)[0];
        let sides = [
            (Target::Account(account), -Money::LIMIT_MINOR),
            (Target::Category(category), Money::LIMIT_MINOR),
        ];
        let postings = (0..200).map(|number| {
            let (target, minor) = sides[number % 2];
            Posting {
                id: PostingId::new(self.id()),
                target,
                money: Money { minor, currency },
            }
        });
        let postings = postings.collect();
        let transaction = TransactionId::new(self.id());
        let record = TransactionCommand::Record {
            transaction,
            book,
            booked_on: NaiveDate::from_ymd_opt(2025, 5, 1).unwrap(),
            merchant: None,
            note: None,
            postings,
            origin: Origin::Manual {},
        };
        self.transaction(transaction, book, record).await;
    }

    /// One thing happens, somewhere.
    pub(super) async fn step(&mut self) {
        let Some(book) = self.rng.choice(&self.books.clone()).copied() else {
            return;
        };
        let known = self.transactions_of(book);
        let categories = self.categories_of(book);
        let (Some(id), Some(category)) = (self.rng.choice(&known).copied(), self.rng.choice(&categories).copied())
        else {
            return self.record(book).await;
        };
        let command = match self.rng.u8(0..24) {
            0 => TransactionCommand::CorrectDate { booked_on: self.day() },
            1 => TransactionCommand::CorrectMerchant {
                merchant: self.rng.choice(MERCHANTS).map(Into::into),
            },
            2 => TransactionCommand::Note { note: None },
            3 | 4 => TransactionCommand::Categorise {
                posting: None,
                category,
            },
            5 | 6 => TransactionCommand::Void,
            7 => TransactionCommand::Restore,
            8 | 9 => {
                let currency = self.transactions[&id].0.postings()[0].money.currency;
                TransactionCommand::CorrectAmount {
                    money: Money {
                        minor: -self.rng.i64(1..900),
                        currency,
                    },
                }
            }
            10 => {
                let (from, into) = (category, *self.rng.choice(&categories).unwrap());
                let kind = self.categories[&into].0.kind().unwrap();
                return self
                    .category(from, book, CategoryCommand::Merge { into, into_kind: kind })
                    .await;
            }
            11 => {
                let create = CategoryId::new(self.id());
                let kind = CategoryKind::Expense;
                let command = CategoryCommand::Create {
                    category: create,
                    book,
                    name: "New".into(),
                    kind,
                };
                return self.category(create, book, command).await;
            }
            12 => {
                let name = format!("Renamed {}", self.rng.u8(..)).into();
                return self.category(category, book, CategoryCommand::Rename { name }).await;
            }
            13 => {
                let accounts = self.accounts_of(book);
                let Some((account, _)) = self.rng.choice(&accounts).copied() else {
                    return;
                };
                let name = format!("Account {}", self.rng.u8(..)).into();
                return self.account(account, book, AccountCommand::Rename { name }).await;
            }
            14 if self.rng.u8(0..10) == 0 => {
                let accounts = self.accounts_of(book);
                let Some((account, _)) = self.rng.choice(&accounts).copied() else {
                    return;
                };
                return self.account(account, book, AccountCommand::Close).await;
            }
            _ => return self.record(book).await,
        };
        self.transaction(id, book, command).await;
    }

    /// A history of so many steps in two books.
    pub(super) async fn random(seed: u64, steps: usize) -> Self {
        let mut history = Self::new(seed).await;
        history.open_book().await;
        history.open_book().await;
        for _ in 0..steps {
            history.step().await;
        }
        history
    }
}

/// The golden sample of an event, from which tests of its own make events.
pub(super) fn raw(event_type: &str, content: Value) -> NewEvent {
    let payload = Value::Object([(event_type.to_owned(), content)].into_iter().collect());
    NewEvent {
        event_type: event_type.to_owned(),
        version: "1".to_owned(),
        payload,
    }
}
