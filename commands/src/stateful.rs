//! What the dispatch has to know of an aggregate: how it decides and refuses, and how its states are kept.

use cqrs_es::Aggregate;
use spendlog_domain::{
    accounts::Account,
    books::Book,
    categories::Category,
    documents::Document,
    imports::Import,
    transactions::Transaction,
    users::{EmailReservation, User},
};
use spendlog_web::Problem;

use crate::refusal;

/// An aggregate that the dispatch can work with.
pub trait Stateful: Aggregate + Clone + std::fmt::Debug + 'static {
    /// Whether its states are worth remembering.
    const REMEMBERED: bool;
    /// The form of its state, for snapshots of long streams: one more whenever the same events come to another state, or to one that
    /// is written in another way. A test holds it to `schemas/states`.
    const FORM: i32;

    /// What happens on a command.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The problem that a refusal is.
    fn refusal(error: &Self::Error) -> Problem;
}

macro_rules! stateful {
    ($($aggregate:ident form $form:literal remembered $remembered:literal by $refusal:ident;)*) => {$(
        impl Stateful for $aggregate {
            const REMEMBERED: bool = $remembered;
            const FORM: i32 = $form;

            fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error> {
                $aggregate::decide(self, command)
            }

            fn refusal(error: &Self::Error) -> Problem {
                refusal::$refusal(error)
            }
        }
    )*};
}

stateful! {
    User form 1 remembered true by user;
    EmailReservation form 1 remembered false by user;
    Book form 1 remembered true by book;
    Account form 1 remembered true by account;
    Category form 1 remembered true by category;
    Transaction form 1 remembered false by transaction;
    Document form 1 remembered true by document;
    Import form 1 remembered false by import;
}
