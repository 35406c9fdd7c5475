//! Exports of a journal of a test's own.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Mutex};

use object_store::memory::InMemory;
use spendlog_event_store::Database;
use tempfile::TempDir;

use super::*;
use crate::{
    output::Format,
    query::{Job, run, sources},
    sample::{ADA, BEA, Sample, tables},
};

struct Place {
    folder: TempDir,
    store: LocalFileSystem,
    tables: Arc<Tables>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: LocalFileSystem::new_with_prefix(folder.path()).unwrap(),
            folder,
            tables: Arc::new(tables()),
        }
    }

    async fn export(&self, sample: &Sample, scope: Option<Scope>) -> Result<Exported, ExportError> {
        export(&sample.journal, &self.tables, &self.store, scope, sample.head(), |_| ()).await
    }

    async fn manifest(&self) -> Manifest {
        Manifest::read(&self.store).await.unwrap().unwrap()
    }

    /// All Parquet files that there are, named by the manifest or not.
    fn files(&self) -> BTreeSet<PathBuf> {
        fn below(folder: &Folder) -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries
                .flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] })
                .collect()
        }
        let files = below(self.folder.path()).into_iter();
        files
            .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
            .collect()
    }

    /// The answer to a query over the export and what is newer, as CSV.
    async fn ask(&self, sample: &Sample, sql: &str) -> Result<String, String> {
        let manifest = self.manifest().await;
        let newer = tempfile::tempdir().unwrap();
        let files = newest(
            &sample.journal,
            &self.tables,
            Some(&manifest),
            newer.path(),
            |_| true,
            |_| (),
        )
        .await
        .map_err(|error| error.to_string())?;
        let job = Job {
            sql: sql.to_owned(),
            sources: sources(&self.tables, Some(&manifest), self.folder.path(), newer.path(), &files),
            format: Format::Csv,
            shown_max: 10,
        };
        let out = newer.path().join("out");
        let file = Box::new(fs::File::create(&out).unwrap());
        let asked = std::thread::spawn(move || run(&job, file)).join().unwrap();
        asked.map_err(|error| error.to_string())?;
        Ok(fs::read_to_string(out).unwrap())
    }
}

fn hers() -> Scope {
    Scope {
        user: "usr_a".to_owned(),
        owners: vec![ADA],
    }
}

const COUNTED: &str = "SELECT count(*) AS n, count(DISTINCT position) AS p, max(position) AS last FROM events";

#[tokio::test]
async fn a_run_adds_what_is_new() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 3).await;
    let first = place.export(&sample, None).await.unwrap();
    assert_eq!((first.events, first.position), (3, 3));
    let before = place.files();
    assert_eq!(before.len(), 3, "events, notes, and their lines");
    assert_eq!(place.export(&sample, None).await.unwrap().events, 0);
    assert_eq!(place.files(), before, "nothing new, nothing written");

    sample.write(BEA, 2).await;
    let seen = Mutex::new(Vec::new());
    let second = export(
        &sample.journal,
        &place.tables,
        &place.store,
        None,
        sample.head(),
        |progress| {
            seen.lock()
                .unwrap()
                .push((progress.from, progress.position, progress.until));
        },
    )
    .await
    .unwrap();
    assert_eq!((second.events, second.position), (2, 5));
    assert_eq!(*seen.lock().unwrap(), [(3, 3, 5), (3, 5, 5)]);
    assert!(place.files().is_superset(&before));
    assert_eq!(place.ask(&sample, COUNTED).await.unwrap(), "n,p,last\n5,5,5\n");
}

