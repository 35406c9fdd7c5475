//! The categories that every new book starts with.

use super::CategoryKind;

/// A category of a new book.
#[derive(Clone, Copy, Debug)]
pub struct FirstCategory {
    /// From what, with the book, its id is derived. Never changes.
    pub key: &'static str,
    /// What it is called until somebody renames it.
    pub name: &'static str,
    /// On which side of the ledger it stands.
    pub kind: CategoryKind,
}

const fn expense(key: &'static str, name: &'static str) -> FirstCategory {
    FirstCategory {
        key,
        name,
        kind: CategoryKind::Expense,
    }
}

const fn income(key: &'static str, name: &'static str) -> FirstCategory {
    FirstCategory {
        key,
        name,
        kind: CategoryKind::Income,
    }
}

/// The first set. `uncategorised` stands for "nobody knows yet" and can't be merged away.
pub const FIRST_SET: &[FirstCategory] = &[
    FirstCategory {
        key: "uncategorised",
        name: "Uncategorised",
        kind: CategoryKind::Uncategorised,
    },
    expense("groceries", "Groceries"),
    expense("eating_out", "Eating out"),
    expense("housing", "Housing"),
    expense("utilities", "Utilities"),
    expense("transport", "Transport"),
    expense("health", "Health"),
    expense("shopping", "Shopping"),
    expense("leisure", "Leisure"),
    expense("travel", "Travel"),
    expense("education", "Education"),
    expense("insurance", "Insurance"),
    expense("taxes_and_fees", "Taxes and fees"),
    expense("office", "Office"),
    income("salary", "Salary"),
    income("interest", "Interest"),
    income("other_income", "Other income"),
];
