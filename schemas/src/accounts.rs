//! Accounts of a book.

mod request;
mod response;

pub use request::*;
pub use response::*;
