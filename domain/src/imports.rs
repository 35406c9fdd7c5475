//! Imports: bank statements read from documents, whose lines become transactions when accepted.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Import, ImportStatus};
pub use command::ImportCommand;
pub use error::ImportError;
pub use event::ImportEvent;
