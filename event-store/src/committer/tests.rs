//! Writers against each other, and against a database that fails them.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    Append, Expect, Journal,
    link::APPLICATION,
    sample::{Sample, all, another, guarded, note, sound},
};

/// Ends the committers' connections, as a failing network would.
async fn cut(journal: &Journal) -> i64 {
    const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    sqlx::query_scalar(CUT)
        .bind(APPLICATION)
        .fetch_one(journal.database().pool())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_of_a_conflict_commit() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    journal.append(note("account", 0)).await.unwrap();
    for round in 0..20 {
        let used = note(&format!("u{round}"), 0);
        journal.append(used.clone()).await.unwrap();
        let id = |name: &str| format!("{name}{round}");
        let twice = || note(&id("twice"), 0);
        let (fine, stale, early, again, late, first, second, last) = tokio::join!(
            biased;
            journal.append(guarded(note(&id("a"), 0), "account", 1)),
            journal.append(guarded(note(&id("b"), 0), "account", 0)),
            journal.append(guarded(note(&id("c"), 0), "account", 2)),
            journal.append(Append { command_id: used.command_id, ..note(&id("d"), 0) }),
            journal.append(note(&id("e"), 3)),
            journal.append(twice()),
            journal.append(twice()),
            journal.append(guarded(note(&id("f"), 0), "account", 1)),
        );
        assert!(
            fine.is_ok() && first.is_ok() && last.is_ok(),
            "{fine:?} {first:?} {last:?}"
        );
        for refused in [stale, early, late, second] {
            assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
        }
        assert!(matches!(again, Err(AppendError::Duplicate)));
    }
    assert_eq!(sound(journal).await, 1 + 20 * 4);
}

