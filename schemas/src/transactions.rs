//! Transactions: the simple view of one amount and one category, and the whole one of postings.

mod request;
mod response;

pub use request::*;
pub use response::*;
