//! Given events, when a command, then events or an error.

use std::collections::HashSet;

use super::{Category, CategoryCommand, CategoryError, CategoryEvent, CategoryKind, FIRST_SET};
use crate::{
    samples::{BOOK, CATEGORY, category, check, replay, text},
    values::Text,
};

fn create(name: Text) -> CategoryCommand {
    CategoryCommand::Create {
        category: CATEGORY,
        book: BOOK,
        name,
        kind: CategoryKind::Expense,
    }
}

fn created(kind: CategoryKind) -> CategoryEvent {
    CategoryEvent::Created {
        category: CATEGORY,
        book: BOOK,
        name: "Food".into(),
        kind,
    }
}

fn merge(into: u128, into_kind: CategoryKind) -> CategoryCommand {
    CategoryCommand::Merge {
        into: category(into),
        into_kind,
    }
}

#[test]
fn a_category_is_created_once() {
    let given = [created(CategoryKind::Expense)];
    check::<Category>(&[], create("Food".into()), Ok(given.to_vec()));
    check::<Category>(&given, create("Food".into()), Err(CategoryError::AlreadyCreated));
    let category: Category = replay(&given);
    assert_eq!((category.id(), category.book()), (Some(CATEGORY), Some(BOOK)));
    assert_eq!(
        (category.name(), category.kind()),
        (Some(&"Food".into()), Some(CategoryKind::Expense))
    );
    assert!(category.is_open() && !Category::default().is_open());
}

#[test]
fn nothing_is_possible_before_it_is_created() {
    check::<Category>(
        &[],
        CategoryCommand::Rename { name: "Food".into() },
        Err(CategoryError::NotCreated),
    );
    check::<Category>(&[], merge(99, CategoryKind::Expense), Err(CategoryError::NotCreated));
}

#[test]
fn a_name_is_a_line_of_at_most_200_characters() {
    for name in [Text::from(""), " ".into(), "a\nb".into(), text(201), Text::Forgotten] {
        check::<Category>(&[], create(name.clone()), Err(CategoryError::InvalidName));
        let rename = CategoryCommand::Rename { name };
        check::<Category>(
            &[created(CategoryKind::Expense)],
            rename,
            Err(CategoryError::InvalidName),
        );
    }
}

#[test]
fn it_is_renamed() {
    let given = [created(CategoryKind::Income)];
    let renamed = CategoryEvent::Renamed {
        from: "Food".into(),
        to: "Pay".into(),
    };
    check::<Category>(
        &given,
        CategoryCommand::Rename { name: "Pay".into() },
        Ok(vec![renamed]),
    );
    check::<Category>(&given, CategoryCommand::Rename { name: "Food".into() }, Ok(vec![]));
}

#[test]
fn it_is_merged_into_another_one_of_its_kind() {
    let given = [created(CategoryKind::Expense)];
    let merged = CategoryEvent::Merged { into: category(99) };
    check::<Category>(&given, merge(99, CategoryKind::Expense), Ok(vec![merged]));
    check::<Category>(
        &given,
        merge(99, CategoryKind::Income),
        Err(CategoryError::KindMismatch),
    );
    check::<Category>(
        &given,
        merge(99, CategoryKind::Uncategorised),
        Err(CategoryError::KindMismatch),
    );
    let itself = CategoryCommand::Merge {
        into: CATEGORY,
        into_kind: CategoryKind::Expense,
    };
    check::<Category>(&given, itself, Err(CategoryError::IntoItself));
}

#[test]
fn the_uncategorised_stays() {
    let given = [created(CategoryKind::Uncategorised)];
    for kind in [CategoryKind::Uncategorised, CategoryKind::Expense] {
        check::<Category>(&given, merge(99, kind), Err(CategoryError::UncategorisedStays));
    }
}

#[test]
fn a_merged_category_refuses_everything() {
    let given = [
        created(CategoryKind::Expense),
        CategoryEvent::Merged { into: category(99) },
    ];
    for command in [
        create("Food".into()),
        CategoryCommand::Rename { name: "Food".into() },
        merge(99, CategoryKind::Expense),
    ] {
        check::<Category>(&given, command, Err(CategoryError::Merged));
    }
    let category_: Category = replay(&given);
    assert_eq!(
        (category_.is_open(), category_.merged_into()),
        (false, Some(category(99)))
    );
}

#[test]
fn the_first_set_can_be_created_and_has_one_uncategorised() {
    let keys: HashSet<&str> = FIRST_SET.iter().map(|first| first.key).collect();
    assert_eq!(keys.len(), FIRST_SET.len());
    assert_eq!(
        FIRST_SET
            .iter()
            .filter(|first| first.kind == CategoryKind::Uncategorised)
            .count(),
        1
    );
    for first in FIRST_SET {
        assert!(Category::default().decide(create(first.name.into())).is_ok());
    }
}
