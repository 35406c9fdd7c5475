//! A forgotten owner has no rows, however the tables came to be; everybody else's stay as they were.

use std::time::Duration;

use serde_json::json;
use spendlog_domain::{
    books::BookEvent,
    users::UserEvent,
    values::{BookId, DocumentId, Text},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{History, history::raw, project, projections, rows, writer};
use crate::{
    Group, Progress, Projections, Stage,
    beside::{Beside, Purpose},
    rebuild, replay, users,
    writer::Writer,
};

/// Books with a document each: the first is to be forgotten, the others stay.
async fn history(seed: u64) -> History {
    let mut history = History::random(seed, 200).await;
    history.open_book().await;
    let books = history.books.clone();
    for (number, book) in books.iter().enumerate() {
        for _ in 0..20 {
            history.record(*book).await;
        }
        let document = DocumentId::new(Uuid::from_u128(0xd0c0 + number as u128));
        let uploaded = json!({"document": document, "book": book, "file": {"object": "ab".repeat(32), "bytes": 7},
            "media_type": "application/pdf", "name": format!("planted-{book}.pdf"), "account": null, "engine": null});
        let events = vec![raw("document.uploaded", uploaded)];
        history
            .append_raw("document", document.to_string(), book.uuid(), 0, events)
            .await;
    }
    history
}

async fn forget_book(history: &mut History, book: BookId) {
    let (id, events) = (book.to_string(), vec![BookEvent::Forgotten {}]);
    let version = history.journal.load("book", &id).await.unwrap().len() as i64;
    history.append("book", id, book.uuid(), version, events).await;
    history.books.retain(|other| *other != book);
}

async fn all(writer: &Writer) -> Vec<String> {
    [rows(writer, Group::Ledger).await, rows(writer, Group::Documents).await].concat()
}

/// What can be asked of a book, as the read tables answer it.
async fn seen(projections: &Projections, book: BookId) -> String {
    let reader = projections.reader();
    let at = crate::At::Now;
    let accounts = crate::accounts::list(reader, book, at, 0, 100).await.unwrap();
    let filter = crate::transactions::Filter::default();
    let transactions = crate::transactions::list(reader, book, &filter, at, None, 1000)
        .await
        .unwrap();
    let (by, span) = (crate::summary::By::MonthAndCategory, crate::summary::Span::default());
    let summary = crate::summary::summary(reader, book, by, span, at).await.unwrap();
    let documents = crate::documents::list(reader, book, None, i64::MAX, 100).await.unwrap();
    format!("{accounts:?} {:?} {summary:?} {documents:?}", transactions.bodies)
}

#[tokio::test]
async fn rows_of_a_forgotten_book_go_and_all_others_stay_as_they_were() {
    for batch in [1, 64, 10_000] {
        let mut history = history(71).await;
        let (gone, others) = (history.books[0], history.books[1..].to_vec());
        let (writer, projections) = (writer(&history).await, projections(&history));
        project(&history, &writer, batch).await;
        let before = all(&writer).await;
        let mut answers = Vec::new();
        for book in &others {
            answers.push(seen(&projections, *book).await);
        }
        forget_book(&mut history, gone).await;
        project(&history, &writer, batch).await;
        let after = all(&writer).await;
        assert!(after.iter().all(|row| before.contains(row)), "no row is another one");
        assert!(after.len() < before.len() - 20);
        assert!(!after.concat().contains(&gone.uuid().to_string()));
        for (book, answer) in others.iter().zip(&answers) {
            assert_eq!(&seen(&projections, *book).await, answer);
        }
        let orphans = "SELECT count(*) FROM read.postings p WHERE NOT EXISTS (SELECT FROM read.transactions t WHERE t.id = p.transaction_id)";
        let orphans: i64 = writer.query(orphans.to_owned(), &[]).await.unwrap()[0].get(0);
        assert_eq!(orphans, 0);
        // While the key is there, and after it is gone: again, from the beginning, and rebuilt, the rows are the same.
        for destroyed in [false, true] {
            if destroyed {
                history.journal.forget(&[gone.uuid()]).await.unwrap();
            }
            project(&history, &writer, batch).await;
            assert_eq!(all(&writer).await, after, "again, destroyed: {destroyed}");
            for group in Group::ALL {
                for table in group.tables() {
                    writer
                        .client
                        .batch_execute(&format!("TRUNCATE read.{table}"))
                        .await
                        .unwrap();
                }
            }
            project(&history, &writer, batch).await;
            assert_eq!(all(&writer).await, after, "from the beginning, destroyed: {destroyed}");
        }
    }
}

#[tokio::test]
async fn a_rebuild_after_a_forgetting_makes_the_rows_that_are_live() {
    let mut history = history(72).await;
    let projections = projections(&history);
    let stop = CancellationToken::new();
    let running = projections.run(&stop);
    let wait = Duration::from_secs(20);
    let gone = history.books[0];
    // The projections may be anywhere when the key goes.
    forget_book(&mut history, gone).await;
    history.journal.forget(&[gone.uuid()]).await.unwrap();
    for _ in 0..50 {
        history.step().await;
    }
    for group in Group::ALL {
        projections.wait(group, history.head().await, wait).await.unwrap();
        projections.vacuum(group).await.unwrap();
        let live = rows(&writer(&history).await, group).await;
        assert!(!live.concat().contains(&gone.uuid().to_string()));
        rebuild(&history.journal, group, |_| ()).await.unwrap();
        assert_eq!(rows(&writer(&history).await, group).await, live, "{}", group.name());
    }
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
}

/// The tables that are being made hold the rows of somebody whose key was there when their events were applied.
#[tokio::test]
async fn who_is_forgotten_while_tables_are_made_again_is_not_in_them() {
    let mut history = history(75).await;
    let gone = history.books[0];
    let until = history.head().await;
    let mut made = Vec::new();
    for group in Group::ALL {
        let mut tables = Beside::make(&history.journal, group, Purpose::Rebuild).await.unwrap();
        tables
            .fill(Stage::Filling, until, &mut |_: &Progress| ())
            .await
            .unwrap();
        assert!(stands(&tables, gone).await, "{}", group.name());
        made.push(tables);
    }
    forget_book(&mut history, gone).await;
    history.journal.forget(&[gone.uuid()]).await.unwrap();
    history.step().await;
    let until = history.head().await;
    for mut tables in made {
        tables
            .fill(Stage::CatchingUp, until, &mut |_: &Progress| ())
            .await
            .unwrap();
        assert!(!stands(&tables, gone).await, "{}", tables.group.name());
        tables.discard().await;
    }
}

/// Whether a book is named in tables that are being made.
async fn stands(tables: &Beside, book: BookId) -> bool {
    let writer = tables.writer().unwrap();
    for table in tables.group.tables() {
        let sql = format!(
            "SELECT count(*) FROM {}.{table} t WHERE strpos(t::text, $1) > 0",
            writer.schema
        );
        let rows = writer.query(sql, &[&book.uuid().to_string()]).await.unwrap();
        if rows[0].get::<_, i64>(0) > 0 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_forgotten_user_has_no_row() {
    let mut history = History::new(73).await;
    let (writer, projections, user) = (writer(&history).await, projections(&history), history.user);
    project(&history, &writer, 100).await;
    assert!(users::one(projections.reader(), user).await.unwrap().is_some());
    history
        .append("user", user.to_string(), user.uuid(), 1, vec![UserEvent::Forgotten {}])
        .await;
    project(&history, &writer, 100).await;
    assert!(users::one(projections.reader(), user).await.unwrap().is_none());
}

#[tokio::test]
async fn a_replay_of_the_past_has_the_sums_and_not_the_texts() {
    let mut history = history(74).await;
    let book = history.books[0];
    let position = history.head().await;
    let before = replay(&history.journal, &[book.uuid()], position).await.unwrap();
    forget_book(&mut history, book).await;
    history.journal.forget(&[book.uuid()]).await.unwrap();
    let past = replay(&history.journal, &[book.uuid()], position).await.unwrap();
    let (then, now) = (&before.books[0], &past.books[0]);
    assert_eq!(now.summary, then.summary);
    let balances = |state: &replay::BookState| state.accounts.iter().map(|a| a.balance_minor).collect::<Vec<_>>();
    assert_eq!(balances(now), balances(then));
    assert_eq!(now.book.name, Text::Forgotten);
    assert!(now.accounts.iter().all(|account| account.name == Text::Forgotten));
    let said = |state: &replay::BookState| {
        state
            .transactions
            .iter()
            .filter_map(|t| t.merchant.clone())
            .collect::<Vec<_>>()
    };
    assert!(!said(then).is_empty());
    assert!(said(now).len() == said(then).len() && said(now).iter().all(|text| *text == Text::Forgotten));
    let after = replay(&history.journal, &[book.uuid()], history.head().await)
        .await
        .unwrap();
    assert!(after.books.is_empty(), "there is no such book any more");
}
