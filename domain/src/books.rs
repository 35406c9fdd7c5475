//! Books: sets of accounts with their transactions and documents, the unit of ownership.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Book;
pub use command::BookCommand;
pub use error::BookError;
pub use event::{BookEvent, ConfirmationPolicy};
