//! What holds after any sequence of commands.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use proptest::{collection::vec, option, prelude::*};

use crate::{
    samples::{ACCOUNT, BOOK, DOCUMENT, TRANSACTION, account, category, currency, day, eur, posting_id, replay},
    transactions::{
        AmountChange, Origin, Posting, Target, Transaction, TransactionCommand, TransactionError, TransactionEvent,
    },
    values::{Currency, ImportId, Money},
};

fn import(n: u128) -> ImportId {
    ImportId::new(uuid::Uuid::from_u128(n))
}

fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        Just(Origin::Manual {}),
        Just(Origin::Document { document: DOCUMENT }),
        (0..2_u128).prop_map(|n| Origin::Import {
            import: import(n),
            document: DOCUMENT,
            line: 0
        }),
    ]
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        (0..3_u128).prop_map(|n| Target::Account(account(n))),
        (0..3_u128).prop_map(|n| Target::Category(category(n))),
    ]
}

/// Postings in up to two currencies that mostly balance: the last of each currency takes what is left.
fn postings() -> impl Strategy<Value = Vec<Posting>> {
    let amounts = prop_oneof![8 => -10_000_i64..10_000, 1 => any::<i64>(), 1 => Just(Money::LIMIT_MINOR)];
    vec((targets(), amounts, prop::bool::ANY), 0..6).prop_map(|lines| {
        let mut sums = BTreeMap::<Currency, i64>::new();
        let mut postings = vec![];
        let mut post = |target, money| {
            postings.push(Posting {
                id: posting_id(postings.len() as u128),
                target,
                money,
            });
        };
        for (target, minor, yen) in lines {
            let currency = currency(if yen { "JPY" } else { "EUR" });
            let sum = sums.entry(currency).or_default();
            *sum = sum.saturating_add(minor);
            post(target, Money { minor, currency });
        }
        for (currency, sum) in sums {
            post(
                Target::Account(ACCOUNT),
                Money {
                    minor: sum.saturating_neg(),
                    currency,
                },
            );
        }
        postings
    })
}

/// Commands that mean something often enough; `Record` is the one that a case begins with.
fn commands() -> impl Strategy<Value = TransactionCommand> {
    let change = (0..4_u128, -3_i64..3, -3_i64..3);
    prop_oneof![
        (-20_000_i64..20_000).prop_map(|minor| TransactionCommand::CorrectAmount { money: eur(minor) }),
        vec(change, 0..3).prop_map(|changes| TransactionCommand::CorrectAmounts {
            changes: changes
                .into_iter()
                .map(|(id, from_minor, to_minor)| AmountChange {
                    posting: posting_id(id),
                    from_minor,
                    to_minor
                })
                .collect(),
        }),
        (1_u32..28).prop_map(|n| TransactionCommand::CorrectDate {
            booked_on: day(&format!("2026-10-{n:02}"))
        }),
        option::of("[a-z]{0,3}").prop_map(|name| TransactionCommand::CorrectMerchant {
            merchant: name.map(Into::into)
        }),
        (option::of(0..4_u128), 0..3_u128).prop_map(|(posting, to)| TransactionCommand::Categorise {
            posting: posting.map(posting_id),
            category: category(to),
        }),
        option::of("[a-z]{0,3}").prop_map(|note| TransactionCommand::Note {
            note: note.map(Into::into)
        }),
        Just(TransactionCommand::Void),
        Just(TransactionCommand::Restore),
        (0..2_u128).prop_map(|n| TransactionCommand::RevertImport { import: import(n) }),
        (0..2_u128).prop_map(|n| TransactionCommand::RestoreByImport { import: import(n) }),
    ]
}

/// What moves amounts from one posting to another in a way that keeps the balance, whatever the amounts are.
fn shift(transaction: &Transaction, by: i64) -> Option<TransactionCommand> {
    let [first, .., last] = transaction.postings() else {
        return None;
    };
    let change = |posting: &Posting, by: i64| AmountChange {
        posting: posting.id,
        from_minor: posting.money.minor,
        to_minor: posting.money.minor.saturating_add(by),
    };
    Some(TransactionCommand::CorrectAmounts {
        changes: vec![change(first, by), change(last, -by)],
    })
}

fn assert_balanced(transaction: &Transaction) {
    let mut sums = BTreeMap::<Currency, i128>::new();
    for posting in transaction.postings() {
        assert!(posting.money.minor != 0 && posting.money.is_within_limit());
        *sums.entry(posting.money.currency).or_default() += i128::from(posting.money.minor);
    }
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    assert!(transaction.postings().is_empty() || transaction.postings().len() >= 2);
}

/// A transaction and the events that made it.
#[derive(Default)]
struct Run {
    transaction: Transaction,
    history: Vec<TransactionEvent>,
}

impl Run {
    fn handle(&mut self, command: TransactionCommand) {
        let was_voided = self.transaction.is_voided();
        let Ok(events) = self.transaction.decide(command.clone()) else {
            return;
        };
        for event in &events {
            self.transaction.apply(event.clone());
        }
        // Void is final but for restore.
        let restored = matches!(events.as_slice(), [TransactionEvent::Restored { .. }]);
        assert!(!was_voided || events.is_empty() || restored);
        assert_balanced(&self.transaction);
        // What has been done is done: the same again changes nothing, or is refused.
        assert!(self.transaction.decide(command).unwrap_or_default().is_empty());
        self.history.extend(events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn sums_stay_zero_and_replay_makes_the_same_state(
        postings in postings(),
        origin in origins(),
        commands in vec((commands(), option::of(-5_000_i64..5_000)), 0..20),
    ) {
        let record = TransactionCommand::Record {
            transaction: TRANSACTION,
            book: BOOK,
            booked_on: day("2026-10-03"),
            merchant: None,
            note: None,
            postings,
            origin,
        };
        let mut run = Run::default();
        run.handle(record.clone());
        for (command, by) in commands {
            match by.and_then(|by| shift(&run.transaction, by)) {
                None => run.handle(command),
                Some(shift) => run.handle(shift),
            }
        }
        let Run { transaction, history } = run;
        prop_assert_eq!(&replay::<Transaction>(&history), &transaction);
        let stored = serde_json::to_string(&history).unwrap();
        let loaded: Vec<TransactionEvent> = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&replay::<Transaction>(&loaded), &transaction);
        let snapshot: Transaction = serde_json::from_str(&serde_json::to_string(&transaction).unwrap()).unwrap();
        prop_assert_eq!(&snapshot, &transaction);
        if transaction.id().is_some() {
            prop_assert_eq!(transaction.decide(record), Err(TransactionError::AlreadyRecorded));
        }
    }
}
