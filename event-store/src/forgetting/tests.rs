//! What is left when an owner was forgotten.

use std::time::Duration;

use super::*;
use crate::{
    AppendError, KeyError, parked,
    sample::{OWNER as ADA, Sample, another, note, sealed},
};

const BEA: Uuid = Uuid::from_u128(0xbea);

/// Waits until this holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[tokio::test]
async fn a_forgotten_owner_is_forgotten_in_every_process_and_after_a_restart() {
    let sample = Sample::new().await;
    let (here, there) = (&sample.journal, another(&sample.database).await);
    here.append(note("a", 0)).await.unwrap();
    assert_eq!(
        there.load("note", "a").await.unwrap().len(),
        1,
        "the other one has the key"
    );
    let (before, mut told) = (sealed(here).await, there.keyring().forgettings());
    here.forget(&[ADA]).await.unwrap();
    assert!(here.keyring().is_forgotten(ADA), "at once");
    until("the other process hears of it", || there.keyring().is_forgotten(ADA)).await;
    assert!(told.has_changed().unwrap());
    told.mark_unchanged();
    for journal in [here, &there, &another(&sample.database).await] {
        let read = &journal.load("note", "a").await.unwrap()[0].payload;
        assert!(read.contains("forgotten") && !read.contains("bread"), "{read}");
        assert!(matches!(
            journal.append(note("a", 1)).await,
            Err(AppendError::OwnerForgotten)
        ));
        assert!(matches!(
            journal.append_forgetting(note("a", 1)).await,
            Err(AppendError::OwnerForgotten)
        ));
        assert!(matches!(journal.keyring().owner(ADA).await, Err(KeyError::Forgotten)));
    }
    assert_eq!(sealed(here).await, before, "no event is touched");
    // Who never had a key gets none afterwards; and once more is once.
    here.forget(&[ADA, BEA]).await.unwrap();
    assert!(matches!(here.keyring().owner(BEA).await, Err(KeyError::Forgotten)));
    until("the other process hears of both", || there.keyring().is_forgotten(BEA)).await;
}

#[tokio::test]
async fn what_was_read_before_does_not_come_in_afterwards() {
    let sample = Sample::new().await;
    let journal = &sample.journal;
    for number in 0..20_u128 {
        let owners = [Uuid::from_u128(number + 1000)];
        journal.keyring().owner(owners[0]).await.unwrap();
        let other = another(&sample.database).await;
        let (read, forgotten) = tokio::join!(other.keyring().owner(owners[0]), journal.forget(&owners));
        forgotten.unwrap();
        drop(read);
        until("it is forgotten", || other.keyring().is_forgotten(owners[0])).await;
        assert!(matches!(
            other.keyring().owner(owners[0]).await,
            Err(KeyError::Forgotten)
        ));
    }
}

#[tokio::test]
async fn parked_events_of_a_forgotten_owner_are_dropped() {
    let sample = Sample::new().await;
    let (journal, db) = (&sample.journal, sample.database.database());
    journal.append(note("a", 0)).await.unwrap();
    let mut other = note("b", 0);
    other.streams[0].owner = BEA;
    journal.append(other).await.unwrap();
    const PARK: &str = "INSERT INTO es.parked (subscription, position, reason, attempts)
        SELECT 'reader', position, 'unreadable', 1 FROM es.events";
    sqlx::query(PARK).execute(db.pool()).await.unwrap();
    journal.forget(&[ADA]).await.unwrap();
    let left: Vec<i64> = parked::list(db, None)
        .await
        .unwrap()
        .iter()
        .map(|one| one.position)
        .collect();
    assert_eq!(left, [2]);
}

#[tokio::test]
async fn nothing_of_a_destroyed_key_stays_in_the_table_s_file() {
    let sample = Sample::new().await;
    let (journal, pool) = (&sample.journal, sample.database.database().pool());
    journal.keyring().owner(ADA).await.unwrap();
    const KEY: &str = "SELECT wrapped FROM es.keys WHERE name = $1";
    let wrapped: Vec<u8> = sqlx::query_scalar(KEY)
        .bind(ADA.to_string())
        .fetch_one(pool)
        .await
        .unwrap();
    // The table's file as Postgres has it, whatever it holds.
    let file = async || {
        sqlx::raw_sql("CHECKPOINT").execute(pool).await.unwrap();
        let read = "SELECT pg_read_binary_file(pg_relation_filepath('es.keys'))";
        sqlx::query_scalar::<_, Vec<u8>>(read).fetch_one(pool).await.unwrap()
    };
    let holds = |file: &[u8]| file.windows(wrapped.len()).any(|window| window == wrapped);
    assert!(holds(&file().await));
    // For whoever began to read before, Postgres keeps what they may see.
    let other = another(&sample.database).await;
    let mut reader = other.database().pool().begin().await.unwrap();
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM es.events")
        .execute(&mut *reader)
        .await
        .unwrap();
    journal.forget(&[ADA]).await.unwrap();
    let scrubbed = scrub_keys(sample.database.database()).await;
    assert!(matches!(scrubbed, Err(DatabaseError::StillSeen)));
    assert!(holds(&file().await));
    reader.commit().await.unwrap();
    scrub_keys(sample.database.database()).await.unwrap();
    assert!(!holds(&file().await));
    let forgotten: bool = sqlx::query_scalar("SELECT wrapped IS NULL FROM es.keys WHERE name = $1")
        .bind(ADA.to_string())
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(forgotten, "the tombstone stays");
}

#[tokio::test]
async fn a_scrubbing_that_is_broken_off_leaves_no_limit_in_the_pool() {
    let sample = Sample::new().await;
    let (journal, pool) = (&sample.journal, sample.database.database().pool());
    journal.keyring().owner(ADA).await.unwrap();
    // While somebody still sees the key it goes on for seconds.
    let mut reader = pool.begin().await.unwrap();
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM es.events")
        .execute(&mut *reader)
        .await
        .unwrap();
    journal.forget(&[ADA]).await.unwrap();
    let begun = async {
        const BEGUN: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
            AND (query LIKE 'VACUUM es.keys%' OR query LIKE 'SELECT n_dead_tup%'))";
        while !sqlx::query_scalar::<_, bool>(BEGUN).fetch_one(pool).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // The only connection that the pool has is the one that it gave.
    let single = Database::connect(sample.database.url(), 1).await.unwrap();
    tokio::select! {
        scrubbed = scrub_keys(&single) => panic!("{scrubbed:?}"),
        () = begun => {}
    }
    let limit: String = sqlx::query_scalar("SHOW lock_timeout")
        .fetch_one(single.pool())
        .await
        .unwrap();
    assert_eq!(limit, "0");
}
