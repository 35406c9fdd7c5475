//! Transactions as they are, and as they were at any position; their postings; lists with filters.

mod fold;
mod list;
mod queries;
mod view;

pub(crate) use fold::{
    POSTINGS, PostingRow, TRANSACTIONS, apply, merge, posting_cells, posting_rows, transaction_cells,
};
pub use list::{Cursor, Filter, Order, Page, Sort, list};
pub(crate) use queries::{in_categories, load};
pub use queries::{of_document, one, versions};
pub use view::{Transaction, scaled};
