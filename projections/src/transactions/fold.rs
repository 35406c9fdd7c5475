//! Events to transactions, and transactions to rows.

use spendlog_domain::{
    transactions::{Origin, Posting, Target, TransactionEvent},
    values::{CategoryId, Date, Text},
};
use spendlog_event_store::Event;
use uuid::Uuid;

use super::{Transaction, scaled};
use crate::rows::{Cell, Kind, Table};

/// The table of transactions.
pub(crate) const TRANSACTIONS: Table = Table {
    name: "transactions",
    columns: &[
        ("id", Kind::Id),
        ("from_position", Kind::Long),
        ("to_position", Kind::Long),
        ("book_id", Kind::Id),
        ("booked_on", Kind::Day),
        ("amount_scaled", Kind::Long),
        ("voided", Kind::Flag),
        ("targets", Kind::Ids),
        ("document_id", Kind::Id),
        ("search", Kind::Text),
        ("version", Kind::Long),
        ("body", Kind::Text),
    ],
    on_conflict: "",
};

/// The table of postings.
pub(crate) const POSTINGS: Table = Table {
    name: "postings",
    columns: &[
        ("transaction_id", Kind::Id),
        ("number", Kind::Int),
        ("from_position", Kind::Long),
        ("to_position", Kind::Long),
        ("target_id", Kind::Id),
        ("is_account", Kind::Flag),
        ("lead", Kind::Flag),
        ("amount_minor", Kind::Long),
        ("currency", Kind::Text),
        ("booked_on", Kind::Day),
        ("voided", Kind::Flag),
    ],
    on_conflict: "",
};

/// What becomes of a transaction by an event; nothing where the event was applied before, or says nothing about it.
pub(crate) fn apply(
    current: Option<&Transaction>,
    event: &Event,
    content: TransactionEvent,
    resolve: impl Fn(CategoryId) -> CategoryId,
) -> Option<Transaction> {
    let mut next = match (current, content) {
        (
            None,
            TransactionEvent::Recorded {
                transaction,
                book,
                booked_on,
                merchant,
                note,
                mut postings,
                origin,
            },
        ) => {
            for posting in &mut postings {
                resolve_posting(posting, &resolve);
            }
            return Some(Transaction {
                id: transaction,
                book,
                booked_on,
                merchant,
                note,
                postings,
                origin,
                voided: None,
                version: event.sequence,
                position: event.position,
                recorded_at: event.recorded_at,
                changed_at: event.recorded_at,
            });
        }
        (Some(current), content) if current.position < event.position => {
            let mut next = current.clone();
            change(&mut next, content, &resolve);
            next
        }
        _ => return None,
    };
    next.version = event.sequence;
    next.position = event.position;
    next.changed_at = event.recorded_at;
    Some(next)
}

fn change(next: &mut Transaction, content: TransactionEvent, resolve: &impl Fn(CategoryId) -> CategoryId) {
    match content {
        // A stream begins once.
        TransactionEvent::Recorded { .. } => {}
        TransactionEvent::AmountCorrected { changes } => {
            for change in changes {
                for posting in next.postings.iter_mut().filter(|posting| posting.id == change.posting) {
                    posting.money.minor = change.to_minor;
                }
            }
        }
        TransactionEvent::DateCorrected { from: _, to } => next.booked_on = to,
        TransactionEvent::MerchantCorrected { from: _, to } => next.merchant = to,
        TransactionEvent::Categorised { posting, from: _, to } => {
            for named in next.postings.iter_mut().filter(|named| named.id == posting) {
                named.target = Target::Category(resolve(to));
            }
        }
        TransactionEvent::Noted { from: _, to } => next.note = to,
        TransactionEvent::Voided { cause } => next.voided = Some(cause),
        TransactionEvent::Restored { import: _ } => next.voided = None,
    }
}

fn resolve_posting(posting: &mut Posting, resolve: &impl Fn(CategoryId) -> CategoryId) {
    if let Target::Category(category) = posting.target {
        posting.target = Target::Category(resolve(category));
    }
}

/// What becomes of a transaction when a category is merged into another; nothing where it has no posting there.
pub(crate) fn merge(current: &Transaction, event: &Event, from: CategoryId, to: CategoryId) -> Option<Transaction> {
    let concerned = current
        .postings
        .iter()
        .any(|posting| posting.target == Target::Category(from));
    (concerned && current.position < event.position).then(|| {
        let mut next = current.clone();
        for posting in &mut next.postings {
            resolve_posting(posting, &|category| if category == from { to } else { category });
        }
        // The stream did not change, so neither does the version.
        next.position = event.position;
        next.changed_at = event.recorded_at;
        next
    })
}

/// A posting as its table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostingRow {
    pub(crate) target: Uuid,
    pub(crate) account: bool,
    pub(crate) lead: bool,
    pub(crate) minor: i64,
    pub(crate) currency: &'static str,
    pub(crate) booked_on: Date,
    pub(crate) voided: bool,
}

/// The postings of a transaction as rows.
pub(crate) fn posting_rows(transaction: &Transaction) -> Vec<PostingRow> {
    let mut rows = Vec::<PostingRow>::with_capacity(transaction.postings.len());
    for posting in &transaction.postings {
        let (target, account) = target(posting);
        let lead = !rows.iter().any(|before| before.target == target);
        rows.push(PostingRow {
            target,
            account,
            lead,
            minor: posting.money.minor,
            currency: posting.money.currency.code(),
            booked_on: transaction.booked_on,
            voided: transaction.voided.is_some(),
        });
    }
    rows
}

fn target(posting: &Posting) -> (Uuid, bool) {
    match posting.target {
        Target::Account(account) => (account.uuid(), true),
        Target::Category(category) => (category.uuid(), false),
    }
}

/// A row of [`TRANSACTIONS`].
pub(crate) fn transaction_cells(from: i64, to: i64, transaction: &Transaction) -> [Cell; 12] {
    let mut targets: Vec<Uuid> = transaction.postings.iter().map(|posting| target(posting).0).collect();
    targets.sort_unstable();
    targets.dedup();
    let document = match transaction.origin {
        Origin::Manual {} => None,
        Origin::Document { document } | Origin::Import { document, .. } => Some(document.uuid()),
    };
    [
        transaction.id.uuid().into(),
        from.into(),
        to.into(),
        transaction.book.uuid().into(),
        transaction.booked_on.into(),
        transaction.simple().map_or(0, |(_, money)| scaled(money)).into(),
        transaction.voided.is_some().into(),
        targets.into(),
        document.into(),
        search(transaction).into(),
        transaction.version.into(),
        transaction.body().into(),
    ]
}

/// A row of [`POSTINGS`].
pub(crate) fn posting_cells(transaction: Uuid, number: i64, from: i64, to: i64, row: &PostingRow) -> [Cell; 11] {
    [
        transaction.into(),
        number.into(),
        from.into(),
        to.into(),
        row.target.into(),
        row.account.into(),
        row.lead.into(),
        row.minor.into(),
        row.currency.into(),
        row.booked_on.into(),
        row.voided.into(),
    ]
}

/// What text filters look into. The line break keeps a search from matching across both.
fn search(transaction: &Transaction) -> String {
    let texts = [&transaction.merchant, &transaction.note];
    let clear: Vec<_> = texts
        .into_iter()
        .filter_map(|text| text.as_ref().and_then(Text::clear))
        .collect();
    clear.join("\n").to_lowercase()
}
