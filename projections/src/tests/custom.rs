//! Projections of one's own come out the same whether they are kept up to date by batches or computed as they are written.

use std::{collections::BTreeSet, time::Duration};

use spendlog_domain::{books::BookEvent, values::BookId};
use tokio_util::sync::CancellationToken;

use super::{History, projections, writer};
use crate::{
    Group, Projections,
    custom::{
        self, CustomError,
        incremental::Plan,
        keeper::{Keeper, known_columns},
    },
    rebuild, runner,
    writer::Writer,
};

pub(super) const WAIT: Duration = Duration::from_secs(20);

/// Statements that add up, each in another way.
pub(super) const INCREMENTAL: &[(&str, &str)] = &[
    (
        "monthly_merchants",
        "SELECT book_id, month, merchant, currency, sum(amount_minor) AS total_minor, count(*) AS purchases
         FROM transactions WHERE NOT voided GROUP BY book_id, month, merchant, currency ORDER BY 2;",
    ),
    (
        "by_category",
        "SELECT t.book_id, c.name AS category, p.currency, sum(p.amount_minor) AS spent,
           sum(p.amount_minor) FILTER (WHERE p.amount_minor < 0) AS refunded, count(c.merged_into) AS merged
         FROM postings p JOIN transactions t USING (transaction_id) JOIN categories c ON c.category_id = p.category_id
         WHERE NOT p.voided AND coalesce(t.merchant, '') <> 'NORTH MARKET' GROUP BY 1, 2, 3 -- a comment at the end",
    ),
    (
        "pairs",
        "SELECT a.book_id, date_trunc('month', a.booked_on)::date AS first_day, count(*) AS pairs
         FROM transactions a, analytics.transactions b
         WHERE a.book_id = b.book_id AND a.booked_on = b.booked_on AND a.transaction_id < b.transaction_id
         GROUP BY a.book_id, first_day",
    ),
    (
        "large",
        "SELECT transaction_id, book_id, upper(merchant) AS merchant, amount_minor FROM transactions WHERE abs(amount_minor) > 2000",
    ),
    ("balances", "SELECT book_id, currency, sum(balance_minor) AS minor FROM accounts WHERE NOT closed GROUP BY book_id, currency"),
    (
        "sums",
        "SELECT s.book_id, k.kind, sum(s.income_minor + s.expense_minor) AS total FROM summary s
         JOIN categories k ON k.category_id = s.category_id GROUP BY s.book_id, k.kind",
    ),
    (
        "recorded",
        "SELECT owner_id AS book_id, booked_on, count(*) AS recorded FROM events.transaction_recorded GROUP BY owner_id, booked_on",
    ),
    (
        "corrected",
        "SELECT t.book_id, t.merchant, sum(changes.to_minor - changes.from_minor) AS corrected
         FROM events.transaction_amount_corrected_changes AS changes JOIN transactions t ON t.transaction_id = changes.transaction_id
         GROUP BY t.book_id, t.merchant",
    ),
    (
        "letters",
        "SELECT book_id, merchant AS r, month AS t, sum(amount_minor) AS s, count(*) AS j FROM transactions
         GROUP BY book_id, merchant, month",
    ),
];

/// The runners of the read tables alone: what keeps projections of one's own up to date is called by the test.
pub(super) struct Running(CancellationToken);

