//! Given events, when a command, then events or an error.

mod corrections;
mod laws;
mod voiding;

use super::{
    AmountChange, Origin, Posting, Target, Transaction, TransactionCommand, TransactionError, TransactionEvent,
    VoidCause,
};
use crate::{
    samples::{ACCOUNT, BOOK, CATEGORY, DOCUMENT, IMPORT, TRANSACTION, account, category, check, currency, day, eur},
    samples::{posting_id, replay, text},
    values::{ImportId, Money, Text},
};

const OTHER_IMPORT: ImportId = ImportId::new(uuid::Uuid::from_u128(77));
const BY_IMPORT: Origin = Origin::Import {
    import: IMPORT,
    document: DOCUMENT,
    line: 3,
};

fn posting(id: u128, target: Target, money: Money) -> Posting {
    Posting {
        id: posting_id(id),
        target,
        money,
    }
}

/// An expense of 12.50.
fn expense() -> Vec<Posting> {
    vec![
        posting(1, Target::Account(ACCOUNT), eur(-1250)),
        posting(2, Target::Category(CATEGORY), eur(1250)),
    ]
}

/// The same, split over two categories.
fn split() -> Vec<Posting> {
    vec![
        posting(1, Target::Category(CATEGORY), eur(1000)),
        posting(2, Target::Account(ACCOUNT), eur(-1250)),
        posting(3, Target::Category(category(40)), eur(250)),
    ]
}

/// From one account to another.
fn transfer() -> Vec<Posting> {
    vec![
        posting(1, Target::Account(ACCOUNT), eur(-1250)),
        posting(2, Target::Account(account(30)), eur(1250)),
    ]
}

fn record(postings: Vec<Posting>) -> TransactionCommand {
    TransactionCommand::Record {
        transaction: TRANSACTION,
        book: BOOK,
        booked_on: day("2026-10-03"),
        merchant: Some("Bakery".into()),
        note: None,
        postings,
        origin: Origin::Manual {},
    }
}

fn recorded_from(postings: Vec<Posting>, origin: Origin) -> TransactionEvent {
    TransactionEvent::Recorded {
        transaction: TRANSACTION,
        book: BOOK,
        booked_on: day("2026-10-03"),
        merchant: Some("Bakery".into()),
        note: None,
        postings,
        origin,
    }
}

fn recorded(postings: Vec<Posting>) -> TransactionEvent {
    recorded_from(postings, Origin::Manual {})
}

fn voided() -> TransactionEvent {
    TransactionEvent::Voided {
        cause: VoidCause::Person {},
    }
}

fn reverted(import: ImportId) -> TransactionEvent {
    TransactionEvent::Voided {
        cause: VoidCause::ImportReverted { import },
    }
}

fn change(posting: u128, from_minor: i64, to_minor: i64) -> AmountChange {
    AmountChange {
        posting: posting_id(posting),
        from_minor,
        to_minor,
    }
}

fn amounts(changes: &[AmountChange]) -> TransactionCommand {
    TransactionCommand::CorrectAmounts {
        changes: changes.to_vec(),
    }
}

fn amount(money: Money) -> TransactionCommand {
    TransactionCommand::CorrectAmount { money }
}

fn categorise(posting: Option<u128>) -> TransactionCommand {
    TransactionCommand::Categorise {
        posting: posting.map(posting_id),
        category: category(99),
    }
}

/// Every command but those that record, void or restore.
fn corrections() -> Vec<TransactionCommand> {
    vec![
        amount(eur(-1)),
        amounts(&[change(1, -1250, -1), change(2, 1250, 1)]),
        TransactionCommand::CorrectDate {
            booked_on: day("2026-10-04"),
        },
        TransactionCommand::CorrectMerchant { merchant: None },
        categorise(None),
        TransactionCommand::Note {
            note: Some("lunch".into()),
        },
    ]
}

fn refuse(given: &[TransactionEvent], when: TransactionCommand, error: TransactionError) {
    check::<Transaction>(given, when, Err(error));
}

#[test]
fn a_transaction_is_recorded_once() {
    for postings in [expense(), split(), transfer()] {
        check::<Transaction>(&[], record(postings.clone()), Ok(vec![recorded(postings)]));
    }
    refuse(
        &[recorded(expense())],
        record(expense()),
        TransactionError::AlreadyRecorded,
    );
    let transaction: Transaction = replay(&[recorded(expense())]);
    assert_eq!((transaction.id(), transaction.book()), (Some(TRANSACTION), Some(BOOK)));
    assert_eq!(
        (transaction.booked_on(), transaction.merchant()),
        (Some(day("2026-10-03")), Some(&"Bakery".into()))
    );
    assert_eq!(
        (transaction.note(), transaction.origin()),
        (None, Some(Origin::Manual {}))
    );
    assert_eq!(transaction.postings(), expense());
    assert_eq!(
        (
            transaction.is_voided(),
            transaction.void_cause(),
            transaction.brought_by()
        ),
        (false, None, None)
    );
}

