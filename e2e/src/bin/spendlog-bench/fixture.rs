//! A private PostgreSQL with full durability, and a journal on it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use spendlog_domain::{
    accounts::{AccountEvent, AccountKind},
    schema::event_schemas,
    transactions::{Origin as Source, Posting, Target, TransactionEvent},
    values::{AccountId, BookId, CategoryId, Currency, Date, Money, PostingId, TransactionId},
};
use spendlog_event_store::{
    Append, Database, Expect, Guard, Journal, Keyring, MasterKey, NewEvent, Origin, SealPlans, StreamAppend, StreamId,
    cluster::Cluster, migrate,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A byte of the master key, in hexadecimal digits.
pub(crate) const MASTER_KEY: &str = "5a";

/// How many books a filled journal has.
pub(crate) const BOOKS: u64 = 50;

/// What appends are made on.
pub(crate) struct Fixture {
    cluster: Cluster,
    folder: TempDir,
    pgbench: PathBuf,
    /// The connections.
    pub(crate) database: Database,
    /// The journal.
    pub(crate) journal: Journal,
}

impl Fixture {
    /// Starts a cluster in a folder of its own, below the data folder's disk: the speed of that disk is measured too.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        std::fs::create_dir_all("out")?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in("out")?;
        let cluster = Cluster::start(&folder.path().join("postgres")).await?;
        let database = Database::connect(cluster.url(), 8).await?;
        migrate(&database).await?;
        let keyring = Keyring::open(&database, MasterKey::from_hex(&MASTER_KEY.repeat(32))?).await?;
        let journal = Journal::open(database.clone(), keyring, plans()?).await?;
        sqlx::raw_sql("CREATE TABLE bare (id bigserial PRIMARY KEY, payload json NOT NULL)")
            .execute(database.pool())
            .await?;
        let pgbench = find_pgbench()?;
        Ok(Self {
            cluster,
            folder,
            pgbench,
            database,
            journal,
        })
    }

    /// Records so many transactions, each book's share a thousand at a time.
    pub(crate) async fn fill(&self, events: u64) -> anyhow::Result<()> {
        let per_append = (events / BOOKS).min(1000);
        for _ in 0..BOOKS {
            let book = Book::open(&self.journal).await?;
            for batch in 0..events / BOOKS / per_append {
                let streams = (0..per_append)
                    .map(|n| book.transaction(batch * per_append + n))
                    .collect::<Result<_, _>>()?;
                self.journal.append(book.command(streams)).await?;
            }
        }
        Ok(())
    }

    /// How to connect.
    pub(crate) fn url(&self) -> &str {
        self.cluster.url()
    }

    /// A folder for files of the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program pgbench.
    pub(crate) fn pgbench(&self) -> &Path {
        &self.pgbench
    }

    /// Bytes of a stored event, as PostgreSQL counts a row.
    pub(crate) async fn row_bytes(&self) -> anyhow::Result<usize> {
        let bytes: f64 = sqlx::query_scalar(
            "SELECT avg(pg_column_size(e.*))::float8 FROM es.events e WHERE event_type = 'transaction.recorded'",
        )
        .fetch_one(self.database.pool())
        .await?;
        anyhow::ensure!(
            bytes >= 400.0,
            "an event must have at least 400 bytes, these have {bytes}"
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some hundred bytes"
        )]
        let whole = bytes as usize;
        Ok(whole)
    }

    /// Stops the cluster.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.journal.close().await;
        self.database.pool().close().await;
        Ok(self.cluster.stop().await?)
    }
}

/// What of each event is sealed.
pub(crate) fn plans() -> anyhow::Result<SealPlans> {
    let schemas = event_schemas();
    let each = schemas
        .iter()
        .map(|s| (s.event_type.as_str(), s.version.as_str(), &s.schema));
    Ok(SealPlans::new(each)?)
}

fn find_pgbench() -> anyhow::Result<PathBuf> {
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("pgbench"))
        .collect();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("pgbench"));
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    candidates.extend(versions.map(|version| version.path().join("bin/pgbench")));
    candidates
        .into_iter()
        .find(|path| path.exists())
        .context("pgbench is missing: it comes with PostgreSQL's server package")
}

