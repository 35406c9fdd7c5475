//! Values that are parsed once and valid for ever after.

mod currency;
mod decimal;
mod file;
mod ids;
mod money;
mod text;

pub use currency::{Currency, UnknownCurrency};
pub use decimal::{Decimal, InvalidDecimal};
pub use file::FileRef;
pub use ids::{
    AccountId, BookId, CategoryId, DocumentId, ImportId, InvalidId, PostingId, SessionId, TransactionId, UserId,
};
pub use money::{InvalidAmount, Money};
pub use text::Text;

/// A calendar day, as printed on a receipt or booked by a bank: no time, no zone.
pub type Date = chrono::NaiveDate;
