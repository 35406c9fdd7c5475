//! Given events, when a command, then events or an error.

use super::{Account, AccountCommand, AccountError, AccountEvent, AccountKind};
use crate::{
    samples::{ACCOUNT, BOOK, check, currency, replay, text},
    values::Text,
};

fn open(name: Text, number: Option<Text>) -> AccountCommand {
    let (kind, currency) = (AccountKind::Checking, currency("EUR"));
    AccountCommand::Open {
        account: ACCOUNT,
        book: BOOK,
        name,
        kind,
        currency,
        number,
    }
}

fn opened() -> AccountEvent {
    AccountEvent::Opened {
        account: ACCOUNT,
        book: BOOK,
        name: "Giro".into(),
        kind: AccountKind::Checking,
        currency: currency("EUR"),
        number: Some("DE02120300000000202051".into()),
    }
}

#[test]
fn an_account_is_opened_once() {
    let command = open("Giro".into(), Some("DE02120300000000202051".into()));
    check::<Account>(&[], command.clone(), Ok(vec![opened()]));
    check::<Account>(&[opened()], command, Err(AccountError::AlreadyOpened));
    let account: Account = replay(&[opened()]);
    assert_eq!((account.id(), account.book()), (Some(ACCOUNT), Some(BOOK)));
    assert_eq!(
        (account.kind(), account.currency()),
        (Some(AccountKind::Checking), Some(currency("EUR")))
    );
    assert_eq!(
        (account.name(), account.number()),
        (Some(&"Giro".into()), Some(&"DE02120300000000202051".into()))
    );
    assert!(account.is_open() && !account.is_closed());
    assert!(!Account::default().is_open());
}

#[test]
fn nothing_is_possible_before_it_is_opened() {
    check::<Account>(
        &[],
        AccountCommand::Rename { name: "Giro".into() },
        Err(AccountError::NotOpened),
    );
    check::<Account>(&[], AccountCommand::Close, Err(AccountError::NotOpened));
}

#[test]
fn a_closed_account_refuses_everything() {
    let given = [opened(), AccountEvent::Closed {}];
    for command in [
        open("Giro".into(), None),
        AccountCommand::Rename { name: "Giro".into() },
        AccountCommand::Close,
    ] {
        check::<Account>(&given, command, Err(AccountError::Closed));
    }
    let account: Account = replay(&given);
    assert!(!account.is_open() && account.is_closed());
}

#[test]
fn an_open_account_can_be_closed() {
    check::<Account>(&[opened()], AccountCommand::Close, Ok(vec![AccountEvent::Closed {}]));
}

#[test]
fn names_and_numbers_are_lines_of_limited_length() {
    for name in [Text::from(""), "  ".into(), "a\nb".into(), text(201), Text::Forgotten] {
        check::<Account>(&[], open(name.clone(), None), Err(AccountError::InvalidName));
        check::<Account>(
            &[opened()],
            AccountCommand::Rename { name },
            Err(AccountError::InvalidName),
        );
    }
    for number in [Text::from(""), "1\n2".into(), text(65)] {
        check::<Account>(&[], open("Giro".into(), Some(number)), Err(AccountError::InvalidNumber));
    }
}

#[test]
fn it_is_renamed() {
    let renamed = AccountEvent::Renamed {
        from: "Giro".into(),
        to: "Joint".into(),
    };
    check::<Account>(
        &[opened()],
        AccountCommand::Rename { name: "Joint".into() },
        Ok(vec![renamed.clone()]),
    );
    assert_eq!(replay::<Account>(&[opened(), renamed]).name(), Some(&"Joint".into()));
    check::<Account>(&[opened()], AccountCommand::Rename { name: "Giro".into() }, Ok(vec![]));
}
