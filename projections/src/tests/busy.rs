//! What a batch costs does not grow with the past of the things that it changes.

use spendlog_domain::transactions::TransactionCommand;
use spendlog_event_store::Query;

use super::{History, project, writer};
use crate::{Group, runner};

#[tokio::test]
async fn of_a_thing_with_many_versions_only_the_newest_is_read() {
    const VERSIONS: u64 = 300;
    let mut history = History::new(90).await;
    let book = history.open_book().await;
    history.record(book).await;
    let transaction = history.transactions_of(book)[0];
    // Each changes the transaction, its postings, and the balance of their account.
    for number in 0..VERSIONS {
        let command = match number % 2 {
            0 => TransactionCommand::Void,
            _ => TransactionCommand::Restore,
        };
        history.transaction(transaction, book, command).await;
    }
    let writer = writer(&history).await;
    project(&history, &writer, 1000).await;
    let after = history.head().await;
    history.transaction(transaction, book, TransactionCommand::Void).await;
    let query = Query {
        after,
        limit: 1,
        ..Query::default()
    };
    let next = history.journal.read(&query).await.unwrap();
    // Tables as small as these are otherwise read as a whole, whatever is asked of them.
    let begin = "SET enable_seqscan = off; BEGIN";
    writer.client.batch_execute(begin).await.unwrap();
    runner::apply_again(&writer, Group::Ledger, &next).await.unwrap();
    let sql =
        "SELECT sum(idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'read'";
    let rows = writer.query(sql.to_owned(), &[]).await.unwrap();
    let read: i64 = rows[0].get(0);
    assert!((1..100).contains(&read), "{read} rows are read for one event");
}
