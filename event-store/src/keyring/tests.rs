//! Keys in a database.

use super::*;
use crate::{sample::MASTER, testing::TestDatabase};

async fn keyring(db: &TestDatabase) -> Keyring {
    Keyring::open(db.database(), MasterKey::from_hex(MASTER).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn keys_are_made_once_and_are_the_same_for_all() {
    let db = TestDatabase::new().await;
    let (one, two) = (keyring(&db).await, keyring(&db).await);
    let owner = Uuid::now_v7();
    let (a, b) = tokio::join!(one.owner(owner), two.owner(owner));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.hash("line", b"x"), b.hash("line", b"x"));
    assert_ne!(a.hash("line", b"x"), a.hash("file", b"x"));
    assert_eq!(a.derive_id("line", b"x").get_version_num(), 8);
    let other = one.owner(Uuid::now_v7()).await.unwrap();
    assert_ne!(a.derive_id("line", b"x"), other.derive_id("line", b"x"));
    assert_eq!(one.secret("tokens").await.unwrap(), two.secret("tokens").await.unwrap());
    assert_ne!(one.secret("tokens").await.unwrap(), one.secret("others").await.unwrap());
    assert_eq!(
        one.index("email", b"x").await.unwrap(),
        two.index("email", b"x").await.unwrap()
    );
}

#[tokio::test]
async fn a_forgotten_owner_never_gets_a_key_again() {
    let db = TestDatabase::new().await;
    let owner = Uuid::now_v7();
    keyring(&db).await.owner(owner).await.unwrap();
    sqlx::query("UPDATE es.keys SET wrapped = NULL WHERE name = $1")
        .bind(owner.to_string())
        .execute(db.database().pool())
        .await
        .unwrap();
    let after = keyring(&db).await;
    assert!(matches!(after.owner(owner).await, Err(KeyError::Forgotten)));
    assert!(matches!(after.held(&[owner]).await.unwrap()[&owner], Held::Forgotten));
}

#[tokio::test]
async fn another_master_key_is_refused_at_once() {
    let db = TestDatabase::new().await;
    keyring(&db).await;
    let other = MasterKey::from_hex(&"0b".repeat(32)).unwrap();
    assert!(matches!(
        Keyring::open(db.database(), other).await,
        Err(KeyError::WrongMasterKey)
    ));
}
