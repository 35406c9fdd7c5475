//! Given events, when a command, then events or an error.

use super::{Book, BookCommand, BookError, BookEvent, ConfirmationPolicy};
use crate::{
    samples::{BOOK, USER, check, replay, text},
    values::Text,
};

fn open(name: Text) -> BookCommand {
    BookCommand::Open {
        book: BOOK,
        user: USER,
        name,
        policy: ConfirmationPolicy::Manual,
    }
}

fn opened() -> BookEvent {
    BookEvent::Opened {
        book: BOOK,
        user: USER,
        name: "Home".into(),
        policy: ConfirmationPolicy::Manual,
    }
}

#[test]
fn a_book_is_opened_once() {
    check::<Book>(&[], open("Home".into()), Ok(vec![opened()]));
    check::<Book>(&[opened()], open("Home".into()), Err(BookError::AlreadyOpened));
    let book: Book = replay(&[opened()]);
    assert_eq!((book.id(), book.user()), (Some(BOOK), Some(USER)));
    assert_eq!(
        (book.name(), book.policy()),
        (Some(&"Home".into()), ConfirmationPolicy::Manual)
    );
}

#[test]
fn nothing_is_possible_before_it_is_opened() {
    check::<Book>(
        &[],
        BookCommand::Rename { name: "Work".into() },
        Err(BookError::NotOpened),
    );
    let change = BookCommand::ChangePolicy {
        policy: ConfirmationPolicy::WhenChecksHold,
    };
    check::<Book>(&[], change, Err(BookError::NotOpened));
}

#[test]
fn a_name_is_a_line_of_at_most_200_characters() {
    for name in [Text::from(""), "\t".into(), "a\rb".into(), text(201), Text::Forgotten] {
        check::<Book>(&[], open(name.clone()), Err(BookError::InvalidName));
        check::<Book>(&[opened()], BookCommand::Rename { name }, Err(BookError::InvalidName));
    }
}

#[test]
fn it_is_renamed_and_its_policy_changed() {
    let renamed = BookEvent::Renamed {
        from: "Home".into(),
        to: text(200),
    };
    check::<Book>(
        &[opened()],
        BookCommand::Rename { name: text(200) },
        Ok(vec![renamed.clone()]),
    );
    let to = ConfirmationPolicy::WhenChecksHold;
    let changed = BookEvent::PolicyChanged {
        from: ConfirmationPolicy::Manual,
        to,
    };
    check::<Book>(
        &[opened()],
        BookCommand::ChangePolicy { policy: to },
        Ok(vec![changed.clone()]),
    );
    let book: Book = replay(&[opened(), renamed, changed]);
    assert_eq!((book.name(), book.policy()), (Some(&text(200)), to));
}

#[test]
fn what_changes_nothing_is_no_event() {
    check::<Book>(&[opened()], BookCommand::Rename { name: "Home".into() }, Ok(vec![]));
    check::<Book>(
        &[opened()],
        BookCommand::ChangePolicy {
            policy: ConfirmationPolicy::Manual,
        },
        Ok(vec![]),
    );
}

#[test]
fn nothing_happens_in_a_book_that_is_forgotten() {
    check::<Book>(&[opened()], BookCommand::Forget, Ok(vec![BookEvent::Forgotten {}]));
    check::<Book>(&[], BookCommand::Forget, Err(BookError::NotOpened));
    let given = [opened(), BookEvent::Forgotten {}];
    check::<Book>(&given, BookCommand::Forget, Ok(vec![]));
    check::<Book>(
        &given,
        BookCommand::Rename { name: "Work".into() },
        Err(BookError::Forgotten),
    );
    check::<Book>(&given, open("Home".into()), Err(BookError::AlreadyOpened));
    let book: Book = replay(&given);
    assert!(book.is_forgotten());
    assert_eq!((book.user(), book.name()), (Some(USER), Some(&Text::Forgotten)));
}
