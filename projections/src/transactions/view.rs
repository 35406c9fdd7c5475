//! A transaction as a reader sees it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spendlog_domain::{
    transactions::{Origin, Posting, Target, VoidCause},
    values::{
        AccountId, BookId, CategoryId, Currency, Date, DocumentId, ImportId, Money, PostingId, Text, TransactionId,
    },
};

use crate::ProjectionError;

/// A transaction at some position. Its JSON is the answer of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// Its book.
    pub book: BookId,
    /// The day it happened.
    pub booked_on: Date,
    /// Whom the money went to or came from.
    pub merchant: Option<Text>,
    /// What somebody wrote to it.
    pub note: Option<Text>,
    /// Its postings; categories are those that hold after merges.
    pub postings: Vec<Posting>,
    /// What it was recorded from.
    pub origin: Origin,
    /// Why it counts no longer, where it does not.
    pub voided: Option<VoidCause>,
    /// The version of its stream.
    pub version: i64,
    /// The position of the event that made it what it is.
    pub position: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

impl Transaction {
    /// The simple view: the amount on the first account, and that account.
    pub fn simple(&self) -> Option<(AccountId, Money)> {
        self.postings.iter().find_map(|posting| match posting.target {
            Target::Account(account) => Some((account, posting.money)),
            Target::Category(_) => None,
        })
    }

    /// The category, where it has exactly one.
    pub fn category(&self) -> Option<CategoryId> {
        let mut categories = self.postings.iter().filter_map(|posting| match posting.target {
            Target::Category(category) => Some(category),
            Target::Account(_) => None,
        });
        let first = categories.next()?;
        categories.all(|other| other == first).then_some(first)
    }

    /// Its JSON.
    pub(crate) fn body(&self) -> String {
        // Ids, numbers and strings: nothing in it can't be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`body`](Self::body).
    pub(crate) fn parse(body: &str) -> Result<Self, ProjectionError> {
        serde_json::from_str(body).map_err(|_| ProjectionError::Row { table: "transactions" })
    }
}

/// An amount in ten-thousandths of its currency's unit, so that amounts of all currencies compare as numbers. Beyond the
/// range it stays at its end.
pub fn scaled(money: Money) -> i64 {
    let factor = 10_i64.pow(4_u32.saturating_sub(u32::from(money.currency.digits())));
    money.minor.saturating_mul(factor)
}

#[derive(Clone, Serialize, Deserialize)]
struct Wire {
    id: TransactionId,
    book: BookId,
    booked_on: Date,
    amount: Option<String>,
    currency: Option<Currency>,
    account: Option<AccountId>,
    category: Option<CategoryId>,
    merchant: Option<String>,
    note: Option<String>,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voided: Option<VoidWire>,
    postings: Vec<PostingWire>,
    origin: OriginWire,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forgotten: Vec<Forgotten>,
    version: i64,
    position: i64,
    recorded_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Forgotten {
    Merchant,
    Note,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Recorded,
    Voided,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
enum VoidWire {
    Person,
    ImportReverted { import: ImportId },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OriginWire {
    Manual,
    Document {
        document: DocumentId,
    },
    Import {
        import: ImportId,
        document: DocumentId,
        line: u32,
    },
}

#[derive(Clone, Serialize, Deserialize)]
struct PostingWire {
    id: PostingId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<CategoryId>,
    amount: String,
    currency: Currency,
}

impl From<Transaction> for Wire {
    fn from(from: Transaction) -> Self {
        let simple = from.simple();
        let marks = [(&from.merchant, Forgotten::Merchant), (&from.note, Forgotten::Note)];
        let forgotten = marks
            .into_iter()
            .filter(|(text, _)| **text == Some(Text::Forgotten))
            .map(|(_, mark)| mark);
        Self {
            id: from.id,
            book: from.book,
            booked_on: from.booked_on,
            amount: simple.map(|(_, money)| money.decimal().to_string()),
            currency: simple.map(|(_, money)| money.currency),
            account: simple.map(|(account, _)| account),
            category: from.category(),
            merchant: from.merchant.as_ref().and_then(Text::to_clear),
            note: from.note.as_ref().and_then(Text::to_clear),
            status: if from.voided.is_some() {
                Status::Voided
            } else {
                Status::Recorded
            },
            voided: from.voided.map(|cause| match cause {
                VoidCause::Person {} => VoidWire::Person,
                VoidCause::ImportReverted { import } => VoidWire::ImportReverted { import },
            }),
            postings: from.postings.iter().map(PostingWire::from).collect(),
            origin: match from.origin {
                Origin::Manual {} => OriginWire::Manual,
                Origin::Document { document } => OriginWire::Document { document },
                Origin::Import { import, document, line } => OriginWire::Import { import, document, line },
            },
            forgotten: forgotten.collect(),
            version: from.version,
            position: from.position,
            recorded_at: from.recorded_at,
            changed_at: from.changed_at,
        }
    }
}

impl From<&Posting> for PostingWire {
    fn from(posting: &Posting) -> Self {
        let (account, category) = match posting.target {
            Target::Account(account) => (Some(account), None),
            Target::Category(category) => (None, Some(category)),
        };
        let Posting { id, target: _, money } = *posting;
        Self {
            id,
            account,
            category,
            amount: money.decimal().to_string(),
            currency: money.currency,
        }
    }
}

impl TryFrom<Wire> for Transaction {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, &'static str> {
        let text = |clear: Option<String>, mark| {
            if wire.forgotten.contains(&mark) {
                Some(Text::Forgotten)
            } else {
                clear.map(Text::Clear)
            }
        };
        Ok(Self {
            id: wire.id,
            book: wire.book,
            booked_on: wire.booked_on,
            merchant: text(wire.merchant, Forgotten::Merchant),
            note: text(wire.note, Forgotten::Note),
            postings: wire
                .postings
                .into_iter()
                .map(Posting::try_from)
                .collect::<Result<_, _>>()?,
            origin: match wire.origin {
                OriginWire::Manual => Origin::Manual {},
                OriginWire::Document { document } => Origin::Document { document },
                OriginWire::Import { import, document, line } => Origin::Import { import, document, line },
            },
            voided: wire.voided.map(|cause| match cause {
                VoidWire::Person => VoidCause::Person {},
                VoidWire::ImportReverted { import } => VoidCause::ImportReverted { import },
            }),
            version: wire.version,
            position: wire.position,
            recorded_at: wire.recorded_at,
            changed_at: wire.changed_at,
        })
    }
}

impl TryFrom<PostingWire> for Posting {
    type Error = &'static str;

    fn try_from(wire: PostingWire) -> Result<Self, &'static str> {
        let target = match (wire.account, wire.category) {
            (Some(account), None) => Target::Account(account),
            (None, Some(category)) => Target::Category(category),
            _ => return Err("a posting names an account or a category"),
        };
        let money = Money::parse(&wire.amount, wire.currency).map_err(|_| "not an amount of the currency")?;
        Ok(Self {
            id: wire.id,
            target,
            money,
        })
    }
}
