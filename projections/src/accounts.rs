//! Accounts with their balances, as they are and as they were at any position.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use spendlog_domain::{
    accounts::{AccountEvent, AccountKind},
    values::{AccountId, BookId, Currency, Money, Text},
};
use spendlog_event_store::Event;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    At, ProjectionError, Reader,
    past::Past,
    rows::{Cell, Kind, Rows, Table},
    versions::Versions,
    words::{from_word, word},
    writer::{Closed, Writer},
};

/// An account at some position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its book.
    pub book: BookId,
    /// Where it was opened: lists are in this order.
    pub opened_position: i64,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// The last event of its own stream.
    pub event_position: i64,
    /// The version of its stream.
    pub version: i64,
    /// When its stream last changed.
    pub changed_at: DateTime<Utc>,
    /// What it is.
    pub kind: AccountKind,
    /// The currency that it is kept in.
    pub currency: Currency,
    /// What it is called.
    pub name: Text,
    /// The bank's number for it.
    pub number: Option<Text>,
    /// Whether it was closed.
    pub closed: bool,
    /// What is in it, in minor units of its currency.
    pub balance_minor: i64,
}

impl Account {
    /// What is in it.
    pub fn balance(&self) -> Money {
        Money {
            minor: self.balance_minor,
            currency: self.currency,
        }
    }
}

const COLUMNS: &str = "id, book_id, opened_position, opened_at, event_position, version, changed_at, kind, currency, name, \
                       number, forgotten, closed, balance_minor, from_position";

const TABLE: Table = Table {
    name: "accounts",
    columns: &[
        ("id", Kind::Id),
        ("from_position", Kind::Long),
        ("to_position", Kind::Long),
        ("book_id", Kind::Id),
        ("opened_position", Kind::Long),
        ("opened_at", Kind::Time),
        ("event_position", Kind::Long),
        ("version", Kind::Long),
        ("changed_at", Kind::Time),
        ("kind", Kind::Text),
        ("currency", Kind::Text),
        ("name", Kind::Text),
        ("number", Kind::Text),
        ("forgotten", Kind::Flag),
        ("closed", Kind::Flag),
        ("balance_minor", Kind::Long),
    ],
    on_conflict: "",
};

const PAST: Past = Past {
    table: TABLE.name,
    columns: COLUMNS,
};

/// An account of one of these books, as it is or was.
pub async fn one(reader: &Reader, books: &[Uuid], id: AccountId, at: At) -> Result<Option<Account>, ProjectionError> {
    let row = PAST.one(reader, books, id.uuid(), at).await?;
    row.map(|row| read(&row).map(|(_, account)| account)).transpose()
}

/// The accounts of a book that were opened after this position, in the order of their opening.
pub async fn list(
    reader: &Reader,
    book: BookId,
    at: At,
    after: i64,
    limit: i64,
) -> Result<Vec<Account>, ProjectionError> {
    let rows = PAST
        .list(reader, "opened_position", book.uuid(), at, after, limit)
        .await?;
    rows.iter().map(|row| read(row).map(|(_, account)| account)).collect()
}

fn read(row: &Row) -> Result<(i64, Account), ProjectionError> {
    let damaged = || ProjectionError::Row { table: "accounts" };
    let (kind, currency): (&str, &str) = (row.try_get(7)?, row.try_get(8)?);
    let (name, number): (Option<String>, Option<String>) = (row.try_get(9)?, row.try_get(10)?);
    let forgotten: bool = row.try_get(11)?;
    let account = Account {
        id: AccountId::new(row.try_get(0)?),
        book: BookId::new(row.try_get(1)?),
        opened_position: row.try_get(2)?,
        opened_at: row.try_get(3)?,
        event_position: row.try_get(4)?,
        version: row.try_get(5)?,
        changed_at: row.try_get(6)?,
        kind: from_word(kind).ok_or_else(damaged)?,
        currency: currency.parse().map_err(|_| damaged())?,
        name: name.map_or(Text::Forgotten, Text::Clear),
        number: number.map(Text::Clear).or(forgotten.then_some(Text::Forgotten)),
        closed: row.try_get(12)?,
        balance_minor: row.try_get(13)?,
    };
    Ok((row.try_get(14)?, account))
}

