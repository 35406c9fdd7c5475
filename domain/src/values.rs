//! Values that are parsed once and valid for ever after.

mod currency;
mod decimal;
mod file;
mod ids;
mod money;
#[cfg(test)]
mod tests;
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

/// Whether something can have happened on this day: years 1900 to 9999, which every format can write with four digits.
pub fn is_bookable(day: Date) -> bool {
    (1900..=9999).contains(&chrono::Datelike::year(&day))
}

/// Whether this is a code: 1 to 64 of the letters, digits and `. _ - / + :`. Codes are stored in clear, so nothing
/// that people write is one.
pub fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/+:".contains(&b))
}
