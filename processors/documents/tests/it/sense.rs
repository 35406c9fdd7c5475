//! Readings made sense of, in a child process with limits.

use spendlog_documents::{Hints, ReadError, classify, extract};
use spendlog_domain::documents::{DocumentKind, FailureReason};

use super::{Duration, read, reader, reader_within};

fn hints() -> Hints {
    Hints {
        account_currency: None,
        today: "2026-06-01".parse().unwrap(),
    }
}

fn statement(columns: usize) -> Vec<u8> {
    let row = |day| format!("2026-01-{day},{}\n", vec!["1.50"; columns].join(","));
    let reading = read(format!("{}{}", row(15), row(16)).as_bytes(), "statement.csv");
    serde_json::to_vec(&reading).unwrap()
}

#[test]
fn a_child_finds_what_we_would() {
    let csv = "date,amount,description\n2026-01-15,-1.50,Bakery\n";
    let reading = read(csv.as_bytes(), "statement.csv");
    let json = serde_json::to_vec(&reading).unwrap();
    let found = reader().classify(&json).unwrap();
    assert_eq!(found, classify(&reading));
    assert_eq!(found.kind, DocumentKind::BankStatement);
    let extracted = reader().extract(&json, found.kind, hints()).unwrap();
    assert_eq!(extracted, extract(&reading, found.kind, &hints()));
    assert_eq!((extracted.lines.len(), extracted.longest), (1, 1));
}

/// Which columns of money belong together is looked for among a few of them.
#[test]
fn a_table_of_many_columns_is_soon_understood() {
    let (reader, reading) = (reader_within(Duration::from_secs(20)), statement(1_000));
    let found = reader.classify(&reading).unwrap();
    reader.extract(&reading, found.kind, hints()).unwrap();
}

#[test]
fn what_takes_too_long_is_ended() {
    let (reader, reading) = (reader_within(Duration::from_micros(1)), statement(1));
    for ended in [
        reader.classify(&reading).map(drop),
        reader.extract(&reading, DocumentKind::Receipt, hints()).map(drop),
    ] {
        let reason = FailureReason::TimeLimit;
        assert!(
            matches!(&ended, Err(ReadError::Failed { reason: why, .. }) if *why == reason),
            "{ended:?}"
        );
    }
}

#[test]
fn what_is_no_reading_is_said_to_be_none() {
    let ended = reader().classify(b"{}");
    let Err(ReadError::Failed { reason, .. }) = ended else {
        panic!("expected a failure: {ended:?}");
    };
    assert_eq!(reason, FailureReason::Malformed);
}
