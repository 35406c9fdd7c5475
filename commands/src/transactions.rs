//! Transactions: record (one or many), correct, void, restore.

mod correct;
pub(crate) mod http;
mod record;

pub use correct::{Change, ChangeTransaction, Correction, PostingCorrection};
pub(crate) use record::simple_postings;
pub use record::{Draft, RecordTransactions, Shape};
