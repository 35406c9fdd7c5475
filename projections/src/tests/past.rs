//! What the tables say of the past is what a replay of the events says.

use spendlog_domain::transactions::TransactionCommand;

use super::{History, project, projections, writer};
use crate::{
    At, Projections, accounts, categories, replay,
    replay::BookState,
    summary::{By, Span, summary},
    transactions::{self, Filter, Transaction},
};

async fn stored(projections: &Projections, state: &BookState, at: At) {
    let reader = projections.reader();
    let book = state.book.id;
    assert_eq!(
        accounts::list(reader, book, at, 0, 1000).await.unwrap(),
        state.accounts,
        "accounts at {at:?}"
    );
    assert_eq!(
        categories::list(reader, book, at, 0, 1000).await.unwrap(),
        state.categories,
        "categories at {at:?}"
    );
    let page = transactions::list(reader, book, &Filter::default(), at, None, 100_000)
        .await
        .unwrap();
    let listed: Vec<Transaction> = page
        .bodies
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(listed, state.transactions, "transactions at {at:?}");
    let lines = summary(reader, book, By::MonthAndCategory, Span::default(), at)
        .await
        .unwrap();
    assert_eq!(lines, state.summary, "summary at {at:?}");
    for account in &state.accounts {
        let one = accounts::one(reader, &[book.uuid()], account.id, at).await.unwrap();
        assert_eq!(one.as_ref(), Some(account), "account at {at:?}");
        assert_eq!(
            accounts::one(reader, &[], account.id, at).await.unwrap(),
            None,
            "somebody else's"
        );
    }
}

#[tokio::test]
async fn the_tables_equal_a_replay_at_random_positions() {
    for (seed, batch) in [(1, 1), (2, 50), (3, 1000)] {
        let history = History::random(seed, 350).await;
        project(&history, &writer(&history).await, batch).await;
        let projections = projections(&history);
        let owners: Vec<_> = history.books.iter().map(|book| book.uuid()).collect();
        let head = history.head().await;
        let mut rng = fastrand::Rng::with_seed(seed);
        let positions = (0..25).map(|_| rng.i64(0..=head)).chain([0, 1, head]);
        for position in positions {
            let replayed = replay(&history.journal, &owners, position).await.unwrap();
            for state in &replayed.books {
                stored(&projections, state, At::Position(position)).await;
            }
        }
        let replayed = replay(&history.journal, &owners, head).await.unwrap();
        assert_eq!(replayed.books.len(), 2);
        for state in &replayed.books {
            stored(&projections, state, At::Now).await;
        }
    }
}

/// Nobody's amounts may stop the projections for all others.
#[tokio::test]
async fn sums_beyond_64_bits_stop_nothing_and_what_fits_again_is_exact() {
    let mut history = History::new(9).await;
    let book = history.open_book().await;
    history.record_many(book, 20).await;
    let before = history.head().await;
    for _ in 0..95 {
        history.record_largest(book).await;
    }
    let beyond = history.head().await;
    let largest: Vec<_> = history.transactions.keys().copied().collect();
    for id in largest {
        history.transaction(id, book, TransactionCommand::Void).await;
    }
    let (writer, projections) = (writer(&history).await, projections(&history));
    project(&history, &writer, 1000).await;
    let state = |position| {
        let journal = &history.journal;
        async move {
            let mut replayed = replay(journal, &[book.uuid()], position).await.unwrap();
            replayed.books.remove(0)
        }
    };
    let accounts = |at| accounts::list(projections.reader(), book, at, 0, 1000);
    assert_eq!(
        accounts(At::Position(beyond)).await.unwrap(),
        state(beyond).await.accounts
    );
    let (then, now) = (state(before).await, state(history.head().await).await);
    let balances = |accounts: &[accounts::Account]| accounts.iter().map(|a| a.balance()).collect::<Vec<_>>();
    assert_eq!(balances(&now.accounts), balances(&then.accounts));
    assert_eq!(balances(&accounts(At::Now).await.unwrap()), balances(&then.accounts));
    assert_eq!(now.summary, then.summary);
    stored(&projections, &now, At::Now).await;
}

#[tokio::test]
async fn parts_of_months_and_accounts_are_summed_from_postings() {
    let history = History::random(4, 300).await;
    project(&history, &writer(&history).await, 100).await;
    let projections = projections(&history);
    let head = history.head().await;
    let book = history.books[0];
    for position in [head / 2, head] {
        let state = replay(&history.journal, &[book.uuid()], position)
            .await
            .unwrap()
            .books
            .remove(0);
        let whole = summary(
            projections.reader(),
            book,
            By::MonthAndCategory,
            Span::default(),
            At::Position(position),
        )
        .await;
        // A span of days that covers everything, and so is not made of whole months.
        let from = chrono::NaiveDate::from_ymd_opt(2024, 12, 2);
        let to = chrono::NaiveDate::from_ymd_opt(2025, 5, 2);
        let span = Span {
            from,
            to,
            account: None,
        };
        let parts = summary(
            projections.reader(),
            book,
            By::MonthAndCategory,
            span,
            At::Position(position),
        )
        .await;
        assert_eq!(parts.unwrap(), whole.unwrap());
        let account = state.accounts[0].id.uuid();
        let span = Span {
            account: Some(account),
            ..Span::default()
        };
        let lines = summary(projections.reader(), book, By::Category, span, At::Position(position))
            .await
            .unwrap();
        let expected: usize = state
            .transactions
            .iter()
            .filter(|t| {
                t.voided.is_none()
                    && t.postings
                        .iter()
                        .any(|p| p.target == spendlog_domain::transactions::Target::Account(state.accounts[0].id))
            })
            .map(|t| {
                t.postings
                    .iter()
                    .filter(|p| matches!(p.target, spendlog_domain::transactions::Target::Category(_)))
                    .count()
            })
            .sum();
        assert_eq!(
            usize::try_from(lines.iter().map(|line| line.count).sum::<i64>()).unwrap(),
            expected
        );
    }
}
