//! Another master key.

use super::*;
use crate::{
    Journal, Keyring,
    sample::{MASTER, OWNER, Sample, another, note, plans, sealed},
};

fn key(digits: &str) -> MasterKey {
    MasterKey::from_hex(&digits.repeat(32)).unwrap()
}

fn old() -> MasterKey {
    MasterKey::from_hex(MASTER).unwrap()
}

#[tokio::test]
async fn the_old_key_is_refused_the_new_one_opens_and_no_event_is_touched() {
    let Sample { journal, database } = Sample::new().await;
    let db = database.database();
    journal.append(note("a", 0)).await.unwrap();
    journal.forget(&[uuid::Uuid::from_u128(0xbea)]).await.unwrap();
    let (events, index) = (
        sealed(&journal).await,
        journal.keyring().index("email", b"x").await.unwrap(),
    );
    assert!(matches!(
        rotate_master_key(db, &old(), &key("1d")).await,
        Err(RotationError::InUse)
    ));
    journal.close().await;
    drop(journal);
    let rotated = rotate_master_key(db, &old(), &key("1d")).await.unwrap();
    assert_eq!(rotated, 3, "the check, the index's and one owner's");
    assert!(matches!(Keyring::open(db, old()).await, Err(KeyError::WrongMasterKey)));
    assert!(matches!(
        rotate_master_key(db, &old(), &key("2e")).await,
        Err(RotationError::Key(KeyError::WrongMasterKey))
    ));
    let keyring = Keyring::open(db, key("1d")).await.unwrap();
    assert_eq!(keyring.index("email", b"x").await.unwrap(), index);
    assert!(keyring.is_forgotten(uuid::Uuid::from_u128(0xbea)));
    let journal = Journal::open(db.clone(), keyring, plans()).await.unwrap();
    assert_eq!(sealed(&journal).await, events);
    assert!(journal.load("note", "a").await.unwrap()[0].payload.contains("bread"));
    journal.append(note("a", 1)).await.unwrap();
}

#[tokio::test]
async fn whoever_slept_through_it_makes_no_key_that_nobody_can_unwrap() {
    let Sample { journal, database } = Sample::new().await;
    let db = database.database();
    let sleeper = another(&database).await;
    sleeper.keyring().owner(OWNER).await.unwrap();
    // As after an outage: their connections are gone, and with them their locks.
    const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'spendlog-journal'";
    journal.close().await;
    drop(journal);
    sqlx::query(CUT).execute(db.pool()).await.unwrap();
    rotate_master_key(db, &old(), &key("1d")).await.unwrap();
    let fresh = uuid::Uuid::from_u128(77);
    assert!(matches!(
        sleeper.keyring().owner(fresh).await,
        Err(KeyError::WrongMasterKey)
    ));
    assert!(matches!(
        sleeper.keyring().refresh().await,
        Err(KeyError::WrongMasterKey)
    ));
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM es.keys WHERE name = $1")
        .bind(fresh.to_string())
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(made, 0);
    Keyring::open(db, key("1d")).await.unwrap().owner(fresh).await.unwrap();
}
