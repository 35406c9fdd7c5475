//! What is archived, lost or left behind while backups are made and between them.

use super::*;
use crate::{Archive, Archived};

impl Place {
    /// Makes a backup, and once it has begun with the events archives them; with one more before, if that is asked for.
    async fn make_while_archiving(&self, sample: &Sample, append: bool) -> Result<Made, BackupError> {
        let once = std::sync::Once::new();
        let meanwhile = async || {
            if append {
                sample.journal.append(note("z", 0)).await.unwrap();
            }
            self.archive(sample).await;
        };
        let archiving = |stage: Stage, _: u64, _: u64| {
            let act = || tokio::runtime::Handle::current().block_on(meanwhile());
            if stage == Stage::Events {
                once.call_once(|| tokio::task::block_in_place(act));
            }
        };
        let (database, keyring) = (sample.journal.database(), sample.journal.keyring());
        make(database, keyring, &self.files, &self.target, NAMES, &archiving).await
    }

    /// Moves all events to the archive.
    async fn archive(&self, sample: &Sample) -> Archived {
        let archive = Archive::new(sample.journal.database(), Some(self.files.clone()));
        let later = "2100-01-01T00:00:00Z".parse().unwrap();
        archive.move_recorded_before(later, |_, _| ()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_while_a_backup_is_made_comes_back() {
    let place = place();
    let sample = sample(&place).await;
    let made = place.make_while_archiving(&sample, false).await.unwrap();
    assert_eq!((made.head.size, made.files, made.lacking.len()), (4, 3, 0));
    let checked = place.check(&made.name).await.unwrap();
    assert_eq!((checked.events, checked.files, checked.lacking.len()), (4, 3, 0));

    let database = TestDatabase::new().await;
    place.load(&database, None).await.unwrap();
    finish(database.database().pool()).await.unwrap();
    let backup = place.target.backup(None).await.unwrap();
    let files = Files::new(Arc::new(InMemory::new()));
    put_back(&place.target, &backup.manifest, &files, &BTreeSet::new(), QUIET)
        .await
        .unwrap();
    let journal = another(&database).await;
    let archive = Archive::new(database.database(), Some(files));
    let audit = Audit::new(database.database().clone(), journal.keyring().clone(), archive);
    assert_eq!(audit.verify(plans(), None, |_, _| {}).await.unwrap().broken, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_no_archive_that_goes_further_than_itself() {
    let place = place();
    let sample = sample(&place).await;
    let refused = place.make_while_archiving(&sample, true).await;
    assert!(matches!(refused, Err(BackupError::ArchivedMeanwhile)), "{refused:?}");
    let made = place.make(&sample).await.unwrap();
    assert_eq!((made.head.size, made.lacking.len()), (5, 0));
    place.check(&made.name).await.unwrap();
}

#[tokio::test]
async fn an_archive_that_is_damaged_or_gone_is_missed_until_it_is_whole_again() {
    let source = place();
    let sample = sample(&source).await;
    source.archive(&sample).await;
    let store = source.files.store();
    let listed: Vec<_> = store.list(Some(&Path::from("archive"))).try_collect().await.unwrap();
    let object = listed[0].location.clone();
    let whole = store.get(&object).await.unwrap().bytes().await.unwrap().to_vec();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for bad in [Some(damaged), None] {
        let place = Place {
            files: source.files.clone(),
            ..place()
        };
        match bad {
            Some(bad) => drop(store.put(&object, bad.into()).await.unwrap()),
            None => store.delete(&object).await.unwrap(),
        }
        let made = place.make(&sample).await.unwrap();
        assert_eq!(made.lacking, [object.to_string()]);
        assert_eq!(place.check(&made.name).await.unwrap().lacking, made.lacking);
        store.put(&object, whole.clone().into()).await.unwrap();
        let made = place.make(&sample).await.unwrap();
        assert_eq!((made.files, made.lacking.len()), (1, 0));
        assert_eq!(place.check(&made.name).await.unwrap().lacking.len(), 0);
    }
}

#[tokio::test]
async fn a_part_that_is_lost_in_the_place_is_written_again() {
    let place = place();
    let sample = sample(&place).await;
    let first = place.make(&sample).await.unwrap();
    sample.journal.append(note("d", 0)).await.unwrap();
    place.make(&sample).await.unwrap();
    let mut parts = place.objects().await;
    parts.retain(|part| part.as_ref().starts_with("events/") || part.as_ref().starts_with("commits/"));
    assert_eq!(parts.len(), 4);
    for part in parts {
        let whole = place.content(&part).await;
        for left in [Some(whole[..whole.len() / 2].to_vec()), None] {
            match left {
                Some(left) => drop(place.store.put(&part, left.into()).await.unwrap()),
                None => place.store.delete(&part).await.unwrap(),
            }
            let made = place.make(&sample).await.unwrap();
            assert_eq!(place.content(&part).await, whole, "{part}");
            for name in [&first.name, &made.name] {
                place.check(name).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_lost_in_the_place_is_copied_again_or_missed() {
    let place = place();
    let sample = sample(&place).await;
    place.make(&sample).await.unwrap();
    let of_owner = format!("files/{OWNER}/");
    let objects = place.objects().await;
    let file = objects
        .iter()
        .find(|object| object.as_ref().starts_with(&of_owner))
        .unwrap();
    place.store.delete(file).await.unwrap();
    let made = place.make(&sample).await.unwrap();
    assert_eq!((made.files, made.lacking.len()), (1, 0));
    place.check(&made.name).await.unwrap();

    place.store.delete(file).await.unwrap();
    place.files.erase(OWNER).await.unwrap();
    let made = place.make(&sample).await.unwrap();
    assert_eq!(made.lacking, [file.as_ref().strip_prefix("files/").unwrap()]);
}

#[tokio::test]
async fn a_part_with_leaves_that_was_left_behind_is_written_again() {
    let place = place();
    let sample = sample(&place).await;
    place.archive(&sample).await;
    let made = place.make(&sample).await.unwrap();
    let manifest = Path::from(format!("backups/{}/manifest.json", made.name));
    place.store.delete(&manifest).await.unwrap();
    let objects = place.objects().await;
    let events = objects
        .iter()
        .find(|object| object.as_ref().starts_with("events/"))
        .unwrap();
    let written = place.store.head(events).await.unwrap().last_modified;
    let again = place.make(&sample).await.unwrap();
    assert_ne!(place.store.head(events).await.unwrap().last_modified, written);
    place.check(&again.name).await.unwrap();
}

#[tokio::test]
async fn only_what_is_ours_is_tidied_up() {
    let folder = tempfile::tempdir().unwrap();
    let left = ["events/half#1", "files/somebody/half#22"];
    let kept = ["notes#1", "other/half#1", "events/whole", "events/half#x"];
    for name in left.iter().chain(&kept) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let target = Target::new(Arc::new(InMemory::new()), Some(folder.path().to_owned()));
    target.tidy().await.unwrap();
    assert!(left.iter().all(|name| !folder.path().join(name).exists()));
    assert!(kept.iter().all(|name| folder.path().join(name).exists()));
}
