//! Every group of projections, in one list. A group has one checkpoint, so its tables always agree with each other.

use spendlog_event_store::Event;
use uuid::Uuid;

use crate::{
    ProjectionError,
    forgotten::{forgotten, purge},
    ledger::Ledger,
    paperwork::Paperwork,
    writer::Writer,
};

/// A group of projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Users, books, accounts, categories, transactions, summary.
    Ledger,
    /// Documents and imports.
    Documents,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 2] = [Self::Ledger, Self::Documents];

    /// Its name: of its checkpoint, its metrics, and what an operator calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Documents => "documents",
        }
    }

    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The kinds of streams whose events it is made of.
    pub(crate) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Ledger => &["user", "book", "account", "category", "transaction"],
            Self::Documents => &["book", "document", "import"],
        }
    }

    /// Its tables.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Ledger => &[
                "users",
                "books",
                "accounts",
                "categories",
                "transactions",
                "postings",
                "summary",
                "summary_versions",
            ],
            Self::Documents => &["documents", "imports"],
        }
    }

    /// Which of two advisory locks its runner holds; unique among the locks of this database.
    pub(crate) fn lock(self) -> i64 {
        match self {
            Self::Ledger => 7_021_883_046_113_904_101,
            Self::Documents => 7_021_883_046_113_904_102,
        }
    }

    /// Which advisory lock whoever makes its tables beside the live ones holds.
    pub(crate) fn lock_beside(self) -> i64 {
        self.lock() + 100
    }

    /// Which advisory lock its workers share.
    pub(crate) fn lock_copying(self) -> i64 {
        self.lock() + 200
    }

    /// Reads the rows that these events are about and applies the events to them, in memory. `fresh`: the tables were
    /// empty before the first event of the journal was applied, so what a stream begins with can't be there.
    pub(crate) async fn fold(self, writer: &Writer, events: &[Event], fresh: bool) -> Result<Changes, ProjectionError> {
        let forgotten = forgotten(events);
        // Nothing comes after a forgetting, so what came before it in the same batch can be left out as well.
        let others: Vec<Event>;
        let events = if forgotten.is_empty() {
            events
        } else {
            let others_of = events.iter().filter(|event| !forgotten.contains(&event.owner));
            others = others_of.cloned().collect();
            &others
        };
        let rows = match self {
            Self::Ledger => Rows::Ledger(Box::new(Ledger::fold(writer, events, fresh).await?)),
            Self::Documents => Rows::Documents(Box::new(Paperwork::fold(writer, events).await?)),
        };
        Ok(Changes {
            group: self,
            forgotten,
            rows,
        })
    }
}

/// What a batch of events changes.
#[derive(Debug)]
pub(crate) struct Changes {
    group: Group,
    /// Owners whose rows go.
    forgotten: Vec<Uuid>,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Ledger(Box<Ledger>),
    Documents(Box<Paperwork>),
}

impl Changes {
    /// Writes them.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        purge(writer, self.group, &self.forgotten).await?;
        match &self.rows {
            // Boxed: its statements would make every caller's future large.
            Rows::Ledger(ledger) => Box::pin(ledger.write(writer)).await,
            Rows::Documents(paperwork) => paperwork.write(writer).await,
        }
    }
}
