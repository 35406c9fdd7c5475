//! Backups of a small journal with files, in memory.

mod lost;

use std::{collections::BTreeSet, sync::Arc};

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, memory::InMemory, path::Path};
use uuid::Uuid;

use super::*;
use crate::{
    Audit, Files, MasterKey, Names,
    sample::{MASTER, OWNER, Sample, all, another, note, plans},
    testing::TestDatabase,
};

const NAMES: Names = |_, _| None;
const QUIET: Progress<'static> = &|_, _, _| {};

struct Place {
    store: Arc<InMemory>,
    target: Target,
    files: Files,
}

fn place() -> Place {
    let store = Arc::new(InMemory::new());
    Place {
        target: Target::new(store.clone(), None),
        files: Files::new(Arc::new(InMemory::new())),
        store,
    }
}

impl Place {
    async fn make(&self, sample: &Sample) -> Result<Made, BackupError> {
        let keyring = sample.journal.keyring();
        make(
            sample.journal.database(),
            keyring,
            &self.files,
            &self.target,
            NAMES,
            QUIET,
        )
        .await
    }

    async fn check(&self, name: &str) -> Result<Checked, BackupError> {
        let backup = self.target.backup(Some(name)).await?;
        check(&self.target, &backup, &Keys::of(&self.target).await?, NAMES, QUIET).await
    }

    async fn load(&self, database: &TestDatabase, name: Option<&str>) -> Result<(), BackupError> {
        let (backup, keys) = (self.target.backup(name).await?, Keys::of(&self.target).await?);
        keys.open(&MasterKey::from_hex(MASTER).unwrap(), &backup)?;
        load(database.database(), &self.target, &backup, &keys, QUIET).await
    }

    async fn objects(&self) -> Vec<Path> {
        let mut objects: Vec<Path> = self
            .store
            .list(None)
            .map_ok(|found| found.location)
            .try_collect()
            .await
            .unwrap();
        objects.sort();
        objects
    }

    async fn content(&self, object: &Path) -> Vec<u8> {
        self.store.get(object).await.unwrap().bytes().await.unwrap().to_vec()
    }
}

/// A journal with a few notes and two files, one of somebody else.
async fn sample(place: &Place) -> Sample {
    let sample = Sample::new().await;
    for (id, version) in [("a", 0), ("b", 0), ("a", 1), ("c", 0)] {
        sample.journal.append(note(id, version)).await.unwrap();
    }
    for owner in [OWNER, Uuid::from_u128(0xB)] {
        let keys = sample.journal.keyring().owner(owner).await.unwrap();
        place.files.put_bytes(&keys, owner, b"receipt").await.unwrap();
    }
    sqlx::query("INSERT INTO es.subscriptions (name, position) VALUES ('s', 3)")
        .execute(sample.journal.database().pool())
        .await
        .unwrap();
    park(&sample.database, 2).await;
    sample
}

