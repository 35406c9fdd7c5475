//! What requests say, as values of the domain.

use spendlog_domain::values::{Currency, Decimal, Money, Text};
use spendlog_web::{Code, Problem};

/// A value of the request's body, by its text.
pub(crate) fn value<T: std::str::FromStr>(pointer: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| Problem::field(pointer, error.to_string()))
}

/// As [`value`], where it may be absent.
pub(crate) fn optional<T: std::str::FromStr>(pointer: &str, text: Option<&str>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| value(pointer, text)).transpose()
}

/// The id of something that the body names. What is no id names nothing.
pub(crate) fn id<I: std::str::FromStr>(pointer: &str, text: &str) -> Result<I, Problem> {
    text.parse().map_err(|_| named(pointer)(Code::NotFound.into()))
}

/// Personal text, which may be absent.
pub(crate) fn text(text: Option<String>) -> Option<Text> {
    text.map(Text::from)
}

/// An amount of this currency.
pub(crate) fn money(pointer: &str, amount: Decimal, currency: Currency) -> Result<Money, Problem> {
    amount
        .money(currency)
        .map_err(|error| Problem::field(pointer, error.to_string()))
}

/// Something that a field of the body names was not found, or can't be used: says which field.
pub(crate) fn named(pointer: impl Into<String>) -> impl FnOnce(Problem) -> Problem {
    move |problem| match problem.code {
        Code::NotFound => problem.and_field(pointer, "there is no such thing"),
        Code::AccountClosed => problem.and_field(pointer, "account is closed"),
        Code::CategoryMerged => problem.and_field(pointer, "category is merged into another one"),
        _ => problem,
    }
}

/// Neither the body nor the document says which account is meant.
pub(crate) fn unknown_account() -> Problem {
    Problem::from(Code::AccountUnknown).and_field("/account", "name the account")
}