impl Running {
    pub(super) fn start(projections: &Projections) -> Self {
        let stop = CancellationToken::new();
        for group in Group::ALL {
            tokio::spawn(runner::run(projections.clone(), group, stop.clone()));
        }
        Self(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(super) async fn caught_up(history: &History, projections: &Projections) {
    let head = history.head().await;
    for group in Group::ALL {
        projections.wait(group, head, WAIT).await.unwrap();
    }
}

/// Brings each up to date by what changed, and compares it with its statement.
async fn same(history: &History) -> i64 {
    let mut rows = 0;
    for (name, _) in INCREMENTAL {
        let found = custom::verify(&history.journal, name).await.unwrap();
        assert_eq!((found.missing, found.surplus), (0, 0), "{name} at {}", found.position);
        rows += found.rows;
    }
    rows
}

async fn add_all(history: &History) {
    for (name, statement) in INCREMENTAL {
        custom::add(&history.journal, name, statement, None)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The tables of the rows: those that are computed anew have others.
pub(super) async fn tables(writer: &Writer) -> Vec<u32> {
    let sql =
        "SELECT oid FROM pg_class WHERE relnamespace = 'custom_rows'::regnamespace AND relkind = 'r' ORDER BY relname";
    let rows = writer.query(sql.to_owned(), &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_batches_come_to_what_the_statements_say() {
    for seed in [301, 302] {
        let mut history = History::random(seed, 60).await;
        let (projections, writer) = (projections(&history), writer(&history).await);
        let _running = Running::start(&projections);
        caught_up(&history, &projections).await;
        add_all(&history).await;
        let before = tables(&writer).await;
        let mut rows = 0;
        for round in 0..12 {
            // Batches of all sizes, and none at all.
            for _ in 0..round * 3 {
                history.step().await;
            }
            if round % 3 == 0 {
                caught_up(&history, &projections).await;
            }
            rows = same(&history).await;
        }
        caught_up(&history, &projections).await;
        assert!(same(&history).await >= rows && rows > 50, "{rows}");
        assert_eq!(tables(&writer).await, before, "none was computed anew");
        assert!(
            projections
                .custom()
                .await
                .unwrap()
                .iter()
                .all(|status| status.failure.is_none())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_once_counts_once_however_many_bring_it_up_to_date() {
    let mut history = History::random(303, 60).await;
    let projections = projections(&history);
    let _running = Running::start(&projections);
    caught_up(&history, &projections).await;
    add_all(&history).await;
    for _ in 0..6 {
        for _ in 0..10 {
            history.step().await;
        }
        caught_up(&history, &projections).await;
        let name = "by_category";
        let passes = (0..4).map(|_| async {
            let mut keeper = Keeper::open(&history.journal, name).await.unwrap();
            keeper.pass(false).await.unwrap().is_some()
        });
        let did = futures_util::future::join_all(passes).await;
        assert_eq!(did.iter().filter(|did| **did).count(), 1, "one of them does it");
        same(&history).await;
    }
}

pub(super) async fn forget(history: &mut History, book: BookId) {
    let version = history.journal.load("book", &book.to_string()).await.unwrap().len() as i64;
    let events = vec![BookEvent::Forgotten {}];
    history
        .append("book", book.to_string(), book.uuid(), version, events)
        .await;
    history.books.retain(|other| *other != book);
    history.journal.forget(&[book.uuid()]).await.unwrap();
}

/// How many rows of a book a projection has.
pub(super) async fn rows_of(writer: &Writer, name: &str, book: BookId) -> i64 {
    let sql = format!("SELECT count(*) FROM custom_rows.{name} WHERE book_id = $1");
    writer.query(sql, &[&book.uuid()]).await.unwrap()[0].get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_forgettings_and_hands_in_the_rows_are_made_good() {
    let mut history = History::random(304, 80).await;
    history.open_book().await;
    for _ in 0..60 {
        history.step().await;
    }
    let (projections, writer) = (projections(&history), writer(&history).await);
    let _running = Running::start(&projections);
    caught_up(&history, &projections).await;
    add_all(&history).await;

    // A rebuild takes the views along, and nobody has to grant anything anew.
    let live = tables(&writer).await;
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    rebuild(&history.journal, Group::Documents, |_| ()).await.unwrap();
    let sql = "SELECT count(*) FROM analytics.transactions WHERE merchant IS NOT NULL";
    let seen: i64 = writer.query(sql.to_owned(), &[]).await.unwrap()[0].get(0);
    assert!(seen > 10, "{seen}");
    assert!(same(&history).await > 50);
    assert_ne!(tables(&writer).await, live, "they were computed anew");

    // Somebody is forgotten: no row of theirs stays.
    let gone = history.books[0];
    forget(&mut history, gone).await;
    history.step().await;
    caught_up(&history, &projections).await;
    same(&history).await;
    for (name, _) in INCREMENTAL {
        assert_eq!(rows_of(&writer, name, gone).await, 0, "{name}");
    }

    // What is changed by hand is found, and a rebuild makes it good.
    let sql = "UPDATE custom_rows.monthly_merchants SET total_minor = total_minor + 1";
    writer.client.batch_execute(sql).await.unwrap();
    let found = custom::verify(&history.journal, "monthly_merchants").await.unwrap();
    assert!(found.missing > 0 && found.missing == found.surplus, "{found:?}");
    custom::refresh(&history.journal, "monthly_merchants").await.unwrap();
    same(&history).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_runs_keeps_them_up_to_date_by_batches_and_by_schedule() {
    let mut history = History::random(305, 60).await;
    let (projections, other) = (projections(&history), projections(&history));
    let stop = CancellationToken::new();
    let running = [projections.run(&stop), other.run(&stop)];
    caught_up(&history, &projections).await;
    let top = "SELECT merchant, count(*) AS n FROM transactions GROUP BY merchant ORDER BY n DESC, merchant LIMIT 3";
    custom::add(&history.journal, "top", top, Some(Duration::from_secs(1)))
        .await
        .unwrap();
    add_all(&history).await;
    let far = async |history: &History, name: &str| {
        let head = history.head().await;
        tokio::time::timeout(WAIT, async {
            while projections.custom_status(name).await.unwrap().position < head {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{name} comes to the head"));
    };
    for _ in 0..3 {
        for _ in 0..20 {
            history.step().await;
        }
        for name in ["monthly_merchants", "recorded", "top"] {
            far(&history, name).await;
        }
        same(&history).await;
    }
    let status = projections.custom_status("top").await.unwrap();
    assert_eq!(
        (status.every, status.is_by_book()),
        (Some(Duration::from_secs(1)), false)
    );
    assert_eq!(status.run_by.map(|by| by.pid), Some(std::process::id()));

    projections.pause_custom("recorded", true).await.unwrap();
    let rests_at = projections.custom_status("recorded").await.unwrap().position;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let book = history.books[0];
    history.record(book).await;
    history.step().await;
    far(&history, "monthly_merchants").await;
    let asked = custom::verify(&history.journal, "recorded").await;
    assert!(matches!(asked, Err(CustomError::Older { .. })), "{asked:?}");
    assert_eq!(projections.custom_status("recorded").await.unwrap().position, rests_at);
    projections.pause_custom("recorded", false).await.unwrap();
    far(&history, "recorded").await;

    custom::remove(&history.journal, "recorded").await.unwrap();
    assert!(matches!(
        projections.custom_status("recorded").await,
        Err(CustomError::Unknown(_))
    ));
    stop.cancel();
    for task in running.into_iter().flatten() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let history = History::random(306, 120).await;
    let projections = projections(&history);
    let _running = Running::start(&projections);
    caught_up(&history, &projections).await;
    add_all(&history).await;
    let of = projections.readable("monthly_merchants").await.unwrap();
    let all = of.rows(&projections, None, None, 1000).await.unwrap();
    assert!(all.len() > 10);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = of.rows(&projections, None, after.as_deref(), 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        paged.extend(page.into_iter().map(|row| row.body));
    }
    assert_eq!(paged, all.iter().map(|row| row.body.clone()).collect::<Vec<_>>());
    let book = history.books[0];
    let own = of.rows(&projections, Some(&[book]), None, 1000).await.unwrap();
    assert!(!own.is_empty() && own.len() < all.len());
    assert!(own.iter().all(|row| row.body.contains(&book.to_string())), "{own:?}");
    let letters = projections.readable("letters").await.unwrap();
    let letters = letters.rows(&projections, None, None, 1).await.unwrap();
    assert!(
        letters[0].body.contains("\"r\":") && letters[0].body.contains("\"s\":"),
        "{letters:?}"
    );
}

#[tokio::test]
async fn what_does_not_add_up_is_told_apart_with_its_reason() {
    let history = History::new(307).await;
    crate::custom::analyst::provide(&history.journal).await.unwrap();
    let known: BTreeSet<String> = known_columns(&writer(&history).await).await.unwrap();
    for (statement, why) in [
        ("SELECT merchant FROM transactions LIMIT 3", "LIMIT"),
        ("SELECT DISTINCT merchant FROM transactions", "DISTINCT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "WITH"),
        ("SELECT 1 AS a UNION SELECT 2", "no single SELECT"),
        (
            "SELECT book_id, sum(amount_minor) AS s FROM transactions GROUP BY 1 HAVING count(*) > 1",
            "HAVING",
        ),
        (
            "SELECT book_id, avg(amount_minor) AS a FROM transactions GROUP BY book_id",
            "neither grouped by nor a plain sum",
        ),
        (
            "SELECT book_id, max(booked_on) AS a FROM transactions GROUP BY book_id",
            "neither grouped by nor a plain sum",
        ),
        (
            "SELECT book_id, -sum(amount_minor) AS a FROM transactions GROUP BY book_id",
            "neither grouped by nor a plain sum",
        ),
        (
            "SELECT book_id, count(DISTINCT merchant) AS a FROM transactions GROUP BY book_id",
            "more than a plain",
        ),
        ("SELECT sum(amount_minor) AS s FROM transactions", "group by something"),
        (
            "SELECT count(*) AS n FROM transactions GROUP BY merchant",
            "not among its columns",
        ),
        ("SELECT * FROM transactions", "name the columns"),
        (
            "SELECT merchant FROM transactions",
            "neither groups nor shows transaction_id",
        ),
        (
            "SELECT t.book_id, count(*) AS n FROM transactions t LEFT JOIN categories c USING (category_id) GROUP BY 1",
            "LEFT JOIN",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions NATURAL JOIN categories GROUP BY 1",
            "NATURAL",
        ),
        (
            "SELECT status, count(*) AS n FROM documents GROUP BY status",
            "reads documents",
        ),
        (
            "SELECT n, count(*) AS c FROM generate_series(1, 3) n GROUP BY n",
            "no view",
        ),
        (
            "SELECT a.book_id, count(*) AS c FROM (SELECT book_id FROM transactions) a GROUP BY 1",
            "no view",
        ),
        (
            "SELECT book_id, count(*) AS n FROM versions.transactions GROUP BY 1",
            "neither in `analytics`",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > now() GROUP BY 1",
            "now()",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > current_date GROUP BY 1",
            "current_date",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > 'today'::date GROUP BY 1",
            "another day tomorrow",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > date 'yesterday' GROUP BY 1",
            "another day tomorrow",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > 'tomorrow 5pm'::timestamptz GROUP BY 1",
            "another day tomorrow",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE booked_on > timestamp 'today 00:00' GROUP BY 1",
            "another day tomorrow",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE random() < 0.5 GROUP BY 1",
            "random()",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions WHERE book_id IN (SELECT book_id FROM books) GROUP BY 1",
            "subquery",
        ),
        (
            "SELECT book_id, lower(merchant) AS merchant, count(*) AS n FROM transactions GROUP BY book_id, merchant",
            "neither grouped by",
        ),
        (
            "SELECT book_id, row_number() OVER () AS n, transaction_id FROM transactions",
            "window function",
        ),
        (
            "SELECT book_id, count(*) AS n FROM transactions GROUP BY ROLLUP (book_id)",
            "neither grouped by",
        ),
    ] {
        match Plan::of(statement, &known) {
            Ok(plan) => panic!("{statement} is taken for one that adds up: {plan:?}"),
            Err(reason) => assert!(reason.why.contains(why), "{statement}: {reason}"),
        }
    }
    let reason = Plan::of(
        "SELECT book_id,\n  avg(amount_minor) AS a\nFROM transactions GROUP BY book_id",
        &known,
    )
    .unwrap_err();
    assert_eq!(reason.line, Some(2));
    // Of floating numbers the order of summing decides.
    let statement = "SELECT book_id, sum(amount_minor * 0.5::float8) AS s FROM transactions GROUP BY book_id";
    let error = custom::add(&history.journal, "halves", statement, None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CustomError::NotIncremental(reason) if reason.why.contains("no exact number")),
        "{error}"
    );
}
