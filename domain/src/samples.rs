//! What the tests of all features speak of: the same few ids, amounts and days, and how a decision is checked.

use cqrs_es::{Aggregate, test::TestFramework};
use uuid::Uuid;

use crate::values::{
    AccountId, BookId, CategoryId, Currency, Date, DocumentId, FileRef, ImportId, Money, PostingId, SessionId, Text,
    TransactionId, UserId,
};

pub(crate) const USER: UserId = UserId::new(Uuid::from_u128(1));
pub(crate) const BOOK: BookId = BookId::new(Uuid::from_u128(2));
pub(crate) const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(3));
pub(crate) const CATEGORY: CategoryId = CategoryId::new(Uuid::from_u128(4));
pub(crate) const TRANSACTION: TransactionId = TransactionId::new(Uuid::from_u128(5));
pub(crate) const DOCUMENT: DocumentId = DocumentId::new(Uuid::from_u128(6));
pub(crate) const IMPORT: ImportId = ImportId::new(Uuid::from_u128(7));
pub(crate) const SESSION: SessionId = SessionId::new(Uuid::from_u128(8));

pub(crate) fn account(n: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(n))
}

pub(crate) fn category(n: u128) -> CategoryId {
    CategoryId::new(Uuid::from_u128(n))
}

pub(crate) fn posting_id(n: u128) -> PostingId {
    PostingId::new(Uuid::from_u128(n))
}

pub(crate) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub(crate) fn eur(minor: i64) -> Money {
    Money {
        minor,
        currency: currency("EUR"),
    }
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn text(chars: usize) -> Text {
    Text::Clear("ä".repeat(chars))
}

pub(crate) fn file(digit: char) -> FileRef {
    FileRef {
        object: digit.to_string().repeat(64),
        bytes: 100,
    }
}

pub(crate) fn bad_file() -> FileRef {
    FileRef {
        object: "receipt from the bakery".to_owned(),
        bytes: 100,
    }
}

/// Given these events, when this command comes, then these events follow, or this error.
pub(crate) fn check<A>(given: &[A::Event], when: A::Command, then: Result<Vec<A::Event>, A::Error>)
where
    A: Aggregate<Services = ()>,
    A::Error: PartialEq,
{
    let result = TestFramework::<A>::with(()).given(given.to_vec()).when(when);
    match then {
        Ok(events) => result.then_expect_events(events),
        Err(error) => result.then_expect_error(error),
    }
}

/// The state that these events make.
pub(crate) fn replay<A: Aggregate>(events: &[A::Event]) -> A {
    events.iter().cloned().fold(A::default(), |mut aggregate, event| {
        aggregate.apply(event);
        aggregate
    })
}