/// A book with an account, in which transactions are recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Book {
    /// The book.
    pub(crate) book: BookId,
    /// Its account, at version 1.
    pub(crate) account: AccountId,
    /// A category of it.
    pub(crate) category: CategoryId,
}

impl Book {
    /// Opens the account.
    pub(crate) async fn open(journal: &Journal) -> anyhow::Result<Self> {
        let book = Self {
            book: BookId::new(Uuid::now_v7()),
            account: AccountId::new(Uuid::now_v7()),
            category: CategoryId::new(Uuid::now_v7()),
        };
        let opened = AccountEvent::Opened {
            account: book.account,
            book: book.book,
            name: "Current account".into(),
            kind: AccountKind::Checking,
            currency: euro(),
            number: None,
        };
        let stream = StreamId {
            kind: "account",
            id: book.account.to_string(),
        };
        journal
            .append(Append {
                command_id: Uuid::now_v7(),
                origin: origin(),
                streams: vec![StreamAppend {
                    stream,
                    owner: book.book.uuid(),
                    expect: Expect::Version(0),
                    events: vec![NewEvent::of(&opened)?],
                }],
                guards: Vec::new(),
            })
            .await?;
        Ok(book)
    }

    /// A new transaction's stream: one event with two sealed strings.
    pub(crate) fn transaction(&self, number: u64) -> anyhow::Result<StreamAppend> {
        let transaction = TransactionId::new(Uuid::now_v7());
        let minor = 100 + i64::try_from(number % 10_000)?;
        let posting = |target, minor| Posting {
            id: PostingId::new(Uuid::now_v7()),
            target,
            money: Money {
                minor,
                currency: euro(),
            },
        };
        let day = u32::try_from(number % 28)? + 1;
        let month = u32::try_from(number / 28 % 12)? + 1;
        let recorded = TransactionEvent::Recorded {
            transaction,
            book: self.book,
            booked_on: Date::from_ymd_opt(2026, month, day).context("a day of 2026")?,
            merchant: Some("Supermarket at the corner".into()),
            note: Some("weekly shopping with the children".into()),
            postings: vec![
                posting(Target::Account(self.account), -minor),
                posting(Target::Category(self.category), minor),
            ],
            origin: Source::Manual {},
        };
        Ok(StreamAppend {
            stream: StreamId {
                kind: "transaction",
                id: transaction.to_string(),
            },
            owner: self.book.uuid(),
            expect: Expect::Version(0),
            events: vec![NewEvent::of(&recorded)?],
        })
    }

    /// A transaction that was noted again and again, until its stream has so many events; its id.
    pub(crate) async fn long_transaction(&self, events: i64, journal: &Journal) -> anyhow::Result<String> {
        let first = self.transaction(0)?;
        let stream = first.stream.clone();
        journal.append(self.command(vec![first])).await?;
        let noted = TransactionEvent::Noted {
            from: Some("weekly shopping with the children".into()),
            to: Some("weekly shopping with the grandchildren".into()),
        };
        let mut version = 1;
        while version < events {
            let count = 1000.min(events - version);
            let part = StreamAppend {
                stream: stream.clone(),
                owner: self.book.uuid(),
                expect: Expect::Version(version),
                events: (0..count).map(|_| NewEvent::of(&noted)).collect::<Result<_, _>>()?,
            };
            journal.append(self.command(vec![part])).await?;
            version += count;
        }
        Ok(stream.id)
    }

    /// A command that records these, guarded by the account still being as it was.
    pub(crate) fn command(&self, streams: Vec<StreamAppend>) -> Append {
        let account = StreamId {
            kind: "account",
            id: self.account.to_string(),
        };
        Append {
            command_id: Uuid::now_v7(),
            origin: origin(),
            streams,
            guards: vec![Guard {
                stream: account,
                version: 1,
            }],
        }
    }
}

fn euro() -> Currency {
    "EUR".parse().expect("EUR is a currency")
}

fn origin() -> Origin {
    Origin {
        actor: "operator".to_owned(),
        correlation: Uuid::now_v7(),
        causation: None,
        request: None,
    }
}
