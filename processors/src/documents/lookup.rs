//! Which of the book's accounts a document belongs to.

use std::time::Duration;

use spendlog_domain::values::{AccountId, BookId, Text};
use spendlog_event_store::Event;
use spendlog_projections::{
    At, Group, Projections,
    accounts::{self, Account},
};

/// How long the read tables may take to come up to the event; after that the step is tried again later.
const PATIENCE: Duration = Duration::from_secs(10);
/// More accounts than a book has.
const ACCOUNTS: i64 = 10_000;

/// The open accounts of a book, as they were known when the event was recorded or later.
pub(super) async fn open_accounts(projections: &Projections, event: &Event) -> anyhow::Result<Vec<Account>> {
    while let Err(behind) = projections.wait(Group::Ledger, event.position, PATIENCE).await {
        // As long as somebody pauses the tables there is nothing to try again, and nothing to give up on.
        if !behind.paused {
            return Err(behind.into());
        }
    }
    let book = BookId::new(event.owner);
    let all = accounts::list(projections.reader(), book, At::Now, 0, ACCOUNTS).await?;
    Ok(all.into_iter().filter(|account| !account.closed).collect())
}

/// The one account with this number, however it is spaced. A masked number (`****1234`) tells no account.
pub(super) fn with_number(accounts: &[Account], number: &str) -> Option<AccountId> {
    let wanted = plain(number);
    if wanted.len() < 4 || number.contains(['*', '•']) {
        return None;
    }
    let mut found = accounts.iter().filter(|account| {
        account
            .number
            .as_ref()
            .and_then(Text::clear)
            .is_some_and(|number| plain(number) == wanted)
    });
    match (found.next(), found.next()) {
        (Some(account), None) => Some(account.id),
        _ => None,
    }
}

fn plain(number: &str) -> String {
    number
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}