/// Sixteen writers over two journals on one database: streams that several of them want to extend, commands sent twice, and an
/// account that is closed while others record in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_journals_share_a_database() {
    let sample = Sample::new().await;
    let journals = [sample.journal.clone(), another(&sample.database).await];
    sample.journal.append(note("account", 0)).await.unwrap();
    let closed = std::sync::Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16_usize)
        .map(|writer| {
            let (own, other, closed) = (
                journals[writer % 2].clone(),
                journals[(writer + 1) % 2].clone(),
                closed.clone(),
            );
            tokio::spawn(async move {
                let (mut committed, mut refused, mut passed) = (Vec::new(), 0, 0);
                for round in 0..40 {
                    if writer == 0 && round == 20 {
                        own.append(note("account", 1)).await.unwrap();
                        closed.store(true, Ordering::SeqCst);
                    }
                    let was_closed = closed.load(Ordering::SeqCst);
                    let shared = format!("shared{}", round % 3);
                    let version = own.load("note", &shared).await.unwrap().len();
                    let attempts = [
                        note(&shared, version as i64),
                        guarded(note(&format!("own{writer}-{round}"), 0), "account", 1),
                    ];
                    for (which, append) in attempts.into_iter().enumerate() {
                        // The same command through both journals at once: one of them is told that it is a duplicate.
                        let (a, b) = tokio::join!(own.append(append.clone()), other.append(append.clone()));
                        let done = [&a, &b].into_iter().filter(|answer| answer.is_ok()).count();
                        assert!(done <= 1, "{a:?} {b:?}");
                        for answer in [a, b] {
                            match answer {
                                Ok(appended) => {
                                    committed.push((append.command_id, appended.position));
                                    passed += which;
                                    assert!(which == 0 || !was_closed, "a guard let something pass");
                                }
                                Err(AppendError::Conflict { .. } | AppendError::Duplicate) => refused += 1,
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                }
                (committed, refused, passed)
            })
        })
        .collect();
    let (mut committed, mut refused, mut passed) = (HashSet::new(), 0, 0);
    for task in tasks {
        let (own, no, guarded) = task.await.unwrap();
        for acknowledged in own {
            assert!(committed.insert(acknowledged));
        }
        refused += no;
        passed += guarded;
    }
    assert_eq!(committed.len() + refused, 16 * 40 * 4);
    assert!(passed > 0);
    let events = all(&sample.journal).await;
    let closing = events
        .iter()
        .find(|event| event.stream == "account" && event.sequence == 2)
        .unwrap()
        .position;
    assert!(
        events
            .iter()
            .all(|event| !event.stream.starts_with("own") || event.position < closing)
    );
    let stored: HashSet<_> = events
        .iter()
        .filter(|event| event.stream != "account")
        .map(|event| (event.command_id.unwrap(), event.position))
        .collect();
    assert_eq!(stored, committed);
    assert_eq!(sound(&sample.journal).await, events.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_others_that_stays_open_stalls_nothing() {
    let sample = Sample::new().await;
    let mut foreign = sample.database.database().pool().begin().await.unwrap();
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *foreign)
        .await
        .unwrap();
    sqlx::query("SELECT count(*) FROM es.events")
        .execute(&mut *foreign)
        .await
        .unwrap();
    sqlx::query("CREATE TABLE foreign_work (a int)")
        .execute(&mut *foreign)
        .await
        .unwrap();
    for n in 0..20 {
        let append = sample.journal.append(note(&format!("n{n}"), 0));
        tokio::time::timeout(Duration::from_secs(20), append)
            .await
            .unwrap()
            .unwrap();
    }
    assert_eq!(all(&sample.journal).await.len(), 20);
    foreign.rollback().await.unwrap();
}

/// Connections are cut again and again while twenty callers write. What was acknowledged is there exactly once, where it was said
/// to be; what was not is there at most once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_loses_and_doubles_nothing() {
    let sample = Sample::new().await;
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..20)
        .map(|writer| {
            let (journal, done) = (sample.journal.clone(), done.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                let mut version = 0;
                while !done.load(Ordering::Relaxed) {
                    let append = note(&format!("w{writer}"), version);
                    match journal.append(append.clone()).await {
                        Ok(appended) => acknowledged.push((append.command_id, appended.position)),
                        // Whether it was committed is not known: the command tells.
                        Err(AppendError::Database(_))
                            if journal.command(append.command_id).await.unwrap().is_none() =>
                        {
                            continue;
                        }
                        Err(AppendError::Database(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                    version += 1;
                }
                (acknowledged, version)
            })
        })
        .collect();
    let mut cuts = 0;
    for _ in 0..25 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        cuts += cut(&sample.journal).await;
    }
    done.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut versions) = (HashSet::new(), 0);
    for writer in writers {
        let (own, version) = writer.await.unwrap();
        acknowledged.extend(own);
        versions += version;
    }
    assert!(cuts > 5, "{cuts} connections were cut");
    let stored: HashSet<_> = all(&sample.journal)
        .await
        .iter()
        .map(|event| (event.command_id.unwrap(), event.position))
        .collect();
    assert!(acknowledged.is_subset(&stored));
    assert_eq!(stored.len() as i64, versions);
    assert_eq!(sound(&sample.journal).await, stored.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_database_error_commands_are_tried_one_by_one() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    let forbid = "ALTER TABLE es.events ADD CONSTRAINT no_bad CHECK (aggregate_id NOT LIKE 'bad%')";
    sqlx::query(forbid).execute(journal.database().pool()).await.unwrap();
    // The first of all: what was guessed to follow it never will.
    assert!(matches!(
        journal.append(note("bad", 0)).await,
        Err(AppendError::Database(_))
    ));
    let appends = (0..40).map(|n| journal.append(note(&format!("{}{n}", if n % 10 == 0 { "bad" } else { "good" }), 0)));
    let answers = futures_util::future::join_all(appends).await;
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n % 10, 0),
            Err(error) => assert!(n % 10 == 0 && matches!(error, AppendError::Database(_)), "{error:?}"),
        }
    }
    assert_eq!(sound(journal).await, 36);
}

/// Imports that overlap, at the same moment: each line is recorded once, and each import learns which were there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_imports_meet_in_the_same_streams() {
    let sample = Sample::new().await;
    let import = |from: usize| {
        let mut append = note("x", 0);
        append.streams = (from..from + 300)
            .map(|n| note(&format!("line{n}"), 0).streams.remove(0))
            .collect();
        append
            .streams
            .iter_mut()
            .for_each(|stream| stream.expect = Expect::AbsentElseSkip);
        append
    };
    let appends = (0..4).map(|n| sample.journal.append(import(n * 100)));
    let answers = futures_util::future::join_all(appends).await;
    let skipped: usize = answers.into_iter().map(|answer| answer.unwrap().skipped.len()).sum();
    assert_eq!((sound(&sample.journal).await, skipped), (600, 600));
}