#[tokio::test]
async fn what_a_killed_run_left_is_no_part_of_it_and_goes() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 2).await;
    place.export(&sample, None).await.unwrap();
    let manifest = fs::read(place.folder.path().join("_spendlog.json")).unwrap();
    let whole = place.files();
    sample.write(ADA, 2).await;
    place.export(&sample, None).await.unwrap();
    // As if it had been killed before its last step: the files are there, the manifest does not name them.
    fs::write(place.folder.path().join("_spendlog.json"), manifest).unwrap();
    sample.write(ADA, 1).await;
    assert_eq!(place.ask(&sample, COUNTED).await.unwrap(), "n,p,last\n5,5,5\n");
    let stray = place.folder.path().join("events/month=2026-11/somebody elses.parquet");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "not ours").unwrap();
    assert_eq!(place.export(&sample, None).await.unwrap().events, 3);
    assert_eq!(place.ask(&sample, COUNTED).await.unwrap(), "n,p,last\n5,5,5\n");
    let named: BTreeSet<PathBuf> = place
        .manifest()
        .await
        .files
        .iter()
        .map(|file| place.folder.path().join(&file.path))
        .collect();
    assert!(named.is_superset(&whole));
    let mut left = place.files();
    assert!(left.remove(&stray), "what is not ours stays");
    assert_eq!(left, named);
}

#[tokio::test]
async fn texts_stay_out_and_what_is_forgotten_says_so() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 1).await;
    sample.write(BEA, 1).await;
    sample.journal.forget(&[BEA]).await.unwrap();
    place.export(&sample, None).await.unwrap();
    let sql = "SELECT position, texts, text, note IS NOT NULL AS open FROM note_written ORDER BY position";
    assert_eq!(
        place.ask(&sample, sql).await.unwrap(),
        "position,texts,text,open\n1,withheld,,true\n2,forgotten,,true\n"
    );
    let sql = "SELECT nth, minor, what FROM note_written_lines WHERE position = 1 ORDER BY nth";
    assert_eq!(
        place.ask(&sample, sql).await.unwrap(),
        "nth,minor,what\n0,-1250,\n1,1250,\n2,7,\n"
    );
    let sql = "SELECT payload FROM events WHERE position = 2";
    assert!(
        place
            .ask(&sample, sql)
            .await
            .unwrap()
            .contains(r#"{""forgotten"":true}"#)
    );
}

#[tokio::test]
async fn a_person_gets_their_own_texts_but_no_password() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 1).await;
    sample.write(BEA, 1).await;
    let exported = place.export(&sample, Some(hers())).await.unwrap();
    assert_eq!(
        (exported.events, exported.position),
        (1, 2),
        "hers alone, of all up to the head"
    );
    let sql = "SELECT text, texts, \"on\" FROM note_written";
    assert_eq!(
        place.ask(&sample, sql).await.unwrap(),
        "text,texts,on\n\"planted \"\"text\"\"\",given,2026-10-03\n"
    );
    let payload = place.ask(&sample, "SELECT payload FROM events").await.unwrap();
    assert!(
        payload.contains("planted line") && !payload.contains("planted password"),
        "{payload}"
    );

    let refused = place.export(&sample, None).await.unwrap_err();
    assert!(matches!(refused, ExportError::Scope { .. }), "{refused}");

    // A type of event that was known when it was exported, and is not any more.
    let old = place
        .folder
        .path()
        .join("note_dropped/month=2026-11/000000000001-000000000001.parquet");
    fs::create_dir_all(old.parent().unwrap()).unwrap();
    fs::write(&old, "planted text").unwrap();
    let mut manifest = place.manifest().await;
    manifest.columns.insert("note_dropped".to_owned(), Vec::new());
    manifest.write(&place.store).await.unwrap();

    sample.journal.forget(&[ADA]).await.unwrap();
    let refused = place.ask(&sample, sql).await.unwrap_err();
    assert!(refused.contains("was forgotten"), "{refused}");
    let anew = place.export(&sample, Some(hers())).await.unwrap();
    assert!(anew.anew && anew.events == 1);
    assert_eq!(place.files().len(), 3, "what stood there is removed");
    assert_eq!(
        place.ask(&sample, sql).await.unwrap(),
        "text,texts,on\n,forgotten,2026-10-03\n"
    );
    assert!(
        !place.export(&sample, Some(hers())).await.unwrap().anew,
        "once is enough"
    );
}