async fn park(database: &TestDatabase, position: i64) -> i64 {
    const PARK: &str = "INSERT INTO es.parked (subscription, position, reason, attempts) VALUES ('s', $1, 'tab\there', 1) RETURNING id";
    sqlx::query_scalar(PARK)
        .bind(position)
        .fetch_one(database.database().pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_backup_comes_back_and_goes_on() {
    let place = place();
    let sample = sample(&place).await;
    let made = place.make(&sample).await.unwrap();
    assert_eq!(
        (made.head.size, made.events, made.files, made.lacking.len()),
        (4, 4, 2, 0)
    );
    let checked = place.check(&made.name).await.unwrap();
    assert_eq!((checked.events, checked.files), (4, 2));

    let database = TestDatabase::new().await;
    assert!(is_empty(database.database()).await.unwrap());
    place.load(&database, None).await.unwrap();
    assert!(is_unfinished(database.database()).await.unwrap());
    finish(database.database().pool()).await.unwrap();
    assert!(!is_empty(database.database()).await.unwrap());
    let again = place.load(&database, None).await;
    assert!(matches!(again, Err(BackupError::NotEmpty)), "{again:?}");

    let same = |sql: &'static str| {
        let (before, after) = (
            sample.database.database().pool().clone(),
            database.database().pool().clone(),
        );
        async move {
            let rows = |pool| async move { sqlx::query_scalar::<_, String>(sql).fetch_all(&pool).await.unwrap() };
            assert_eq!(rows(before).await, rows(after).await, "{sql}");
        }
    };
    same("SELECT e::text FROM es.events e ORDER BY position").await;
    same("SELECT c::text FROM es.commits c ORDER BY size").await;
    same("SELECT k::text FROM es.keys k ORDER BY scope, name").await;
    same("SELECT p::text FROM es.parked p").await;
    same("SELECT s::text FROM es.subscriptions s").await;
    let journal = another(&database).await;
    assert_eq!(all(&journal).await, all(&sample.journal).await);
    let audit = Audit::on(&journal);
    assert!(audit.verify(plans(), None, |_, _| {}).await.unwrap().broken.is_empty());
    audit.check_against(&made.head).await.unwrap().unwrap();

    // It goes on where it was.
    let appended = journal.append(note("a", 2)).await.unwrap();
    assert_eq!(appended.position, 5);
    assert_eq!(
        park(&database, 3).await,
        2,
        "numbers go on after those that were loaded"
    );
}

#[tokio::test]
async fn a_further_backup_writes_only_what_is_new() {
    let place = place();
    let sample = sample(&place).await;
    let first = place.make(&sample).await.unwrap();
    let mut before = Vec::new();
    for object in place.objects().await {
        before.push((object.clone(), place.store.head(&object).await.unwrap().last_modified));
    }
    sample.journal.append(note("d", 0)).await.unwrap();
    let keys = sample.journal.keyring().owner(OWNER).await.unwrap();
    place.files.put_bytes(&keys, OWNER, b"invoice").await.unwrap();
    let second = place.make(&sample).await.unwrap();
    assert_eq!((second.head.size, second.events, second.files), (5, 1, 1));
    for (object, modified) in before {
        if object.as_ref().starts_with("keys/") {
            continue;
        }
        let now = place.store.head(&object).await.unwrap().last_modified;
        assert_eq!(now, modified, "{object} was written again");
    }
    for (made, events, files) in [(&first, 4, 2), (&second, 5, 3)] {
        let checked = place.check(&made.name).await.unwrap();
        assert_eq!((checked.events, checked.files), (events, files));
    }
    let names: Vec<_> = place
        .target
        .backups()
        .await
        .unwrap()
        .into_iter()
        .map(|b| b.manifest.name)
        .collect();
    assert_eq!(names, [first.name, second.name]);
    let keys = place
        .objects()
        .await
        .iter()
        .filter(|object| object.as_ref().starts_with("keys/"))
        .count();
    assert_eq!(keys, 1, "there is one set of keys");
}

#[tokio::test]
async fn whatever_is_changed_cut_off_or_removed_is_refused_by_its_name() {
    let place = place();
    let sample = sample(&place).await;
    place.make(&sample).await.unwrap();
    sample.journal.append(note("d", 0)).await.unwrap();
    let made = place.make(&sample).await.unwrap();
    let first = place
        .objects()
        .await
        .into_iter()
        .find(|object| object.as_ref().ends_with("manifest.json"))
        .unwrap();
    let harmless = first.as_ref().rsplit_once('/').unwrap().0.to_owned();
    let mut tried = 0;
    for object in place.objects().await {
        // The older backup's own, and what is only there for people.
        let older = object.as_ref().starts_with(&harmless) && !object.as_ref().ends_with("files.gz");
        if older || object.as_ref().ends_with("head.json") {
            continue;
        }
        tried += 1;
        let whole = place.content(&object).await;
        let middle = whole.len() / 2;
        let mut changed = whole.clone();
        changed[middle] ^= 1;
        let (cut, longer) = (whole[..middle].to_vec(), [&whole[..], b"x"].concat());
        for bytes in [Some(changed), Some(cut), Some(longer), None] {
            match bytes {
                Some(bytes) => drop(place.store.put(&object, bytes.into()).await.unwrap()),
                None => place.store.delete(&object).await.unwrap(),
            }
            let refused = place.check(&made.name).await.unwrap_err();
            let named = match &refused {
                BackupError::Altered { name, .. } => object.as_ref().starts_with(name.as_str()),
                BackupError::NotThere => object.as_ref().ends_with("manifest.json"),
                _ => false,
            };
            assert!(named, "{object}: {refused}");
            let database = TestDatabase::new().await;
            if place.load(&database, Some(&made.name)).await.is_err() {
                assert!(
                    is_empty(database.database()).await.unwrap(),
                    "{object}: nothing is left half done"
                );
            }
        }
        place.store.put(&object, whole.into()).await.unwrap();
    }
    assert!(tried >= 11, "{tried} objects");
    place.check(&made.name).await.unwrap();
}

#[tokio::test]
async fn forgetting_reaches_the_backups_of_before() {
    let place = place();
    let sample = sample(&place).await;
    let first = place.make(&sample).await.unwrap();
    let wrapped: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM es.keys WHERE name = $1")
        .bind(OWNER.to_string())
        .fetch_one(sample.database.database().pool())
        .await
        .unwrap();
    let key = hex::encode(&wrapped);
    let holds = async |text: &str| {
        for object in place.objects().await {
            if String::from_utf8_lossy(&place.content(&object).await).contains(text) {
                return true;
            }
        }
        false
    };
    assert!(holds(&key).await);
    sample.journal.forget(&[OWNER]).await.unwrap();
    place.files.erase(OWNER).await.unwrap();
    let second = place.make(&sample).await.unwrap();
    assert!(!holds(&key).await, "the key is gone");
    let of_owner = format!("files/{OWNER}");
    assert!(
        place
            .objects()
            .await
            .iter()
            .all(|object| !object.as_ref().starts_with(&of_owner))
    );
    for made in [&first, &second] {
        assert_eq!(place.check(&made.name).await.unwrap().files, 1);
    }
    let database = TestDatabase::new().await;
    place.load(&database, Some(&first.name)).await.unwrap();
    let journal = another(&database).await;
    assert_eq!(journal.forgotten().await.unwrap(), [OWNER]);
    assert!(all(&journal).await[0].payload.contains("forgotten"));
    let backup = place.target.backup(None).await.unwrap();
    let files = Files::new(Arc::new(InMemory::new()));
    let gone = BTreeSet::from([OWNER]);
    assert_eq!(
        put_back(&place.target, &backup.manifest, &files, &gone, QUIET)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn what_was_broken_off_is_no_backup_and_is_gone_on_with() {
    let place = place();
    let sample = sample(&place).await;
    let made = place.make(&sample).await.unwrap();
    // As if it had been killed just before the manifest was written, and once more in the middle of a part.
    let manifest = Path::from(format!("backups/{}/manifest.json", made.name));
    place.store.delete(&manifest).await.unwrap();
    assert!(matches!(place.target.backup(None).await, Err(BackupError::NotThere)));
    let events = place
        .objects()
        .await
        .into_iter()
        .find(|object| object.as_ref().starts_with("events/"))
        .unwrap();
    let written = place.store.head(&events).await.unwrap().last_modified;
    place
        .store
        .put(&Path::from("commits/000000000001-000000000003.copy.gz"), "x".into())
        .await
        .unwrap();
    let again = place.make(&sample).await.unwrap();
    assert_eq!(
        place.store.head(&events).await.unwrap().last_modified,
        written,
        "it is not written again"
    );
    place.check(&again.name).await.unwrap();
    let left = place.objects().await;
    assert!(
        !left.iter().any(|object| object.as_ref().contains(&made.name)),
        "{left:?}"
    );
    assert!(
        !left.iter().any(|object| object.as_ref().contains("000000000003")),
        "{left:?}"
    );

    place.store.put(&events, "half".into()).await.unwrap();
    place
        .store
        .delete(&Path::from(format!("backups/{}/manifest.json", again.name)))
        .await
        .unwrap();
    let again = place.make(&sample).await.unwrap();
    place.check(&again.name).await.unwrap();
}

#[tokio::test]
async fn a_place_belongs_to_one_journal_and_never_loses_keys() {
    let place = place();
    let one = sample(&place).await;
    let made = place.make(&one).await.unwrap();
    let other = Sample::new().await;
    assert!(matches!(place.make(&other).await, Err(BackupError::OtherJournal)));
    let nothing = self::place();
    assert!(matches!(nothing.make(&other).await, Err(BackupError::NothingYet)));
    assert!(nothing.objects().await.is_empty());

    let before = place.objects().await;
    sqlx::query("DELETE FROM es.keys WHERE name = $1")
        .bind(OWNER.to_string())
        .execute(one.database.database().pool())
        .await
        .unwrap();
    let lost = place.make(&one).await;
    assert!(matches!(lost, Err(BackupError::KeysLost { missing: 1 })), "{lost:?}");
    let keys = |objects: Vec<Path>| objects.into_iter().find(|object| object.as_ref().starts_with("keys/"));
    assert_eq!(
        keys(place.objects().await),
        keys(before),
        "the keys are those of before"
    );
    place.check(&made.name).await.unwrap();

    let backup = place.target.backup(None).await.unwrap();
    let wrong = MasterKey::from_hex(&"ab".repeat(32)).unwrap();
    let refused = Keys::of(&place.target).await.unwrap().open(&wrong, &backup);
    assert!(
        matches!(refused, Err(BackupError::Key(KeyError::WrongMasterKey))),
        "{refused:?}"
    );
}
