//! A ledger is backed up while it is in use, and comes back.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use parquet::file::reader::SerializedFileReader;
use spendlog_e2e::{Options, Person, TestApp, Vacant, eventually, sample, succeed};
use spendlog_event_store::testing::TestDatabase;

use crate::{
    forgetting::{a_bit_of_everything, answers},
    proofs,
    restore::{forget, uuid},
    s3,
    sealing::{self, PLANTED, files, holds, plant},
};

/// Somebody with a bit of everything, and where the journal is then.
pub(crate) async fn somebody(app: &TestApp) -> (Person, i64) {
    let person = app.person().await;
    let last = a_bit_of_everything(&person).await;
    (person, last)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
pub(crate) fn refused(output: Output, why: &str) {
    let said = said(&output);
    assert!(!output.status.success() && said.contains(why), "{said}");
}

/// Makes a backup, and gives its name.
pub(crate) async fn backup(app: &TestApp, to: &str) -> String {
    let said = succeed(app.command(&["backup", "--to", to]).await);
    let (name, _) = said.split_once(':').expect("the name comes first");
    name.to_owned()
}

/// A new place with the master key of an old one.
pub(crate) async fn vacant(from: &TestApp, options: Options) -> Vacant {
    let vacant = Vacant::new(options).await;
    fs::copy(from.data().join("master.key"), vacant.data().join("master.key")).expect("the key is copied");
    vacant
}

/// Everything that can be checked of a journal: its hashes, its files, its tables, its numbers.
pub(crate) async fn sound(app: &TestApp) {
    succeed(app.command(&["audit", "verify"]).await);
    succeed(app.command(&["projections", "verify"]).await);
    const WRONG: &str =
        "SELECT count(*) - max(position) + count(command_id) - count(DISTINCT command_id) FROM es.events";
    assert_eq!(
        number(app.database(), WRONG).await,
        0,
        "positions without gaps, commands once"
    );
    settled(app).await;
}

/// Waits until all that follows from what happened is done.
pub(crate) async fn settled(app: &TestApp) {
    eventually("all subscriptions have come to the end", async || {
        const BEHIND: &str =
            "SELECT count(*) FROM es.subscriptions WHERE position <> (SELECT max(position) FROM es.events)";
        (number(app.database(), BEHIND).await == 0).then_some(())
    })
    .await;
}

pub(crate) async fn number(database: &TestDatabase, sql: &str) -> i64 {
    let pool = database.database().pool();
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number")
}

/// Goes on with a restored ledger, in two servers at once.
pub(crate) async fn go_on(app: &TestApp, old: &Person) {
    let beside = app.beside().await;
    let writing = [app, &beside].map(|server| {
        let mut person = old.at(server);
        async move {
            person.sign_in().await;
            let account = person.account("New", "EUR").await;
            let mut last = 0;
            for n in 1..=10 {
                last = person
                    .spend(&account, &format!("-{n}.00"), "2026-10-01", "After")
                    .await
                    .position();
            }
            let uploaded = person.upload("invoice.pdf", sample("invoice.pdf"), &[]).await;
            assert!([200, 201].contains(&uploaded.status.as_u16()), "{uploaded:?}");
            person
                .document_in(uploaded.text("id"), &["extracted", "in_review", "confirmed"])
                .await;
            assert!(person.all("/finance/transactions", last).await.len() >= 10);
        }
    });
    let [one, two] = writing;
    tokio::join!(one, two);
    sound(app).await;
    beside.finish().await;
}

/// What a part, a key set or a file of the archive holds in clear, uncompressed.
pub(crate) fn opened(path: &Path) -> Vec<u8> {
    match path.extension().and_then(OsStr::to_str) {
        Some("gz") => {
            let opened = Command::new("gzip")
                .args(["-dc"])
                .arg(path)
                .output()
                .expect("gzip is there");
            assert!(opened.status.success(), "{}", path.display());
            opened.stdout
        }
        Some("parquet") => {
            let file = fs::File::open(path).expect("a file can be read");
            let rows = SerializedFileReader::new(file).expect("it is Parquet").into_iter();
            let rows: String = rows.map(|row| row.expect("a row").to_string()).collect();
            rows.into_bytes()
        }
        _ => fs::read(path).expect("a file can be read"),
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

#[tokio::test]
async fn a_ledger_comes_back_from_a_backup_that_was_made_while_it_was_written() {
    let app = TestApp::start().await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    let (person, _) = somebody(&app).await;
    plant(&app).await;
    let account = person.account("Busy", "EUR").await;
    let writing = tokio::spawn({
        let person = person.clone();
        async move {
            for n in 1..=60 {
                person
                    .spend(&account, &format!("-{n}.00"), "2026-09-15", "Meanwhile")
                    .await;
            }
        }
    });
    let first = backup(&app, text(&target)).await;
    writing.await.expect("nobody is disturbed");
    let head = succeed(app.command(&["audit", "head"]).await);
    let second = backup(&app, text(&target)).await;
    let before = files(&target);
    assert!(before.len() > 10, "{before:?}");
    for path in &before {
        let (name, content) = (path.display().to_string(), opened(path));
        for planted in PLANTED {
            assert!(
                !holds(&content, planted) && !name.contains(planted),
                "{planted} stands in {name}"
            );
        }
    }
    let events = before
        .iter()
        .find(|path| text(path).contains("/events/"))
        .expect("events");
    assert!(
        holds(&opened(events), "transaction.recorded"),
        "the search finds what stands there"
    );
    let listed = succeed(app.command(&["restore", "--from", text(&target), "--list"]).await);
    assert!(listed.find(&first) < listed.find(&second), "{listed}");
    let position = app.person().await.position;
    let seen = answers(&person, position).await;

    let vacant = vacant(&app, Options::default()).await;
    let restored = succeed(vacant.command(&["restore", "--from", text(&target)]).await);
    assert!(
        restored.contains(&second) && restored.contains("unchanged"),
        "{restored}"
    );
    refused(
        vacant.command(&["restore", "--from", text(&target)]).await,
        "there is a ledger already",
    );
    let restored = vacant.serve().await;
    fs::write(kept.path().join("head.json"), head).expect("the head is kept");
    let head = kept.path().join("head.json");
    succeed(restored.command(&["audit", "verify", "--against", text(&head)]).await);
    for ((path, now), (_, then)) in answers(&person.at(&restored), 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    go_on(&restored, &person).await;

    // The next backup goes on in the same place, and the old ledger may not use it any more.
    app.person().await;
    let third = backup(&restored, text(&target)).await;
    assert!(third > second);
    refused(app.command(&["backup", "--to", text(&target)]).await, "another journal");
    succeed(app.command(&["restore", "--from", text(&target), "--check"]).await);
    restored.finish().await;
    app.finish().await;
}

#[tokio::test]
async fn a_ledger_with_a_postgres_of_its_own_moves_to_another() {
    let mut app = TestApp::start_with(Options::private_postgres()).await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    let (person, position) = somebody(&app).await;
    let seen = answers(&person, position).await;
    backup(&app, text(&target)).await;
    let last = proofs::head(&app).await["size"].as_i64().expect("a size");
    app.stop().await;
    let nothing_new = succeed(app.command(&["backup", "--to", text(&target)]).await);
    assert!(
        nothing_new.contains("0 of them new"),
        "without a server too: {nothing_new}"
    );
    let empty = Vacant::new(Options::private_postgres()).await;
    refused(
        empty.command(&["restore", "--from", text(&target)]).await,
        "no master key",
    );
    assert!(!empty.data().join("master.key").exists(), "none is made");
    let vacant = vacant(&app, Options::private_postgres()).await;
    succeed(vacant.command(&["restore", "--from", text(&target)]).await);
    let restored = vacant.serve().await;
    let person = person.at(&restored);
    for ((path, now), (_, then)) in answers(&person, 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    succeed(restored.command(&["audit", "verify"]).await);
    succeed(restored.command(&["projections", "verify"]).await);
    // What is written next stands right behind what came back.
    let accounts = person.all("/finance/accounts", 0).await;
    let account = accounts[0]["id"].as_str().expect("an account has an id");
    let next = person.spend(account, "-2.00", "2026-10-01", "Afterwards").await;
    assert_eq!(next.position(), last + 1, "no position is left out");
    let path = format!("/finance/transactions/{}", next.text("id"));
    let found = person.get_at(&path, next.position()).await.expect(200);
    assert_eq!(found.text("merchant"), "Afterwards");
    restored.finish().await;
    app.restart().await;
    app.finish().await;
}

#[tokio::test]
async fn a_kill_while_it_is_backed_up_or_restored_leaves_nothing_half_done() {
    let app = TestApp::start().await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    let (person, _) = somebody(&app).await;
    let account = person.account("Many", "EUR").await;
    for n in 1..=100 {
        person.spend(&account, &format!("-{n}.00"), "2026-09-15", "Shop").await;
    }
    let began = Instant::now();
    backup(&app, text(&kept.path().join("another"))).await;
    let whole = began.elapsed();
    let mut killed = 0;
    for twentieth in 0..20 {
        let mut making = app.begin(&["backup", "--to", text(&target)]);
        tokio::time::sleep(whole * twentieth / 20).await;
        if making.try_wait().expect("it can be asked").is_none() {
            killed += 1;
            making.kill().await.expect("it can be killed");
        }
        // Whatever counts as a backup is a whole one.
        if target.exists() {
            let listed = app.command(&["restore", "--from", text(&target), "--list"]).await;
            if listed.status.success() {
                succeed(app.command(&["restore", "--from", text(&target), "--check"]).await);
            } else {
                assert!(said(&listed).contains("no backup"), "{}", said(&listed));
            }
        }
    }
    // Once one was left to its end the others have little to do, and are mostly faster than their kill.
    assert!(killed > 1, "only {killed} were killed at work");
    backup(&app, text(&target)).await;
    succeed(app.command(&["restore", "--from", text(&target), "--check"]).await);
    let left = files(&target);
    assert!(
        left.iter().all(|path| !text(path).contains('#')),
        "nothing unfinished is left: {left:?}"
    );

    let vacant = vacant(&app, Options::default()).await;
    let mut killed = 0;
    for pause_ms in (0..20).map(|n| 50 + n * 120) {
        let mut restoring = vacant.begin(&["restore", "--from", text(&target)]);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        if restoring.try_wait().expect("it can be asked").is_some() {
            break;
        }
        killed += 1;
        restoring.kill().await.expect("it can be killed");
        if number(vacant.database(), "SELECT count(*) FROM es.events").await > 0 {
            break;
        }
    }
    assert!(killed > 0, "nothing was killed at work");
    if number(vacant.database(), "SELECT count(*) FROM es.events").await == 0 {
        succeed(vacant.command(&["restore", "--from", text(&target)]).await);
    }
    let restored = vacant.serve().await;
    go_on(&restored, &person).await;
    restored.finish().await;
    app.finish().await;
}

#[tokio::test]
async fn backups_are_kept_in_a_bucket() {
    let folder = tempfile::tempdir().expect("a folder");
    for bucket in ["ledger", "kept"] {
        fs::create_dir_all(folder.path().join(bucket)).expect("a bucket");
    }
    let endpoint = s3::serve(folder.path()).await;
    let app = TestApp::start_with(s3::options(&endpoint, s3::SECRET)).await;
    refused(
        app.command(&["backup", "--to", "s3://ledger/sealed/backups"]).await,
        "a place of their own",
    );
    let target = "s3://kept/nightly";
    let (person, position) = somebody(&app).await;
    let seen = answers(&person, position).await;
    backup(&app, target).await;
    let planted = plant(&app).await;
    let older = backup(&app, target).await;
    forget(&planted, sealing::PASSWORD).await;
    backup(&app, target).await;
    succeed(app.command(&["restore", "--from", target, "--check"]).await);
    succeed(
        app.command(&["restore", "--from", target, "--check", "--backup", &older])
            .await,
    );
    let kept = files(&folder.path().join("kept"));
    assert!(
        !kept.iter().any(|path| text(path).contains(&uuid(&planted.book))),
        "{kept:?}"
    );

    // Into a folder: where the files are kept is nobody's business.
    let options = s3::options(&endpoint, s3::SECRET).with("SPENDLOG_OBJECTS", "");
    let vacant = vacant(&app, options).await;
    succeed(vacant.command(&["restore", "--from", target]).await);
    let restored = vacant.serve().await;
    for ((path, now), (_, then)) in answers(&person.at(&restored), 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    go_on(&restored, &person).await;
    restored.finish().await;
    app.finish().await;
}
