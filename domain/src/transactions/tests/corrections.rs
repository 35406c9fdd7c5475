//! What is corrected, categorised and noted.

use super::*;

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
    check::<Transaction>(
        &[recorded(split()), moved(3, category(40))],
        categorise(Some(3)),
        Ok(vec![]),
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
