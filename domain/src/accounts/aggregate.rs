//! An account as its events tell, and what may happen next.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{AccountCommand, AccountError, AccountEvent, AccountKind};
use crate::values::{AccountId, BookId, Currency, Text};

/// Where a book's money is, or what it owes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    id: Option<AccountId>,
    book: Option<BookId>,
    name: Option<Text>,
    kind: Option<AccountKind>,
    currency: Option<Currency>,
    number: Option<Text>,
    closed: bool,
}

impl Account {
    /// The id; none before it was opened.
    pub fn id(&self) -> Option<AccountId> {
        self.id
    }

    /// The book that it belongs to.
    pub fn book(&self) -> Option<BookId> {
        self.book
    }

    /// What it is called.
    pub fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// What it is.
    pub fn kind(&self) -> Option<AccountKind> {
        self.kind
    }

    /// The one currency that it is kept in.
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// The bank's number for it.
    pub fn number(&self) -> Option<&Text> {
        self.number.as_ref()
    }

    /// Whether it was opened and is not closed: only then something can be recorded in it.
    pub fn is_open(&self) -> bool {
        self.id.is_some() && !self.closed
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What happens on this command.
    pub fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        let event = match (command, &self.name) {
            (_, Some(_)) if self.closed => return Err(AccountError::Closed),
            (AccountCommand::Open { .. }, Some(_)) => return Err(AccountError::AlreadyOpened),
            (
                AccountCommand::Open {
                    account,
                    book,
                    name,
                    kind,
                    currency,
                    number,
                },
                None,
            ) => {
                check_name(&name)?;
                if number.as_ref().is_some_and(|number| !number.is_line(64)) {
                    return Err(AccountError::InvalidNumber);
                }
                Some(AccountEvent::Opened {
                    account,
                    book,
                    name,
                    kind,
                    currency,
                    number,
                })
            }
            (_, None) => return Err(AccountError::NotOpened),
            (AccountCommand::Rename { name }, Some(from)) => {
                check_name(&name)?;
                (name != *from).then(|| AccountEvent::Renamed {
                    from: from.clone(),
                    to: name,
                })
            }
            (AccountCommand::Close, Some(_)) => Some(AccountEvent::Closed {}),
        };
        Ok(event.into_iter().collect())
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;
    type Services = ();

    async fn handle(&mut self, command: AccountCommand, _: &(), sink: &EventSink<Self>) -> Result<(), AccountError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened {
                account,
                book,
                name,
                kind,
                currency,
                number,
            } => {
                self.id = Some(account);
                self.book = Some(book);
                self.name = Some(name);
                self.kind = Some(kind);
                self.currency = Some(currency);
                self.number = number;
            }
            AccountEvent::Renamed { from: _, to } => self.name = Some(to),
            AccountEvent::Closed {} => self.closed = true,
        }
    }
}

fn check_name(name: &Text) -> Result<(), AccountError> {
    if name.is_line(Text::NAME_CHARS_MAX) {
        Ok(())
    } else {
        Err(AccountError::InvalidName)
    }
}
