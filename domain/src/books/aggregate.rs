//! A book as its events tell, and what may happen next.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{BookCommand, BookError, BookEvent, ConfirmationPolicy};
use crate::values::{BookId, Text, UserId};

/// A set of accounts with its transactions and documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    id: Option<BookId>,
    user: Option<UserId>,
    name: Option<Text>,
    policy: ConfirmationPolicy,
    forgotten: bool,
}

impl Book {
    /// The id; none before it was opened.
    pub fn id(&self) -> Option<BookId> {
        self.id
    }

    /// The user who opened it and owns it.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// What it is called.
    pub fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// Who confirms documents.
    pub fn policy(&self) -> ConfirmationPolicy {
        self.policy
    }

    /// Whether it was forgotten.
    pub fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    /// What happens on this command.
    pub fn decide(&self, command: BookCommand) -> Result<Vec<BookEvent>, BookError> {
        let event = match (command, &self.name) {
            (BookCommand::Open { .. }, Some(_)) => return Err(BookError::AlreadyOpened),
            (
                BookCommand::Open {
                    book,
                    user,
                    name,
                    policy,
                },
                None,
            ) => {
                check_name(&name)?;
                Some(BookEvent::Opened {
                    book,
                    user,
                    name,
                    policy,
                })
            }
            (_, None) => return Err(BookError::NotOpened),
            (BookCommand::Forget, Some(_)) => (!self.forgotten).then_some(BookEvent::Forgotten {}),
            (_, Some(_)) if self.forgotten => return Err(BookError::Forgotten),
            (BookCommand::Rename { name }, Some(from)) => {
                check_name(&name)?;
                (name != *from).then(|| BookEvent::Renamed {
                    from: from.clone(),
                    to: name,
                })
            }
            (BookCommand::ChangePolicy { policy }, Some(_)) => {
                (policy != self.policy).then_some(BookEvent::PolicyChanged {
                    from: self.policy,
                    to: policy,
                })
            }
        };
        Ok(event.into_iter().collect())
    }
}

impl Aggregate for Book {
    const TYPE: &'static str = "book";
    type Command = BookCommand;
    type Event = BookEvent;
    type Error = BookError;
    type Services = ();

    async fn handle(&mut self, command: BookCommand, _: &(), sink: &EventSink<Self>) -> Result<(), BookError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: BookEvent) {
        match event {
            BookEvent::Opened {
                book,
                user,
                name,
                policy,
            } => {
                self.id = Some(book);
                self.user = Some(user);
                self.name = Some(name);
                self.policy = policy;
            }
            BookEvent::Renamed { from: _, to } => self.name = Some(to),
            BookEvent::PolicyChanged { from: _, to } => self.policy = to,
            BookEvent::Forgotten {} => {
                self.name = Some(Text::Forgotten);
                self.forgotten = true;
            }
        }
    }
}

fn check_name(name: &Text) -> Result<(), BookError> {
    if name.is_line(Text::NAME_CHARS_MAX) {
        Ok(())
    } else {
        Err(BookError::InvalidName)
    }
}
