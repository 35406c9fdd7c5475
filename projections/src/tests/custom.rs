//! Projections of one's own come out the same whether they are kept up to date by batches or computed as they are written.

use std::{collections::BTreeSet, time::Duration};

use fastrand::Rng;
use spendlog_domain::{
    books::BookEvent,
    categories::CategoryEvent,
    transactions::{Origin, Posting, Target, TransactionCommand},
    values::{BookId, CategoryId, Money, PostingId, TransactionId},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

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

const WAIT: Duration = Duration::from_secs(20);

/// Statements that add up, each in another way.
const INCREMENTAL: &[(&str, &str)] = &[
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
struct Running(CancellationToken);

impl Running {
    fn start(projections: &Projections) -> Self {
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

async fn caught_up(history: &History, projections: &Projections) {
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
async fn tables(writer: &Writer) -> Vec<u32> {
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

async fn forget(history: &mut History, book: BookId) {
    let version = history.journal.load("book", &book.to_string()).await.unwrap().len() as i64;
    let events = vec![BookEvent::Forgotten {}];
    history
        .append("book", book.to_string(), book.uuid(), version, events)
        .await;
    history.books.retain(|other| *other != book);
    history.journal.forget(&[book.uuid()]).await.unwrap();
}

/// How many rows of a book a projection has.
async fn rows_of(writer: &Writer, name: &str, book: BookId) -> i64 {
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

/// An entry of an index is not as long as a note may be.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_a_key_like_any_other() {
    let mut history = History::random(308, 40).await;
    let projections = projections(&history);
    let _running = Running::start(&projections);
    caught_up(&history, &projections).await;
    let statements = [
        (
            "notes",
            "SELECT book_id, note, count(*) AS n FROM transactions GROUP BY book_id, note",
        ),
        ("all_notes", "SELECT transaction_id, book_id, note FROM transactions"),
    ];
    for (name, statement) in statements {
        custom::add(&history.journal, name, statement, None).await.unwrap();
    }
    let counts = history.transactions.iter().find(|(_, (state, _))| !state.is_voided());
    let (id, book) = counts.map(|(id, (state, _))| (*id, state.book().unwrap())).unwrap();
    let mut rng = Rng::with_seed(308);
    for _ in 0..2 {
        // Of letters at random, which can't be compressed.
        let note: String = (0..4000).map(|_| rng.alphanumeric()).collect();
        let command = TransactionCommand::Note {
            note: Some(note.as_str().into()),
        };
        history.transaction(id, book, command).await;
        caught_up(&history, &projections).await;
        for (name, _) in statements {
            let found = custom::verify(&history.journal, name).await.unwrap();
            assert_eq!((found.missing, found.surplus), (0, 0), "{name}");
            let of = projections.readable(name).await.unwrap();
            let all = of.rows(&projections, None, None, 1000).await.unwrap();
            let long: Vec<_> = all.iter().filter(|row| row.body.contains(&note)).collect();
            assert!(long.len() == 1 && long[0].key.len() < 100, "{name}");
            let after = of.rows(&projections, None, Some(&long[0].key), 1000).await.unwrap();
            assert!(after.len() < all.len() && !after.iter().any(|row| row.key == long[0].key));
        }
    }
    for (name, _) in statements {
        custom::refresh(&history.journal, name).await.unwrap();
        let found = custom::verify(&history.journal, name).await.unwrap();
        assert_eq!((found.missing, found.surplus), (0, 0), "{name}");
    }
}

/// Of nothing there is no sum: also where what a batch changed comes to 0 in a group that is new.
#[tokio::test(flavor = "multi_thread")]
async fn a_sum_of_nothing_is_null_in_a_new_group() {
    let mut history = History::new(309).await;
    let book = history.open_book().await;
    let projections = projections(&history);
    let _running = Running::start(&projections);
    let (category, other) = (history.categories_of(book)[0], history.categories_of(book)[1]);
    let spent = spend(&mut history, book, category, 500).await;
    spend(&mut history, book, category, -200).await;
    caught_up(&history, &projections).await;
    let statement =
        "SELECT c.book_id, c.name, sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0) AS spent, count(*) AS n
         FROM categories c JOIN postings p ON p.category_id = c.category_id GROUP BY c.book_id, c.name";
    custom::add(&history.journal, "spent", statement, None).await.unwrap();
    let command = TransactionCommand::Categorise {
        posting: None,
        category: other,
    };
    history.transaction(spent, book, command).await;
    let stream = history.journal.load("category", &category.to_string()).await.unwrap();
    let renamed = CategoryEvent::Renamed {
        from: "Any".into(),
        to: "Another name".into(),
    };
    history
        .append(
            "category",
            category.to_string(),
            book.uuid(),
            stream.len() as i64,
            vec![renamed],
        )
        .await;
    caught_up(&history, &projections).await;
    let found = custom::verify(&history.journal, "spent").await.unwrap();
    assert_eq!((found.rows, found.missing, found.surplus), (2, 0, 0));
}

/// Takes from the first account and gives to a category.
async fn spend(history: &mut History, book: BookId, category: CategoryId, minor: i64) -> TransactionId {
    let id = Uuid::from_u128(u128::from(minor.unsigned_abs()));
    let (account, currency) = history.accounts_of(book)[0];
    let posting = |number: u128, target, minor| Posting {
        id: PostingId::new(Uuid::from_u128((id.as_u128() << 8) | number)),
        target,
        money: Money { minor, currency },
    };
    let record = TransactionCommand::Record {
        transaction: TransactionId::new(id),
        book,
        booked_on: "2025-03-01".parse().unwrap(),
        merchant: None,
        note: None,
        postings: vec![
            posting(0, Target::Account(account), -minor),
            posting(1, Target::Category(category), minor),
        ],
        origin: Origin::Manual {},
    };
    history.transaction(TransactionId::new(id), book, record).await;
    TransactionId::new(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_become_too_many_are_told() {
    let mut history = History::new(314).await;
    let book = history.open_book().await;
    let projections = projections(&history);
    let _running = Running::start(&projections);
    history.record_many(book, 99).await;
    caught_up(&history, &projections).await;
    let pairs =
        "SELECT a.transaction_id AS one, b.transaction_id AS two, count(*) AS n FROM transactions a, transactions b
         WHERE a.book_id = b.book_id GROUP BY a.transaction_id, b.transaction_id";
    let added = custom::add(&history.journal, "all_pairs", pairs, None).await.unwrap();
    assert_eq!(added.rows, 99 * 99);
    history.record_many(book, 2).await;
    caught_up(&history, &projections).await;
    let mut keeper = Keeper::open(&history.journal, "all_pairs").await.unwrap();
    let error = keeper.pass(false).await.unwrap_err();
    assert!(matches!(error, CustomError::TooManyRows), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_forgotten_stays_neither_in_what_is_paused_nor_in_what_fails() {
    let mut history = History::random(315, 80).await;
    let (projections, writer) = (projections(&history), writer(&history).await);
    let stop = CancellationToken::new();
    let running = projections.run(&stop);
    caught_up(&history, &projections).await;
    let (name, statement) = INCREMENTAL[0];
    custom::add(&history.journal, name, statement, None).await.unwrap();
    let shops = "SELECT DISTINCT book_id, merchant FROM transactions";
    custom::add(&history.journal, "shops", shops, Some(Duration::from_secs(3600)))
        .await
        .unwrap();
    let gone = history.books[0];
    for name in [name, "shops"] {
        assert!(rows_of(&writer, name, gone).await > 0, "{name}");
    }
    projections.pause_custom(name, true).await.unwrap();
    let fails = "UPDATE custom.statements SET statement = 'SELECT 1 / 0 AS book_id' WHERE name = 'shops'";
    writer.client.batch_execute(fails).await.unwrap();
    forget(&mut history, gone).await;
    projections.wait_forgotten(history.head().await, WAIT).await.unwrap();
    for name in [name, "shops"] {
        assert_eq!(rows_of(&writer, name, gone).await, 0, "{name}");
    }
    // When it goes on it has the rows of everybody else.
    projections.pause_custom(name, false).await.unwrap();
    custom::refresh(&history.journal, name).await.unwrap();
    let found = custom::verify(&history.journal, name).await.unwrap();
    assert!(found.rows > 0 && found.missing + found.surplus == 0, "{found:?}");
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_being_added_by_somebody_who_was_killed_is_not_there_and_goes() {
    let history = History::random(316, 20).await;
    let (projections, writer) = (projections(&history), writer(&history).await);
    let every = Some(Duration::from_secs(60));
    custom::add(&history.journal, "half", "SELECT 1 AS a", every)
        .await
        .unwrap();
    let sql = "UPDATE custom.statements SET verified = false";
    writer.client.batch_execute(sql).await.unwrap();
    let asked = projections.readable("half").await;
    assert!(matches!(asked, Err(CustomError::Unknown(_))), "{asked:?}");
    assert!(projections.custom().await.unwrap().is_empty());
    // Not while somebody is at it.
    let held = "SELECT pg_advisory_lock(702188305, hashtext('half'))";
    writer.client.batch_execute(held).await.unwrap();
    projections.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(tables(&writer).await.len(), 1);
    let taken = custom::add(&history.journal, "half", "SELECT 1 AS a", every).await;
    assert!(matches!(taken, Err(CustomError::Exists(_))), "{taken:?}");
    let held = "SELECT pg_advisory_unlock(702188305, hashtext('half'))";
    writer.client.batch_execute(held).await.unwrap();
    projections.sweep(Duration::ZERO).await.unwrap();
    assert!(tables(&writer).await.is_empty());
    custom::add(&history.journal, "half", "SELECT 1 AS a", every)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_passes() {
    let history = History::new(317).await;
    let (holds, wants) = (writer(&history).await, writer(&history).await);
    let lock = "BEGIN; LOCK TABLE custom.statements";
    holds.client.batch_execute(lock).await.unwrap();
    let sql = format!("SET lock_timeout = '10ms'; {lock}");
    let error = CustomError::from(wants.client.batch_execute(&sql).await.unwrap_err());
    assert!(error.is_passing(), "{error:?}");
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