#[test]
fn nothing_is_possible_before_it_is_recorded() {
    let mut commands = corrections();
    commands.extend([
        TransactionCommand::Void,
        TransactionCommand::Restore,
        TransactionCommand::RevertImport { import: IMPORT },
        TransactionCommand::RestoreByImport { import: IMPORT },
    ]);
    for command in commands {
        refuse(&[], command, TransactionError::NotRecorded);
    }
}

#[test]
fn it_has_2_to_200_postings() {
    refuse(&[], record(vec![]), TransactionError::TooFewPostings);
    refuse(&[], record(expense()[..1].to_vec()), TransactionError::TooFewPostings);
    let pair = |n: u128| {
        let account = posting(2 * n, Target::Account(ACCOUNT), eur(-1));
        [account, posting(2 * n + 1, Target::Category(CATEGORY), eur(1))]
    };
    let many = |pairs: u128| (0..pairs).flat_map(pair).collect::<Vec<_>>();
    check::<Transaction>(&[], record(many(100)), Ok(vec![recorded(many(100))]));
    refuse(&[], record(many(101)), TransactionError::TooManyPostings);
    refuse(
        &[recorded(expense())],
        amounts(&[change(1, 0, 0); 201]),
        TransactionError::TooManyPostings,
    );
}

#[test]
fn the_largest_one_fits_into_an_event() {
    let target = |n| {
        if n == 0 {
            Target::Account(ACCOUNT)
        } else {
            Target::Category(CATEGORY)
        }
    };
    let money = |n| {
        eur(if n % 2 == 0 {
            Money::LIMIT_MINOR
        } else {
            -Money::LIMIT_MINOR
        })
    };
    let postings: Vec<_> = (0..200).map(|n| posting(n, target(n), money(n))).collect();
    let wide = |chars: usize| Some(Text::from("😀".repeat(chars)));
    let command = TransactionCommand::Record {
        transaction: TRANSACTION,
        book: BOOK,
        booked_on: day("9999-12-31"),
        merchant: wide(500),
        note: wide(4000),
        postings,
        origin: BY_IMPORT,
    };
    let events = Transaction::default().decide(command).unwrap();
    let clear = serde_json::to_string(&events[0]).unwrap().len();
    // Sealing turns three bytes into four, and adds a nonce and a tag to each text.
    assert!(clear + 4500 * 4 / 3 + 200 < 64 * 1024, "{clear} bytes in clear");
}

#[test]
fn no_posting_is_named_twice() {
    let mut postings = expense();
    postings[1].id = postings[0].id;
    refuse(
        &[],
        record(postings),
        TransactionError::PostingTwice { posting: posting_id(1) },
    );
    let twice = amounts(&[change(1, -1250, -1), change(1, -1250, -2)]);
    refuse(
        &[recorded(expense())],
        twice,
        TransactionError::PostingTwice { posting: posting_id(1) },
    );
}

#[test]
fn money_moves_in_an_account() {
    let mut postings = expense();
    postings[0].target = Target::Category(category(99));
    refuse(&[], record(postings), TransactionError::NoAccount);
}

#[test]
fn amounts_are_not_zero_and_not_beyond_the_limit() {
    let of = |minor: i64| {
        let mut postings = expense();
        postings[0].money.minor = -minor;
        postings[1].money.minor = minor;
        postings
    };
    let limit = Money::LIMIT_MINOR;
    check::<Transaction>(&[], record(of(limit)), Ok(vec![recorded(of(limit))]));
    for (minor, error) in [
        (0, TransactionError::ZeroAmount),
        (limit + 1, TransactionError::AmountOutOfRange),
        (i64::MAX, TransactionError::AmountOutOfRange),
    ] {
        refuse(&[], record(of(minor)), error);
        refuse(&[recorded(expense())], amount(eur(-minor)), error);
        refuse(
            &[recorded(expense())],
            amounts(&[change(1, -1250, -minor), change(2, 1250, minor)]),
            error,
        );
    }
    refuse(
        &[recorded(expense())],
        amount(eur(i64::MIN)),
        TransactionError::AmountOutOfRange,
    );
}

#[test]
fn postings_sum_to_zero_in_each_currency() {
    let mut postings = expense();
    postings[1].money.minor = 1249;
    refuse(
        &[],
        record(postings),
        TransactionError::Unbalanced {
            currency: currency("EUR"),
        },
    );
    let mut postings = expense();
    postings[1].money.currency = currency("USD");
    refuse(
        &[],
        record(postings),
        TransactionError::Unbalanced {
            currency: currency("EUR"),
        },
    );
    let one_side = amounts(&[change(1, -1250, -1350)]);
    refuse(
        &[recorded(expense())],
        one_side,
        TransactionError::Unbalanced {
            currency: currency("EUR"),
        },
    );
    let mut both = expense();
    for (n, mut other) in expense().into_iter().enumerate() {
        other.id = posting_id(10 + n as u128);
        other.money.currency = currency("JPY");
        both.push(other);
    }
    check::<Transaction>(&[], record(both.clone()), Ok(vec![recorded(both.clone())]));
    // What is missing in one currency is not made good in another.
    refuse(
        &[recorded(both)],
        amounts(&[change(1, -1250, -1350), change(11, 1250, 1350)]),
        TransactionError::Unbalanced {
            currency: currency("EUR"),
        },
    );
}
