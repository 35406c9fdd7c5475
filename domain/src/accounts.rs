//! Accounts: where a book's money is, or what it owes.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Account;
pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{AccountEvent, AccountKind};
