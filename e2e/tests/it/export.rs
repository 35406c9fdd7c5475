//! The events as Parquet files: only what is new, nothing half done, and no word that anybody wrote.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use object_store::local::LocalFileSystem;
use serde_json::Value;
use spendlog_analytics::{
    Format, Manifest,
    query::{Job, Source, run},
};
use spendlog_e2e::{Options, Person, TestApp, eventually};

use crate::{
    s3::{self, Gate, SECRET},
    sealing::{EMAIL, PASSWORD, PLANTED, holds, plant},
};

/// Runs a subcommand that must succeed; what it says.
pub(crate) async fn told(app: &TestApp, arguments: &[&str]) -> String {
    let ended = app.command(arguments).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{arguments:?}: {said}");
    String::from_utf8(ended.stdout).expect("it is text")
}

/// Runs a subcommand that must fail; why it says it does.
pub(crate) async fn refused(app: &TestApp, arguments: &[&str]) -> String {
    let ended = app.command(arguments).await;
    assert!(!ended.status.success(), "{arguments:?} is refused");
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

async fn head(app: &TestApp) -> i64 {
    let head = sqlx::query_scalar("SELECT max(position) FROM es.events").fetch_one(app.database().database().pool());
    head.await.expect("there are events")
}

/// Each event is in the answer once, from the first to the head.
async fn is_whole(app: &TestApp, place: &str) {
    let sql = "SELECT count(*) AS n, count(DISTINCT position) AS positions, max(position) AS last FROM events";
    let rows = told(app, &["query", sql, "--over", place, "--format", "json"]).await;
    let rows: Value = serde_json::from_str(&rows).expect("it is JSON");
    let head = head(app).await;
    assert_eq!(rows, serde_json::json!([{"n": head, "positions": head, "last": head}]));
}

/// The files that the manifest names.
fn named(place: &Path) -> BTreeSet<String> {
    let manifest = fs::read_to_string(place.join("_spendlog.json")).expect("there is a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("it is JSON");
    let files = manifest["files"].as_array().expect("it names files").iter();
    files
        .map(|file| file["path"].as_str().expect("a file has a path").to_owned())
        .collect()
}

/// The Parquet files that there are.
fn parquet(place: &Path) -> BTreeSet<String> {
    let files = s3::files(place).into_iter();
    let names = files.filter_map(|path| Some(path.strip_prefix(place).ok()?.to_str()?.to_owned()));
    names.filter(|name| name.ends_with(".parquet")).collect()
}

/// All that an export says in its tables, and its bytes.
async fn content(place: &Path) -> Vec<u8> {
    let store = LocalFileSystem::new_with_prefix(place).expect("there is a folder");
    let manifest = Manifest::read(&store)
        .await
        .expect("it can be read")
        .expect("there is one");
    let mut all = Vec::new();
    for (table, columns) in &manifest.columns {
        let files = manifest.files.iter().filter(|file| file.table == *table);
        let out = tempfile::NamedTempFile::new().expect("a file");
        let job = Job {
            sql: format!("SELECT * FROM {table}"),
            sources: vec![Source {
                table: table.clone(),
                columns: columns.clone(),
                files: files.map(|file| place.join(&file.path)).collect(),
            }],
            format: Format::Json,
            shown_max: 0,
        };
        let writer = Box::new(out.reopen().expect("it is there"));
        let read = std::thread::spawn(move || run(&job, writer)).join();
        read.expect("nothing panics").expect("the table can be read");
        all.extend(fs::read(out.path()).expect("the answer"));
    }
    for file in s3::files(place) {
        all.extend(fs::read(file).expect("a file can be read"));
    }
    all
}

#[tokio::test]
async fn each_run_adds_what_is_new() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-12.50", "2026-10-03", "Bakery").await;
    let place = app.data().join("export");
    let first = told(&app, &["events", "export"]).await;
    assert!(
        first.contains(&format!("up to position {}", head(&app).await)),
        "{first}"
    );
    let before = parquet(&place);
    assert!(
        before
            .iter()
            .any(|name| name.starts_with("transaction_recorded/month=")),
        "{before:?}"
    );

    let again = told(&app, &["events", "export"]).await;
    assert!(again.starts_with("0 events"), "{again}");
    assert_eq!(parquet(&place), before);

    person.spend(&account, "-3.00", "2026-10-04", "Bakery").await;
    let more = told(&app, &["events", "export"]).await;
    assert!(more.starts_with("1 events"), "{more}");
    assert!(parquet(&place).is_superset(&before) && parquet(&place) == named(&place));
    is_whole(&app, place.to_str().expect("UTF-8")).await;
    app.finish().await;
}

#[tokio::test]
async fn a_run_killed_half_way_leaves_nothing_half() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("ledger")).expect("a bucket");
    let (gate, bucket) = (Arc::new(Gate::default()), folder.path().join("ledger/lake"));
    let address = s3::serve_gated(folder.path(), gate.clone()).await;
    let app = TestApp::start_with(s3::options(&address, SECRET)).await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let export = ["events", "export", "--to", "s3://ledger/lake"];
    // Before the first part of an export, and of one that there is: among its files, and after them all.
    for closed_for in ["transaction_recorded/", "_spendlog.json", "events/", "_spendlog.json"] {
        person.spend(&account, "-1.00", "2026-10-03", "Shop").await;
        *gate.closed_for.lock().expect("nobody panicked") = Some(closed_for);
        let mut killed = app.begin(&export);
        gate.reached.notified().await;
        killed.kill().await.expect("it can be killed");
        *gate.closed_for.lock().expect("nobody panicked") = None;
        if bucket.join("_spendlog.json").exists() {
            is_whole(&app, "s3://ledger/lake").await;
        }
        person.spend(&account, "-2.00", "2026-10-03", "Shop").await;
        // The lock goes when the database has noticed.
        eventually("the next run goes on", async || {
            app.command(&export).await.status.success().then_some(())
        })
        .await;
        assert_eq!(parquet(&bucket), named(&bucket), "killed at {closed_for}");
        is_whole(&app, "s3://ledger/lake").await;
    }
    app.finish().await;
}

