//! Waiting for a position: never stale, never for ever; and what another process does is seen.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{History, projections, writer};
use crate::{
    At, Group,
    transactions::{Filter, list},
};

#[tokio::test]
async fn what_was_written_is_read_after_waiting_for_it() {
    let mut history = History::new(61).await;
    let book = history.open_book().await;
    let (here, elsewhere) = (projections(&history), projections(&history));
    let stop = CancellationToken::new();
    let running = here.run(&stop);
    for round in 1..=60 {
        history.record(book).await;
        let head = *history.journal.head().borrow();
        let asked = if round % 2 == 0 { &here } else { &elsewhere };
        asked.wait(Group::Ledger, head, Duration::from_secs(10)).await.unwrap();
        let page = list(asked.reader(), book, &Filter::default(), At::Now, None, 100)
            .await
            .unwrap();
        assert_eq!(page.bodies.len(), round);
    }
    let behind = here
        .wait(Group::Ledger, 1_000_000, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!((behind.group, behind.wanted), (Group::Ledger, 1_000_000));
    let lag = elsewhere.lag(Group::Ledger).await.unwrap();
    assert_eq!((lag.events, lag.seconds), (0, 0));
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
    history.record(book).await;
    assert!(elsewhere.lag(Group::Ledger).await.unwrap().events > 0);
}

#[tokio::test]
async fn another_process_takes_over() {
    let mut history = History::new(62).await;
    let book = history.open_book().await;
    let (first, second) = (projections(&history), projections(&history));
    let (stop_first, stop_second) = (CancellationToken::new(), CancellationToken::new());
    let running = first.run(&stop_first);
    first
        .wait(Group::Ledger, history.head().await, Duration::from_secs(10))
        .await
        .unwrap();
    let standing_by = second.run(&stop_second);
    stop_first.cancel();
    for task in running {
        task.await.unwrap();
    }
    history.record(book).await;
    let head = history.head().await;
    second.wait(Group::Ledger, head, Duration::from_secs(10)).await.unwrap();
    let page = list(second.reader(), book, &Filter::default(), At::Now, None, 100)
        .await
        .unwrap();
    assert_eq!(page.bodies.len(), 1);
    stop_second.cancel();
    for task in standing_by {
        task.await.unwrap();
    }
}

/// Commits of read tables wait for no disk: a crash of the database takes the last ones back, and ends all connections.
#[tokio::test]
async fn what_a_crash_took_back_is_waited_for_and_made_again() {
    const WAIT: Duration = Duration::from_secs(20);
    let mut history = History::new(63).await;
    let book = history.open_book().await;
    let before = history.head().await;
    history.record(book).await;
    let head = history.head().await;
    let (here, elsewhere) = (projections(&history), projections(&history));
    let stop = CancellationToken::new();
    let running = here.run(&stop);
    for asked in [&here, &elsewhere] {
        asked.wait(Group::Ledger, head, WAIT).await.unwrap();
    }
    // While it is paused it is not made again before anybody has asked.
    here.pause(Group::Ledger).await.unwrap();
    let writer = writer(&history).await;
    let sql = "UPDATE read.checkpoints SET position = $1 WHERE name = 'ledger'";
    writer.execute(sql.to_owned(), &[&before]).await.unwrap();
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND (application_name = 'spendlog read' OR application_name LIKE 'spendlog projection%')";
    writer.client.batch_execute(sql).await.unwrap();
    for asked in [&here, &elsewhere] {
        let noticed = async {
            loop {
                if let Err(behind) = asked.wait(Group::Ledger, head, Duration::ZERO).await
                    && behind.reached == before
                {
                    break behind;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let behind = tokio::time::timeout(WAIT, noticed).await.expect("it is noticed");
        assert!(behind.paused);
    }
    here.resume(Group::Ledger).await.unwrap();
    for asked in [&here, &elsewhere] {
        asked.wait(Group::Ledger, head, WAIT).await.unwrap();
    }
    assert_eq!(elsewhere.lag(Group::Ledger).await.unwrap().events, 0);
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
}
