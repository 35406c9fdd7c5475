//! Categories: what money was spent on, or earned with.

mod aggregate;
mod command;
mod error;
mod event;
mod first_set;
#[cfg(test)]
mod tests;

pub use aggregate::Category;
pub use command::CategoryCommand;
pub use error::CategoryError;
pub use event::{CategoryEvent, CategoryKind};
pub use first_set::{FIRST_SET, FirstCategory};
