//! What projections of one's own keep: long texts, sums of nothing, no more rows than they may, nobody who was forgotten.

use std::time::Duration;

use fastrand::Rng;
use spendlog_domain::{
    categories::CategoryEvent,
    transactions::{Origin, Posting, Target, TransactionCommand},
    values::{BookId, CategoryId, Money, PostingId, TransactionId},
};
use spendlog_event_store::Share;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    History,
    custom::{INCREMENTAL, Running, WAIT, caught_up, forget, rows_of, tables},
    projections, writer,
};
use crate::custom::{self, CustomError, hold_events, keeper::Keeper, reading_events, statements::adding};

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
    writer.lock(adding("half")).await.unwrap();
    projections.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(tables(&writer).await.len(), 1);
    let taken = custom::add(&history.journal, "half", "SELECT 1 AS a", every).await;
    assert!(matches!(taken, Err(CustomError::Exists(_))), "{taken:?}");
    writer.unlock(adding("half")).await.unwrap();
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

/// What is archived is in no view of events.
#[tokio::test]
async fn what_reads_events_is_not_added_while_they_are_archived_nor_the_other_way_round() {
    const OFTEN: Option<Duration> = Some(Duration::from_secs(60));
    const READING: &str = "SELECT count(*) AS n FROM events.transaction_recorded";
    let history = History::new(320).await;
    let db = history.journal.database();
    let archiving = hold_events(db, Share::Alone).await.unwrap();
    let error = custom::add(&history.journal, "reading", READING, OFTEN)
        .await
        .unwrap_err();
    assert!(matches!(error, CustomError::Held), "{error:?}");
    custom::add(
        &history.journal,
        "others",
        "SELECT count(*) AS n FROM transactions",
        OFTEN,
    )
    .await
    .unwrap();
    drop(archiving);
    // It is stopped where it is about to be stored.
    let writer = writer(&history).await;
    let stop = "BEGIN; LOCK TABLE custom.statements IN SHARE MODE";
    writer.client.batch_execute(stop).await.unwrap();
    let adding = custom::add(&history.journal, "reading", READING, OFTEN);
    let archiving = async {
        let stopped = "SELECT count(*) FROM pg_locks WHERE relation = 'custom.statements'::regclass AND NOT granted \
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while writer.query(stopped.to_owned(), &[]).await.unwrap()[0].get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let error = hold_events(db, Share::Alone).await.unwrap_err();
        writer.client.batch_execute("COMMIT").await.unwrap();
        error
    };
    let (added, error) = tokio::join!(adding, archiving);
    added.unwrap();
    assert!(matches!(error, CustomError::Held), "{error:?}");
    hold_events(db, Share::Alone).await.unwrap();
    assert_eq!(reading_events(db).await.unwrap(), ["reading"]);
}