/// What happens to an account in a batch.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    Event(&'a Event, AccountEvent),
    Balance(i64, i64),
}

/// The accounts that a batch touches.
#[derive(Debug, Default)]
pub(crate) struct Accounts(BTreeMap<Uuid, Versions<Account>>);

impl Accounts {
    /// Reads the accounts and applies the changes, which stand in the order of their positions.
    pub(crate) async fn fold(writer: &Writer, changes: Vec<(Uuid, Change<'_>)>) -> Result<Self, ProjectionError> {
        let ids: Vec<Uuid> = changes
            .iter()
            .map(|(id, _)| *id)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut accounts = Self::default();
        for row in &writer.newest("accounts", COLUMNS, &ids).await? {
            let (from, account) = read(row)?;
            accounts.0.insert(account.id.uuid(), Versions::stored(from, account));
        }
        for (id, change) in changes {
            let versions = accounts.0.entry(id).or_default();
            if let Some((position, account)) = apply(versions.live(), change) {
                versions.set(position, account);
            }
        }
        Ok(accounts)
    }

    /// Writes what the batch changed.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let (mut added, mut closed) = (Rows::new(&TABLE), Closed::default());
        for (id, versions) in &self.0 {
            if let Some(range) = versions.closed() {
                closed.push(*id, range);
            }
            for (from, to, account) in versions.added() {
                added.push(cells(from, to, account));
            }
        }
        tokio::try_join!(writer.close("accounts", &closed), writer.add(added))?;
        Ok(())
    }
}

fn apply(current: Option<&Account>, change: Change<'_>) -> Option<(i64, Account)> {
    match (current, change) {
        (
            None,
            Change::Event(
                event,
                AccountEvent::Opened {
                    account,
                    book,
                    name,
                    kind,
                    currency,
                    number,
                },
            ),
        ) => {
            let opened = Account {
                id: account,
                book,
                opened_position: event.position,
                opened_at: event.recorded_at,
                event_position: event.position,
                version: event.sequence,
                changed_at: event.recorded_at,
                kind,
                currency,
                name,
                number,
                closed: false,
                balance_minor: 0,
            };
            Some((event.position, opened))
        }
        (Some(current), Change::Event(event, content)) if current.event_position < event.position => {
            let mut next = current.clone();
            match content {
                AccountEvent::Opened { .. } => {}
                AccountEvent::Renamed { from: _, to } => next.name = to,
                AccountEvent::Closed {} => next.closed = true,
            }
            next.event_position = event.position;
            next.version = event.sequence;
            next.changed_at = event.recorded_at;
            Some((event.position, next))
        }
        (Some(current), Change::Balance(position, delta)) => {
            let balance_minor = current.balance_minor.wrapping_add(delta);
            Some((
                position,
                Account {
                    balance_minor,
                    ..current.clone()
                },
            ))
        }
        _ => None,
    }
}

fn cells(from: i64, to: i64, account: &Account) -> [Cell; 16] {
    let number = account.number.as_ref();
    let forgotten = account.name == Text::Forgotten || number == Some(&Text::Forgotten);
    [
        account.id.uuid().into(),
        from.into(),
        to.into(),
        account.book.uuid().into(),
        account.opened_position.into(),
        account.opened_at.into(),
        account.event_position.into(),
        account.version.into(),
        account.changed_at.into(),
        word(account.kind).into(),
        account.currency.code().into(),
        account.name.to_clear().into(),
        number.and_then(Text::to_clear).into(),
        forgotten.into(),
        account.closed.into(),
        account.balance_minor.into(),
    ]
}
