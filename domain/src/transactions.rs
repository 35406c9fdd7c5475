//! Transactions: lists of postings that sum to zero in each currency.

mod aggregate;
mod command;
mod error;
mod event;
mod posting;
#[cfg(test)]
mod tests;

pub use aggregate::Transaction;
pub use command::TransactionCommand;
pub use error::TransactionError;
pub use event::{AmountChange, TransactionEvent, VoidCause};
pub use posting::{Origin, Posting, Target};