#[tokio::test]
async fn what_people_wrote_stays_out_unless_it_is_their_own() {
    let app = TestApp::start_with(Options::default().with("SPENDLOG_REGISTRATIONS_MAX", "0")).await;
    let other = app.person().await;
    let account = other.account("Somebody elses wallet", "EUR").await;
    other
        .spend(&account, "-1.00", "2026-10-03", "Somebody elses shop")
        .await;
    let person = plant(&app).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (all, hers) = (folder.path().join("all"), folder.path().join("hers"));
    let (to_all, to_hers) = (all.to_str().expect("UTF-8"), hers.to_str().expect("UTF-8"));

    told(&app, &["events", "export", "--to", to_all]).await;
    let exported = content(&all).await;
    assert!(holds(&exported, "transaction.recorded") && holds(&exported, "withheld"));
    for planted in PLANTED.iter().chain(&["Somebody else"]) {
        assert!(!holds(&exported, planted), "{planted} stands in the export");
    }

    settled(&app, &person).await;
    told(&app, &["events", "export", "--to", to_hers, "--texts-of", EMAIL]).await;
    let exported = content(&hers).await;
    for text in [
        EMAIL,
        "Planted Merchantname",
        "planted note of the transaction",
        "Planted Accountname",
    ] {
        assert!(holds(&exported, text), "{text} is hers");
    }
    for secret in [
        PASSWORD,
        "harbour-2026",
        "planted-wrong-password",
        "$argon2",
        "Somebody else",
    ] {
        assert!(!holds(&exported, secret), "{secret} is in no export");
    }
    let why = refused(&app, &["events", "export", "--to", to_hers]).await;
    assert!(
        why.contains("there is an export already of the events of usr_"),
        "{why}"
    );

    // Forgotten: the next run removes what it gave.
    told(&app, &["user", "forget", &person.user, "--yes"]).await;
    let why = refused(&app, &["query", "SELECT 1 AS one FROM events", "--over", to_hers]).await;
    assert!(why.contains("was forgotten"), "{why}");
    let anew = told(&app, &["events", "export", "--to", to_hers, "--texts-of", &person.user]).await;
    assert!(anew.contains("was begun anew"), "{anew}");
    let exported = content(&hers).await;
    assert!(holds(&exported, "forgotten"));
    for planted in PLANTED {
        assert!(!holds(&exported, planted), "{planted} is forgotten");
    }
    told(&app, &["events", "export", "--to", to_all]).await;
    is_whole(&app, to_all).await;
    app.finish().await;
}

/// Waits until the read tables, which say what is whose, have come to the head.
async fn settled(app: &TestApp, person: &Person) {
    let head = head(app).await;
    person.get_at("/finance/books", head).await.expect(200);
}

#[tokio::test]
async fn a_place_that_can_not_be_used_is_told() {
    let app = TestApp::start().await;
    app.person().await;
    let why = refused(&app, &["events", "export", "--to", "s3://lake/spendlog"]).await;
    assert!(why.contains("SPENDLOG_S3_ACCESS_KEY_ID"), "{why}");
    let file = app.data().join("file");
    fs::write(&file, "").expect("a file");
    let why = refused(&app, &["events", "export", "--to", file.to_str().expect("UTF-8")]).await;
    assert!(why.contains("cannot make the folder"), "{why}");
    let nowhere = app.data().join("nowhere");
    let why = refused(
        &app,
        &[
            "query",
            "SELECT 1 FROM events",
            "--over",
            nowhere.to_str().expect("UTF-8"),
        ],
    )
    .await;
    assert!(why.contains("holds no export"), "{why}");
    assert!(!nowhere.exists(), "asking makes nothing");
    app.finish().await;
}
