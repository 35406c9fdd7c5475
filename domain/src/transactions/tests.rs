//! Given events, when a command, then events or an error.

mod laws;

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
    check::<Transaction>(&[], record(both.clone()), Ok(vec![recorded(both)]));
}

#[test]
fn the_amount_of_the_simple_view_is_that_of_the_account() {
    let given = [recorded(expense())];
    let changes = vec![change(1, -1250, -1350), change(2, 1250, 1350)];
    check::<Transaction>(
        &given,
        amount(eur(-1350)),
        Ok(vec![TransactionEvent::AmountCorrected { changes }]),
    );
    check::<Transaction>(&given, amount(eur(-1250)), Ok(vec![]));
    let reversed: Vec<_> = expense().into_iter().rev().collect();
    let changes = vec![change(1, -1250, 5), change(2, 1250, -5)];
    check::<Transaction>(
        &[recorded(reversed)],
        amount(eur(5)),
        Ok(vec![TransactionEvent::AmountCorrected { changes }]),
    );
    let dollars = Money {
        minor: -1250,
        currency: currency("USD"),
    };
    refuse(
        &given,
        amount(dollars),
        TransactionError::CurrencyMismatch {
            expected: currency("EUR"),
        },
    );
    refuse(&[recorded(split())], amount(eur(-1)), TransactionError::NotSimple);
}

#[test]
fn amounts_are_corrected_posting_by_posting() {
    let given = [recorded(split())];
    let changes = vec![change(1, 1000, 1100), change(3, 250, 150)];
    let corrected = TransactionEvent::AmountCorrected {
        changes: changes.clone(),
    };
    let mut with_nothing = changes.clone();
    with_nothing.push(change(2, -1250, -1250));
    check::<Transaction>(&given, amounts(&changes), Ok(vec![corrected.clone()]));
    check::<Transaction>(&given, amounts(&with_nothing), Ok(vec![corrected.clone()]));
    check::<Transaction>(&given, amounts(&[]), Ok(vec![]));
    check::<Transaction>(&given, amounts(&[change(2, -1250, -1250)]), Ok(vec![]));
    refuse(
        &given,
        amounts(&[change(9, 1, 2)]),
        TransactionError::UnknownPosting { posting: posting_id(9) },
    );
    refuse(
        &given,
        amounts(&[change(1, 999, 1100)]),
        TransactionError::StaleAmount { posting: posting_id(1) },
    );
    let transaction: Transaction = replay(&[recorded(split()), corrected]);
    let minor = |id| transaction.posting(posting_id(id)).map(|posting| posting.money.minor);
    assert_eq!(
        [minor(1), minor(2), minor(3), minor(9)],
        [Some(1100), Some(-1250), Some(150), None]
    );
}

#[test]
fn the_day_lies_in_the_years_1900_to_9999() {
    let given = [recorded(expense())];
    for (text, fits) in [
        ("1899-12-31", false),
        ("1900-01-01", true),
        ("9999-12-31", true),
        ("+10000-01-01", false),
    ] {
        let booked_on = day(text);
        let corrected = TransactionEvent::DateCorrected {
            from: day("2026-10-03"),
            to: booked_on,
        };
        let then = if fits {
            Ok(vec![corrected])
        } else {
            Err(TransactionError::InvalidDate)
        };
        check::<Transaction>(&given, TransactionCommand::CorrectDate { booked_on }, then);
        let TransactionCommand::Record {
            transaction,
            book,
            merchant,
            note,
            postings,
            origin,
            ..
        } = record(expense())
        else {
            unreachable!()
        };
        let command = TransactionCommand::Record {
            transaction,
            book,
            booked_on,
            merchant,
            note,
            postings,
            origin,
        };
        assert_eq!(
            Transaction::default().decide(command).err(),
            (!fits).then_some(TransactionError::InvalidDate)
        );
    }
    check::<Transaction>(
        &given,
        TransactionCommand::CorrectDate {
            booked_on: day("2026-10-03"),
        },
        Ok(vec![]),
    );
}

#[test]
fn a_merchant_is_a_line_of_at_most_500_characters() {
    let given = [recorded(expense())];
    for merchant in [Text::from(""), "a\nb".into(), "a\0".into(), text(501), Text::Forgotten] {
        let command = TransactionCommand::CorrectMerchant {
            merchant: Some(merchant),
        };
        refuse(&given, command, TransactionError::InvalidMerchant);
    }
    for to in [None, Some(text(500))] {
        let corrected = TransactionEvent::MerchantCorrected {
            from: Some("Bakery".into()),
            to: to.clone(),
        };
        check::<Transaction>(
            &given,
            TransactionCommand::CorrectMerchant { merchant: to },
            Ok(vec![corrected]),
        );
    }
    let same = TransactionCommand::CorrectMerchant {
        merchant: Some("Bakery".into()),
    };
    check::<Transaction>(&given, same, Ok(vec![]));
}

#[test]
fn a_note_has_at_most_4000_characters() {
    let given = [recorded(expense())];
    for note in [Text::from(""), "\n".into(), "a\0".into(), text(4001), Text::Forgotten] {
        refuse(
            &given,
            TransactionCommand::Note { note: Some(note) },
            TransactionError::InvalidNote,
        );
    }
    for note in [text(4000), "two\nlines".into()] {
        let noted = TransactionEvent::Noted {
            from: None,
            to: Some(note.clone()),
        };
        check::<Transaction>(&given, TransactionCommand::Note { note: Some(note) }, Ok(vec![noted]));
    }
    check::<Transaction>(&given, TransactionCommand::Note { note: None }, Ok(vec![]));
    let noted = TransactionEvent::Noted {
        from: None,
        to: Some("lunch".into()),
    };
    assert_eq!(
        replay::<Transaction>(&[recorded(expense()), noted]).note(),
        Some(&"lunch".into())
    );
}

