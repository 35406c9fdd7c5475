//! Given events, when a command, then events or an error.

use uuid::Uuid;

use super::{Import, ImportCommand, ImportError, ImportEvent, ImportStatus};
use crate::{
    samples::{ACCOUNT, BOOK, DOCUMENT, IMPORT, account, bad_file, check, currency, file, replay},
    values::{DocumentId, FileRef},
};

fn read_as(document: DocumentId, lines: FileRef, lines_count: u32) -> ImportCommand {
    let (account, currency) = (Some(ACCOUNT), Some(currency("EUR")));
    ImportCommand::Read {
        import: IMPORT,
        book: BOOK,
        document,
        account,
        currency,
        lines,
        lines_count,
    }
}

fn read() -> ImportEvent {
    ImportEvent::Read {
        import: IMPORT,
        book: BOOK,
        document: DOCUMENT,
        account: Some(ACCOUNT),
        currency: Some(currency("EUR")),
        lines: file('a'),
        lines_count: 10,
    }
}

fn accept(account_id: u128, new_count: u32, there_count: u32, restored_count: u32) -> ImportCommand {
    ImportCommand::Accept {
        account: account(account_id),
        new_count,
        there_count,
        restored_count,
    }
}

fn accepted() -> ImportEvent {
    ImportEvent::Accepted {
        account: account(3),
        new_count: 7,
        there_count: 2,
        restored_count: 0,
    }
}

fn reverted() -> ImportEvent {
    ImportEvent::Reverted { voided_count: 7 }
}

#[test]
fn a_statement_is_read_once() {
    check::<Import>(&[], read_as(DOCUMENT, file('a'), 10), Ok(vec![read()]));
    check::<Import>(&[read()], read_as(DOCUMENT, file('a'), 10), Ok(vec![]));
    check::<Import>(
        &[read()],
        read_as(DOCUMENT, file('b'), 10),
        Err(ImportError::AlreadyRead),
    );
    let other = DocumentId::new(Uuid::from_u128(99));
    check::<Import>(&[read()], read_as(other, file('a'), 10), Err(ImportError::AlreadyRead));
    let import: Import = replay(&[read()]);
    assert_eq!(
        (import.id(), import.book(), import.document()),
        (Some(IMPORT), Some(BOOK), Some(DOCUMENT))
    );
    assert_eq!(
        (import.account_hint(), import.currency()),
        (Some(ACCOUNT), Some(currency("EUR")))
    );
    assert_eq!((import.lines(), import.lines_count()), (Some(&file('a')), 10));
    assert_eq!((import.status(), import.account()), (ImportStatus::Read, None));
    assert_eq!(Import::default().status(), ImportStatus::Absent);
}

#[test]
fn a_corrected_account_or_currency_counts_until_it_is_accepted() {
    let corrected = |currency_code| ImportCommand::Read {
        import: IMPORT,
        book: BOOK,
        document: DOCUMENT,
        account: None,
        currency: Some(currency(currency_code)),
        lines: file('a'),
        lines_count: 10,
    };
    let again = ImportEvent::Read {
        import: IMPORT,
        book: BOOK,
        document: DOCUMENT,
        account: None,
        currency: Some(currency("USD")),
        lines: file('a'),
        lines_count: 10,
    };
    check::<Import>(&[read()], corrected("USD"), Ok(vec![again.clone()]));
    check::<Import>(&[read(), again.clone()], corrected("USD"), Ok(vec![]));
    check::<Import>(&[read(), accepted()], corrected("USD"), Ok(vec![]));
    check::<Import>(
        &[read(), accepted(), reverted()],
        corrected("USD"),
        Ok(vec![again.clone()]),
    );
    let import: Import = replay(&[read(), again]);
    assert_eq!(
        (import.account_hint(), import.currency()),
        (None, Some(currency("USD")))
    );
}

#[test]
fn its_lines_are_a_file_of_limited_length() {
    check::<Import>(&[], read_as(DOCUMENT, bad_file(), 10), Err(ImportError::InvalidFile));
    check::<Import>(
        &[],
        read_as(DOCUMENT, file('a'), 50_001),
        Err(ImportError::TooManyLines),
    );
}

#[test]
fn nothing_is_possible_before_it_is_read() {
    check::<Import>(&[], accept(3, 1, 0, 0), Err(ImportError::NotRead));
    check::<Import>(
        &[],
        ImportCommand::Revert { voided_count: 0 },
        Err(ImportError::NotRead),
    );
}

#[test]
fn it_is_accepted_into_one_account() {
    check::<Import>(&[read()], accept(3, 7, 2, 0), Ok(vec![accepted()]));
    check::<Import>(&[read(), accepted()], accept(3, 0, 9, 0), Ok(vec![]));
    check::<Import>(
        &[read(), accepted()],
        accept(4, 7, 2, 0),
        Err(ImportError::AcceptedElsewhere),
    );
    let import: Import = replay(&[read(), accepted()]);
    assert_eq!(
        (import.status(), import.account()),
        (ImportStatus::Accepted, Some(account(3)))
    );
    assert_eq!(
        (import.new_count(), import.there_count(), import.restored_count()),
        (7, 2, 0)
    );
}

#[test]
fn no_more_lines_are_accepted_or_voided_than_there_are() {
    check::<Import>(&[read()], accept(3, 7, 2, 2), Err(ImportError::MoreThanRead));
    check::<Import>(
        &[read()],
        accept(3, u32::MAX, u32::MAX, u32::MAX),
        Err(ImportError::MoreThanRead),
    );
    let revert = ImportCommand::Revert { voided_count: 11 };
    check::<Import>(&[read(), accepted()], revert, Err(ImportError::MoreThanRead));
}

#[test]
fn only_what_is_accepted_is_reverted() {
    let revert = ImportCommand::Revert { voided_count: 7 };
    check::<Import>(&[read()], revert.clone(), Err(ImportError::NotAccepted));
    check::<Import>(&[read(), accepted()], revert.clone(), Ok(vec![reverted()]));
    check::<Import>(&[read(), accepted(), reverted()], revert, Err(ImportError::NotAccepted));
    let import: Import = replay(&[read(), accepted(), reverted()]);
    assert_eq!((import.status(), import.voided_count()), (ImportStatus::Reverted, 7));
}

#[test]
fn after_a_reversal_it_is_accepted_again_wherever() {
    let given = [read(), accepted(), reverted()];
    let restored = ImportEvent::Accepted {
        account: account(3),
        new_count: 0,
        there_count: 2,
        restored_count: 7,
    };
    check::<Import>(&given, accept(3, 0, 2, 7), Ok(vec![restored]));
    let elsewhere = ImportEvent::Accepted {
        account: account(4),
        new_count: 9,
        there_count: 0,
        restored_count: 0,
    };
    check::<Import>(&given, accept(4, 9, 0, 0), Ok(vec![elsewhere]));
}
