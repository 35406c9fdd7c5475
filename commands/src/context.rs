//! Who sends a command, and why.

use std::fmt;

use spendlog_domain::{books::Book, values::UserId};
use spendlog_event_store::Origin;
use uuid::Uuid;

/// Who sends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person: only their own books are there for them.
    User(UserId),
    /// A processor, by its name: `documents`.
    Processor(&'static str),
    /// Whoever runs the system, at its command line.
    Operator,
}

impl Actor {
    /// Whether they may work in this book.
    pub(crate) fn may_work_in(self, book: &Book) -> bool {
        match self {
            Self::User(user) => book.user() == Some(user),
            Self::Processor(_) | Self::Operator => true,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{user}"),
            Self::Processor(name) => write!(f, "processor:{name}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// What stands around a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who sends it.
    pub actor: Actor,
    /// What it is known by for ever: the same id is never done twice.
    pub command_id: Uuid,
    /// What belongs together, from the first request on.
    pub correlation: Uuid,
    /// Position of the event that it is a reaction to.
    pub causation: Option<i64>,
    /// Keyed fingerprint of the request, where the caller gave a key under which it may come again.
    pub request: Option<String>,
    /// The version that the caller has seen and wants to change.
    pub if_match: Option<i64>,
    /// Whether the id is made of something that may come again, and not new.
    pub repeatable: bool,
}

impl Context {
    /// A person's command that can't come again.
    pub fn of_user(user: UserId) -> Self {
        let command_id = Uuid::now_v7();
        Self {
            actor: Actor::User(user),
            command_id,
            correlation: command_id,
            causation: None,
            request: None,
            if_match: None,
            repeatable: false,
        }
    }

    /// A processor's command: its id is made of its cause, so that the same reaction is never done twice.
    pub fn of_processor(name: &'static str, command_id: Uuid, correlation: Uuid, causation: i64) -> Self {
        Self {
            actor: Actor::Processor(name),
            command_id,
            correlation,
            causation: Some(causation),
            request: None,
            if_match: None,
            repeatable: true,
        }
    }

    /// A command of whoever runs the system.
    pub fn of_operator() -> Self {
        Self {
            actor: Actor::Operator,
            ..Self::of_user(UserId::new(Uuid::nil()))
        }
    }

    /// How the journal is told of it.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            actor: self.actor.to_string(),
            correlation: self.correlation,
            causation: self.causation,
            request: self.request.clone(),
        }
    }
}