#[test]
fn what_is_recorded_has_a_merchant_and_a_note_that_fit() {
    let with = |merchant: Option<Text>, note: Option<Text>| TransactionCommand::Record {
        transaction: TRANSACTION,
        book: BOOK,
        booked_on: day("2026-10-03"),
        merchant,
        note,
        postings: expense(),
        origin: Origin::Manual {},
    };
    refuse(&[], with(Some(text(501)), None), TransactionError::InvalidMerchant);
    refuse(&[], with(None, Some(text(4001))), TransactionError::InvalidNote);
}

#[test]
fn a_posting_is_categorised() {
    let given = [recorded(expense())];
    let moved = |posting, from| TransactionEvent::Categorised {
        posting: posting_id(posting),
        from,
        to: category(99),
    };
    check::<Transaction>(&given, categorise(None), Ok(vec![moved(2, CATEGORY)]));
    check::<Transaction>(&given, categorise(Some(2)), Ok(vec![moved(2, CATEGORY)]));
    check::<Transaction>(&[recorded(expense()), moved(2, CATEGORY)], categorise(None), Ok(vec![]));
    check::<Transaction>(
        &[recorded(split())],
        categorise(Some(3)),
        Ok(vec![moved(3, category(40))]),
    );
    refuse(
        &[recorded(split())],
        categorise(None),
        TransactionError::SeveralCategories,
    );
    refuse(&[recorded(transfer())], categorise(None), TransactionError::NoCategory);
    refuse(
        &given,
        categorise(Some(1)),
        TransactionError::NotACategory { posting: posting_id(1) },
    );
    refuse(
        &given,
        categorise(Some(9)),
        TransactionError::UnknownPosting { posting: posting_id(9) },
    );
    let transaction: Transaction = replay(&[recorded(expense()), moved(2, CATEGORY)]);
    assert_eq!(transaction.postings()[1].target, Target::Category(category(99)));
}

#[test]
fn a_voided_transaction_is_restored_and_nothing_else() {
    for cause in [voided(), reverted(IMPORT)] {
        let given = [recorded(expense()), cause];
        for command in corrections() {
            refuse(&given, command, TransactionError::Voided);
        }
        check::<Transaction>(&given, TransactionCommand::Void, Ok(vec![]));
        let restored = TransactionEvent::Restored { import: None };
        check::<Transaction>(&given, TransactionCommand::Restore, Ok(vec![restored.clone()]));
        assert!(replay::<Transaction>(&given).is_voided());
        let again: Transaction = replay(&[given[0].clone(), given[1].clone(), restored]);
        assert_eq!((again.is_voided(), again.void_cause()), (false, None));
    }
    let given = [recorded(expense())];
    check::<Transaction>(&given, TransactionCommand::Void, Ok(vec![voided()]));
    check::<Transaction>(&given, TransactionCommand::Restore, Ok(vec![]));
}

#[test]
fn reverting_an_import_voids_only_what_it_brought() {
    let revert = TransactionCommand::RevertImport { import: IMPORT };
    let brought = recorded_from(expense(), BY_IMPORT);
    check::<Transaction>(&[brought.clone()], revert.clone(), Ok(vec![reverted(IMPORT)]));
    check::<Transaction>(&[brought.clone(), reverted(IMPORT)], revert.clone(), Ok(vec![]));
    check::<Transaction>(&[brought.clone(), voided()], revert.clone(), Ok(vec![]));
    check::<Transaction>(&[recorded(expense())], revert, Ok(vec![]));
    let other = TransactionCommand::RevertImport { import: OTHER_IMPORT };
    check::<Transaction>(&[brought.clone()], other, Ok(vec![]));
    assert_eq!(replay::<Transaction>(&[brought]).brought_by(), Some(IMPORT));
}

#[test]
fn importing_again_restores_what_a_reversal_voided() {
    let brought = recorded_from(expense(), BY_IMPORT);
    let restore = |import| TransactionCommand::RestoreByImport { import };
    let restored = TransactionEvent::Restored {
        import: Some(OTHER_IMPORT),
    };
    let given = [brought.clone(), reverted(IMPORT)];
    check::<Transaction>(&given, restore(OTHER_IMPORT), Ok(vec![restored.clone()]));
    check::<Transaction>(&[brought.clone()], restore(IMPORT), Ok(vec![]));
    check::<Transaction>(&[brought.clone(), voided()], restore(IMPORT), Ok(vec![]));
    // From now on it is the other import's: only its reversal voids the transaction again.
    let given = [brought, reverted(IMPORT), restored];
    assert_eq!(replay::<Transaction>(&given).brought_by(), Some(OTHER_IMPORT));
    check::<Transaction>(&given, TransactionCommand::RevertImport { import: IMPORT }, Ok(vec![]));
    let revert = TransactionCommand::RevertImport { import: OTHER_IMPORT };
    check::<Transaction>(&given, revert, Ok(vec![reverted(OTHER_IMPORT)]));
}