/// Whoever can write where an export is could have its reader write anywhere.
#[tokio::test]
async fn a_manifest_that_leads_elsewhere_is_refused() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 1).await;
    place.export(&sample, None).await.unwrap();
    let mut manifest = place.manifest().await;
    manifest.files[0].path = format!("../{}", manifest.files[0].path);
    manifest.write(&place.store).await.unwrap();
    let refused = Manifest::read(&place.store).await.unwrap_err();
    assert!(matches!(refused, ExportError::Manifest), "{refused}");
}

#[tokio::test]
async fn an_export_of_another_journal_is_not_gone_on_with() {
    let (sample, other, place) = (Sample::new().await, Sample::new().await, Place::new());
    sample.write(ADA, 3).await;
    other.write(ADA, 5).await;
    place.export(&sample, None).await.unwrap();
    let refused = place.export(&other, None).await.unwrap_err();
    assert!(
        matches!(refused, ExportError::OtherJournal { position: 3 }),
        "{refused}"
    );
    assert!(place.ask(&other, COUNTED).await.is_err());
}

#[tokio::test]
async fn two_runs_at_once_are_refused_and_a_new_type_of_column_too() {
    let (sample, place) = (Sample::new().await, Place::new());
    sample.write(ADA, 1).await;
    let mut other = database(&sample).pool().acquire().await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *other)
        .await
        .unwrap();
    assert!(matches!(place.export(&sample, None).await, Err(ExportError::Running)));
    other.close().await.unwrap();
    while let Err(error) = place.export(&sample, None).await {
        assert!(matches!(error, ExportError::Running), "{error}");
    }
    let changed = crate::sample::schema()
        .to_string()
        .replace(r#"{"type":"integer"}"#, r#"{"type":"boolean"}"#);
    let changed = Tables::new([("note.written", "2", &serde_json::from_str(&changed).unwrap())]);
    let refused = export(&sample.journal, &Arc::new(changed), &place.store, None, 1, |_| ()).await;
    assert!(matches!(refused, Err(ExportError::Column { .. })));
}

fn database(sample: &Sample) -> &Database {
    sample.journal.database()
}

#[tokio::test]
async fn parts_are_small_and_each_of_one_month() {
    let sample = Sample::new().await;
    sample.write(ADA, 1).await;
    let query = query(&Manifest::new(None), 1);
    let pages: Vec<Vec<Event>> = sample.journal.pages(query).try_collect().await.unwrap();
    let mut event = pages.concat().remove(0);
    let november = event.clone();
    event.recorded_at = "2026-10-31T23:59:59Z".parse().unwrap();
    assert_ne!(month(&event), month(&november));
    let encoded = encoded(&tables(), |table| table.name != crate::EVENTS, &[event]).unwrap();
    let paths: Vec<&str> = encoded.files.iter().map(|(file, _)| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "note_written/month=2026-10/000000000001-000000000001.parquet",
            "note_written_lines/month=2026-10/000000000001-000000000001.parquet"
        ],
        "only those that are wanted"
    );
}

#[tokio::test]
async fn any_store_will_do() {
    let (sample, store) = (Sample::new().await, InMemory::new());
    sample.write(ADA, 2).await;
    let tables = Arc::new(tables());
    let done = export(&sample.journal, &tables, &store, None, 2, |_| ()).await.unwrap();
    assert_eq!(done.events, 2);
    let manifest = Manifest::read(&store).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    crate::query::fetch(&store, &manifest, &["events".to_owned()], folder.path())
        .await
        .unwrap();
    assert!(folder.path().join(&manifest.files[0].path).exists());
    assert!(
        !folder.path().join("note_written").exists(),
        "only what is asked for is fetched"
    );
}
