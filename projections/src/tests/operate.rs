//! What an operator does: pausing, rebuilding by owner beside the runner, verifying, and what interruptions leave behind.

use std::time::Duration;

use spendlog_domain::values::BookId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{History, project, projections, rows, writer};
use crate::{
    Group, How, ProjectionError, Projections, Rebuild, Stage, rebuild, runner::ANALYZE_AFTER, verify, writer::Writer,
};

const WAIT: Duration = Duration::from_secs(20);

/// A runner, until it is stopped.
struct Running(CancellationToken, Vec<JoinHandle<()>>);

impl Running {
    fn start(projections: &Projections) -> Self {
        let stop = CancellationToken::new();
        Self(stop.clone(), projections.run(&stop))
    }

    async fn stop(self) {
        self.0.cancel();
        for task in self.1 {
            task.await.unwrap();
        }
    }
}

async fn number(writer: &Writer, sql: &str) -> i64 {
    writer.query(sql.to_owned(), &[]).await.unwrap()[0].get(0)
}

async fn schemas_beside(writer: &Writer) -> i64 {
    number(
        writer,
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'read\\_%'",
    )
    .await
}

#[tokio::test]
async fn a_paused_projection_rests_until_it_is_resumed() {
    let mut history = History::new(71).await;
    let book = history.open_book().await;
    let (here, elsewhere) = (projections(&history), projections(&history));
    let running = Running::start(&here);
    let before = history.head().await;
    here.wait(Group::Ledger, before, WAIT).await.unwrap();
    assert_eq!(elsewhere.status(Group::Ledger).await.unwrap().paused_at, None);

    elsewhere.pause(Group::Ledger).await.unwrap();
    let since = elsewhere.status(Group::Ledger).await.unwrap().paused_at;
    elsewhere.pause(Group::Ledger).await.unwrap();
    let status = elsewhere.status(Group::Ledger).await.unwrap();
    assert!(since.is_some() && status.paused_at == since, "paused once");
    assert_eq!(elsewhere.paused().await.unwrap(), [Group::Ledger]);
    history.record(book).await;
    let after = history.head().await;
    for asked in [&here, &elsewhere] {
        let behind = asked
            .wait(Group::Ledger, after, Duration::from_secs(1))
            .await
            .unwrap_err();
        assert!(behind.paused && behind.reached == before, "{behind:?}");
    }
    // A rebuild brings the tables up to date, and leaves it paused.
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    here.wait(Group::Ledger, after, WAIT).await.unwrap();
    history.record(book).await;
    let last = history.head().await;
    let behind = here
        .wait(Group::Ledger, last, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(behind.paused);

    elsewhere.resume(Group::Ledger).await.unwrap();
    here.wait(Group::Ledger, last, WAIT).await.unwrap();
    assert_eq!(elsewhere.paused().await.unwrap(), []);
    running.stop().await;
}

#[tokio::test]
async fn the_status_names_the_process_that_runs_it() {
    let history = History::random(72, 20).await;
    let (runs, asks) = (projections(&history), projections(&history));
    assert_eq!(asks.status(Group::Documents).await.unwrap().run_by, None);
    let running = Running::start(&runs);
    runs.wait(Group::Documents, history.head().await, WAIT).await.unwrap();
    let status = asks.status(Group::Documents).await.unwrap();
    assert_eq!(status.run_by.unwrap().pid, std::process::id());
    assert_eq!((status.lag.events, status.head), (0, history.head().await));
    assert_eq!(status.made_beside_by, None);
    let rebuild = Rebuild::begin(&history.journal, Group::Documents).await.unwrap();
    let status = asks.status(Group::Documents).await.unwrap();
    assert_eq!(status.made_beside_by.unwrap().pid, std::process::id());
    rebuild.run(|_| ()).await.unwrap();
    running.stop().await;
}

/// Workers share the owners; whatever falls to whom, the rows are those of the runner.
#[tokio::test]
async fn a_rebuild_by_owner_makes_the_rows_of_all_owners() {
    for seed in [73, 74, 75] {
        let mut history = History::random(seed, 150).await;
        let mut books: Vec<BookId> = Vec::new();
        for _ in 0..6 {
            books.push(history.open_book().await);
        }
        for _ in 0..150 {
            history.step().await;
        }
        let writer = writer(&history).await;
        project(&history, &writer, 1).await;
        let live = rows(&writer, Group::Ledger).await;
        let rebuilt = rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
        assert_eq!(rebuilt.position, history.head().await);
        assert_eq!(rows(&super::writer(&history).await, Group::Ledger).await, live);
    }
}

#[tokio::test]
async fn one_at_a_time_works_beside_the_live_tables() {
    let history = History::random(76, 50).await;
    let first = Rebuild::begin(&history.journal, Group::Ledger).await.unwrap();
    let refused = Rebuild::begin(&history.journal, Group::Ledger).await.unwrap_err();
    let ProjectionError::Busy {
        group: Group::Ledger,
        by: Some(by),
    } = &refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(by.pid, std::process::id());
    assert!(refused.to_string().contains("ledger is being rebuilt"), "{refused}");
    let refused = verify(&history.journal, Group::Ledger, |_| ()).await.unwrap_err();
    assert!(matches!(refused, ProjectionError::Busy { .. }));
    // Another group is another matter.
    rebuild(&history.journal, Group::Documents, |_| ()).await.unwrap();
    first.run(|_| ()).await.unwrap();
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
}

#[tokio::test]
async fn what_an_interrupted_rebuild_left_behind_is_dropped() {
    let history = History::random(77, 50).await;
    let (projections, writer) = (projections(&history), writer(&history).await);
    let begun = Rebuild::begin(&history.journal, Group::Ledger).await.unwrap();
    assert_eq!(schemas_beside(&writer).await, 1);
    // Not while somebody is at work on it.
    projections.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(schemas_beside(&writer).await, 1);
    drop(begun);
    tokio::time::timeout(WAIT, async {
        while schemas_beside(&writer).await > 0 {
            projections.sweep(Duration::ZERO).await.unwrap();
        }
    })
    .await
    .expect("it is dropped");
    drop(Rebuild::begin(&history.journal, Group::Ledger).await.unwrap());
    let again = verify(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    assert_eq!((again.position, schemas_beside(&writer).await), (0, 0));
}

#[tokio::test]
async fn a_verification_finds_what_was_changed_by_hand() {
    let history = History::random(78, 200).await;
    let projections = projections(&history);
    let running = Running::start(&projections);
    for group in Group::ALL {
        projections.wait(group, history.head().await, WAIT).await.unwrap();
        let sound = verify(&history.journal, group, |_| ()).await.unwrap();
        assert_eq!(sound.position, history.head().await);
        assert!(sound.tables.iter().all(|table| table.differing == 0), "{sound:?}");
    }
    let writer = writer(&history).await;
    let sql = "UPDATE read.accounts SET balance_minor = balance_minor + 1, name = 'Planted' WHERE (id, from_position) = \
                 (SELECT id, from_position FROM read.accounts ORDER BY id, from_position LIMIT 1) \
               RETURNING 'id=' || id || ', from_position=' || from_position";
    let changed: String = writer.query(sql.to_owned(), &[]).await.unwrap()[0].get(0);
    writer.client.batch_execute("DELETE FROM read.summary").await.unwrap();
    let sql = "INSERT INTO read.categories SELECT id, 999999, 9999999, book_id, created_position, created_at, version, \
                 changed_at, kind, 'Planted', forgotten, merged_into FROM read.categories LIMIT 1";
    writer.client.batch_execute(sql).await.unwrap();

    let mut stages = Vec::new();
    let found = verify(&history.journal, Group::Ledger, |progress| stages.push(progress.stage))
        .await
        .unwrap();
    assert!(
        stages.contains(&Stage::Filling) && stages.last() == Some(&Stage::Comparing),
        "{stages:?}"
    );
    let told: Vec<String> = found
        .tables
        .iter()
        .flat_map(|t| &t.first)
        .map(ToString::to_string)
        .collect();
    assert!(told.iter().all(|line| !line.contains("Planted")), "{told:?}");
    for table in &found.tables {
        match table.table {
            "accounts" => {
                assert_eq!((table.differing, &table.first[0].key), (1, &changed));
                assert_eq!(
                    table.first[0].how,
                    How::Columns(vec!["name".into(), "balance_minor".into()])
                );
            }
            "summary" => {
                assert!(table.rows == 0 && table.differing > 0);
                assert!(table.first.iter().all(|row| row.how == How::Missing), "{table:?}");
            }
            "categories" => {
                assert_eq!((table.differing, &table.first[0].how), (1, &How::Surplus));
            }
            _ => assert_eq!(table.differing, 0, "{table:?}"),
        }
    }
    assert_eq!(schemas_beside(&writer).await, 0);
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    let mended = verify(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    assert!(mended.tables.iter().all(|table| table.differing == 0), "{mended:?}");
    running.stop().await;
}

/// A dump holds its tables for as long as it takes: the swap waits for it, and lets everybody else go on meanwhile.
#[tokio::test]
async fn a_swap_waits_for_a_dump_and_nobody_for_the_swap() {
    let mut history = History::random(79, 50).await;
    let projections = projections(&history);
    let running = Running::start(&projections);
    projections
        .wait(Group::Ledger, history.head().await, WAIT)
        .await
        .unwrap();
    let dump = writer(&history).await;
    dump.client
        .batch_execute("BEGIN; SELECT FROM read.postings; SELECT FROM read.accounts")
        .await
        .unwrap();
    let journal = history.journal.clone();
    let (heard, mut tries) = tokio::sync::mpsc::unbounded_channel();
    let rebuilding = tokio::spawn(async move {
        rebuild(&journal, Group::Ledger, |progress| {
            if progress.stage == Stage::Swapping {
                let _unheard = heard.send(());
            }
        })
        .await
    });
    for _ in 0..3 {
        tokio::time::timeout(WAIT, tries.recv())
            .await
            .expect("it is tried again")
            .unwrap();
        history.step().await;
        let head = history.head().await;
        projections.wait(Group::Ledger, head, WAIT).await.unwrap();
        let all = projections.reader().query("SELECT count(*) FROM read.accounts", &[]);
        tokio::time::timeout(Duration::from_secs(2), all)
            .await
            .expect("readers go on")
            .unwrap();
    }
    assert!(!rebuilding.is_finished());
    dump.client.batch_execute("COMMIT").await.unwrap();
    let rebuilt = rebuilding.await.unwrap().unwrap();
    assert!(rebuilt.position >= history.head().await);
    let verified = verify(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    assert!(verified.tables.iter().all(|table| table.differing == 0), "{verified:?}");
    running.stop().await;
}

/// A table that was filled in one go and never analysed has no statistics.
#[tokio::test]
async fn tables_have_statistics_after_a_backlog_and_after_a_rebuild() {
    let mut history = History::new(80).await;
    let book = history.open_book().await;
    let writer = writer(&history).await;
    let sql = "SELECT count(*) FROM pg_stats WHERE schemaname = 'read' AND tablename = 'transactions'";
    history.record(book).await;
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    assert!(number(&writer, sql).await > 0, "after a rebuild");
    let options = "SELECT count(*) FROM pg_class WHERE array_to_string(reloptions, ' ') LIKE '%autovacuum%'";
    assert_eq!(number(&writer, options).await, 0, "and autovacuum looks after them");
    let options =
        "SELECT count(*) FROM pg_class WHERE oid = 'read.summary'::regclass AND reloptions = '{fillfactor=70}'";
    assert_eq!(number(&writer, options).await, 1, "and they are stored as before");

    let mut history = History::new(81).await;
    let book = history.open_book().await;
    history.record_many(book, ANALYZE_AFTER).await;
    let writer = super::writer(&history).await;
    assert_eq!(number(&writer, sql).await, 0);
    let projections = projections(&history);
    let running = Running::start(&projections);
    projections
        .wait(Group::Ledger, history.head().await, Duration::from_secs(60))
        .await
        .unwrap();
    tokio::time::timeout(WAIT, async {
        while number(&writer, sql).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the tables are analysed");
    running.stop().await;
}

/// Where the connection that holds the lock is cut alone, the workers copy for a while longer.
#[tokio::test]
async fn nobody_begins_beside_the_workers_of_one_that_lost_the_lock() {
    let history = History::random(82, 50).await;
    let writer = writer(&history).await;
    let begun = Rebuild::begin(&history.journal, Group::Ledger).await.unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
               WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND a.datname = current_database() \
                 AND a.application_name LIKE 'spendlog rebuild%'";
    assert_eq!(number(&writer, cut).await, 1);
    let refused = Rebuild::begin(&history.journal, Group::Ledger).await.unwrap_err();
    assert!(
        matches!(refused, ProjectionError::Busy { by: Some(_), .. }),
        "{refused:?}"
    );
    drop(begun);
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
}
