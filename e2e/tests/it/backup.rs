//! A ledger is lost and comes back: from our own backups, and from what other tools dumped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use spendlog_e2e::{Options, Person, TestApp, Vacant, eventually, sample};
use spendlog_event_store::testing::TestDatabase;

use crate::{
    s3,
    sealing::{self, PLANTED, accept, dump, files, holds, plant},
};

/// Somebody with a bit of everything, and where the journal is then.
async fn somebody(app: &TestApp) -> (Person, i64) {
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    let statement = person
        .upload("statement.ofx", sample("statement.ofx"), &[("account", &account)])
        .await
        .expect(201);
    let last = accept(&person, statement.text("id")).await;
    for path in ["/finance/documents", "/finance/transactions"] {
        person.get_at(path, last).await.expect(200);
    }
    (person, last)
}

/// What they see, byte for byte.
async fn answers(person: &Person, position: i64) -> Vec<(&'static str, String)> {
    let mut answers = Vec::new();
    for path in [
        "/users/me",
        "/finance/books",
        "/finance/accounts",
        "/finance/categories",
        "/finance/transactions",
        "/finance/summary",
        "/finance/documents",
        "/finance/imports",
        "/audit/events?limit=100",
    ] {
        let answer = person.get_at(path, position).await.expect(200);
        answers.push((path, String::from_utf8_lossy(&answer.bytes).into_owned()));
    }
    answers
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn done(output: Output) -> String {
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    said
}

#[track_caller]
fn refused(output: Output, why: &str) {
    let said = said(&output);
    assert!(!output.status.success() && said.contains(why), "{said}");
}

/// Makes a backup, and gives its name.
async fn backup(app: &TestApp, to: &str) -> String {
    let said = done(app.command(&["backup", "--to", to]).await);
    let (name, _) = said.split_once(':').expect("the name comes first");
    name.to_owned()
}

/// A new place with the master key of an old one.
async fn vacant(from: &TestApp, options: Options) -> Vacant {
    let vacant = Vacant::new(options).await;
    fs::copy(from.data().join("master.key"), vacant.data().join("master.key")).expect("the key is copied");
    vacant
}

/// Everything that can be checked of a journal: its hashes, its files, its tables, its numbers.
async fn sound(app: &TestApp) {
    done(app.command(&["audit", "verify"]).await);
    done(app.command(&["projections", "verify"]).await);
    const WRONG: &str =
        "SELECT count(*) - max(position) + count(command_id) - count(DISTINCT command_id) FROM es.events";
    assert_eq!(
        number(app.database(), WRONG).await,
        0,
        "positions without gaps, commands once"
    );
    eventually("all subscriptions have come to the end", async || {
        const BEHIND: &str =
            "SELECT count(*) FROM es.subscriptions WHERE position <> (SELECT max(position) FROM es.events)";
        (number(app.database(), BEHIND).await == 0).then_some(())
    })
    .await;
}

async fn number(database: &TestDatabase, sql: &str) -> i64 {
    let pool = database.database().pool();
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number")
}

/// Goes on with a restored ledger, in two servers at once.
async fn go_on(app: &TestApp, old: &Person) {
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

/// What a part or key set holds in clear.
fn opened(path: &Path) -> Vec<u8> {
    if path.extension().is_some_and(|extension| extension == "gz") {
        let opened = Command::new("gzip")
            .args(["-dc"])
            .arg(path)
            .output()
            .expect("gzip is there");
        assert!(opened.status.success(), "{}", path.display());
        return opened.stdout;
    }
    fs::read(path).expect("a file can be read")
}

fn text(path: &Path) -> &str {
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
    let head = done(app.command(&["audit", "head"]).await);
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
    let listed = done(app.command(&["restore", "--from", text(&target), "--list"]).await);
    assert!(listed.find(&first) < listed.find(&second), "{listed}");
    let position = app.person().await.position;
    let seen = answers(&person, position).await;

    let vacant = vacant(&app, Options::default()).await;
    let restored = done(vacant.command(&["restore", "--from", text(&target)]).await);
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
    done(restored.command(&["audit", "verify", "--against", text(&head)]).await);
    for ((path, now), (_, then)) in answers(&person.at(&restored), 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    go_on(&restored, &person).await;

    // The next backup goes on in the same place, and the old ledger may not use it any more.
    app.person().await;
    let third = backup(&restored, text(&target)).await;
    assert!(third > second);
    refused(app.command(&["backup", "--to", text(&target)]).await, "another journal");
    done(app.command(&["restore", "--from", text(&target), "--check"]).await);
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
    app.stop().await;
    let nothing_new = done(app.command(&["backup", "--to", text(&target)]).await);
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
    done(vacant.command(&["restore", "--from", text(&target)]).await);
    let restored = vacant.serve().await;
    for ((path, now), (_, then)) in answers(&person.at(&restored), 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    restored.finish().await;
    app.restart().await;
    app.finish().await;
}

#[tokio::test]
async fn what_can_not_be_restored_is_refused_before_anything_is_touched() {
    let app = TestApp::start().await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    let (_, _) = somebody(&app).await;
    let objects = app.data().join("objects/backups");
    refused(
        app.command(&["backup", "--to", text(&objects)]).await,
        "a place of their own",
    );
    let nowhere = kept.path().join("nowhere");
    refused(app.command(&["restore", "--from", text(&nowhere)]).await, "no folder");
    backup(&app, text(&target)).await;
    let vacant = Vacant::new(Options::default()).await;
    let key = vacant.data().join("master.key");
    fs::write(&key, "ab".repeat(32)).expect("a key");
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
    refused(
        vacant.command(&["restore", "--from", text(&target)]).await,
        "does not open the backup",
    );
    fs::copy(app.data().join("master.key"), &key).expect("the key is copied");
    let stored: Vec<PathBuf> = files(&target);
    let named = [
        "/events/",
        "/commits/",
        "/files/",
        "/keys/",
        "manifest.json",
        "subscriptions",
    ];
    for name in named {
        let path = stored
            .iter()
            .find(|path| text(path).contains(name))
            .expect("it is there");
        let whole = fs::read(path).expect("it can be read");
        fs::write(path, &whole[..whole.len() / 2]).expect("it is cut off");
        let cut = path.strip_prefix(&target).expect("it lies there");
        refused(vacant.command(&["restore", "--from", text(&target)]).await, text(cut));
        refused(
            app.command(&["restore", "--from", text(&target), "--check"]).await,
            text(cut),
        );
        fs::write(path, whole).expect("it is whole again");
    }
    assert_eq!(number(vacant.database(), "SELECT count(*) FROM es.keys").await, 0);
    assert!(!vacant.data().join("objects").exists(), "nothing was touched");
    done(vacant.command(&["restore", "--from", text(&target)]).await);
    let restored = vacant.serve().await;
    let served = restored.person().await;
    served.get("/users/me").await.expect(200);
    restored.finish().await;
    app.finish().await;
}

async fn forget(person: &Person, password: &str) -> i64 {
    let request = person.request(Method::DELETE, "/users/me");
    let forgotten = person
        .send(request.json(&json!({"password": password})))
        .await
        .expect(204);
    forgotten.position()
}

fn uuid(id: &str) -> String {
    let (_, hex) = id.split_once('_').expect("an id has a prefix");
    uuid::Uuid::parse_str(hex).expect("an id is a UUID").to_string()
}

/// Whoever was planted is forgotten here: nothing of theirs can be read, and their address is free.
async fn nobody(app: &TestApp, planted: &Person, other: &Person) {
    planted
        .at(app)
        .get("/users/me")
        .await
        .expect_problem(401, "unauthenticated");
    let mut other = other.at(app);
    other.sign_in().await;
    other.get("/finance/documents").await.expect(200);
    eventually("all that follows is done", async || {
        const BEHIND: &str =
            "SELECT count(*) FROM es.subscriptions WHERE position <> (SELECT max(position) FROM es.events)";
        (number(app.database(), BEHIND).await == 0).then_some(())
    })
    .await;
    let mut searched = vec![("the database".to_owned(), dump(app, &[]))];
    searched.extend(
        files(&app.data())
            .into_iter()
            .map(|path| (path.display().to_string(), opened(&path))),
    );
    for (place, content) in &searched {
        for text in PLANTED {
            assert!(!holds(content, text), "{text} stands in {place}");
        }
        assert!(!place.contains(&uuid(&planted.book)), "a file is left: {place}");
    }
    let key = format!(
        "SELECT count(wrapped) FROM es.keys WHERE name IN ('{}', '{}')",
        uuid(&planted.user),
        uuid(&planted.book)
    );
    assert_eq!(number(app.database(), &key).await, 0, "no key of theirs is left");
    let new = Person::register_as(app, sealing::EMAIL, "another password", None).await;
    assert_ne!(new.user, planted.user);
    sound(app).await;
}

#[tokio::test]
async fn restoring_an_older_backup_forgets_again_who_was_forgotten_since() {
    let app = TestApp::start().await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    let (other, _) = somebody(&app).await;
    let planted = plant(&app).await;
    let older = backup(&app, text(&target)).await;
    let of_planted = |path: &PathBuf| text(path).contains(&uuid(&planted.book));
    assert!(files(&target).iter().any(of_planted), "their files are in it");
    let key: String = sqlx::query_scalar("SELECT encode(wrapped, 'hex') FROM es.keys WHERE name = $1")
        .bind(uuid(&planted.book))
        .fetch_one(app.database().database().pool())
        .await
        .expect("a key");
    let has_key = || files(&target).iter().any(|path| holds(&opened(path), &key));
    assert!(has_key(), "so is their key");
    let copy = kept.path().join("copy");
    done(
        Command::new("cp")
            .args(["-r", text(&target), text(&copy)])
            .output()
            .expect("a copy"),
    );

    forget(&planted, sealing::PASSWORD).await;
    let listed = eventually("all of it is listed", async || {
        let listed = done(app.command(&["user", "forgotten"]).await);
        (listed.contains(&uuid(&planted.user)) && listed.contains(&uuid(&planted.book))).then_some(listed)
    })
    .await;
    backup(&app, text(&target)).await;
    assert!(
        !has_key() && !files(&target).iter().any(of_planted),
        "older backups have neither any more"
    );
    done(
        app.command(&["restore", "--from", text(&target), "--check", "--backup", &older])
            .await,
    );

    // From the place that knows of it, and from a copy that was made before, with the list.
    let list = kept.path().join("forgotten.txt");
    fs::write(&list, listed).expect("the list is kept");
    let from_target = ["restore", "--from", text(&target), "--backup", &older];
    let from_copy = ["restore", "--from", text(&copy), "--forgotten", text(&list)];
    for restore in [&from_target, &from_copy] {
        let vacant = vacant(&app, Options::default()).await;
        let restored = done(vacant.command(restore).await);
        assert!(restored.contains("forgotten again"), "{restored}");
        let restored = vacant.serve().await;
        nobody(&restored, &planted, &other).await;
        restored.finish().await;
    }
    app.finish().await;
}

/// Loads a dump that pg_dump made.
fn psql(database: &TestDatabase, dump: &[u8]) {
    use std::io::Write as _;
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", database.url()]);
    let mut loading = psql
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("psql is there");
    loading
        .stdin
        .take()
        .expect("its input")
        .write_all(dump)
        .expect("it reads");
    assert!(loading.wait().expect("it ends").success(), "the dump is loaded");
}

#[tokio::test]
async fn a_dump_of_another_tool_goes_on_and_forgets_again() {
    let app = TestApp::start().await;
    let (other, _) = somebody(&app).await;
    let planted = plant(&app).await;
    let seen = answers(&other, app.person().await.position).await;
    let older = dump(&app, &["--clean", "--if-exists"]);
    forget(&planted, sealing::PASSWORD).await;
    eventually("the files are gone", async || {
        let left = app.data().join("objects").join(uuid(&planted.book));
        (!left.exists()).then_some(())
    })
    .await;

    // The database is that of before, the files are those of now.
    let vacant = vacant(&app, Options::default()).await;
    psql(vacant.database(), &older);
    let (from, to) = (app.data().join("objects"), vacant.data().join("objects"));
    done(
        Command::new("cp")
            .args(["-r", text(&from), text(&to)])
            .output()
            .expect("a copy"),
    );
    let restored = vacant.serve().await;
    nobody(&restored, &planted, &other).await;
    let now = answers(&other.at(&restored), 0).await;
    for ((path, now), (_, then)) in now.iter().zip(&seen).filter(|((path, _), _)| *path != "/users/me") {
        if !path.starts_with("/audit") {
            assert_eq!(now, then, "{path}");
        }
    }
    go_on(&restored, &other).await;
    restored.finish().await;
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
    let mut killed = 0;
    for pause_ms in (0..40).map(|n| 20 + n * 15) {
        let mut making = app.begin(&["backup", "--to", text(&target)]);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        killed += i32::from(making.try_wait().expect("it can be asked").is_none());
        making.kill().await.expect("it can be killed");
        // Whatever counts as a backup is a whole one.
        if pause_ms % 4 == 0 && target.exists() {
            let listed = app.command(&["restore", "--from", text(&target), "--list"]).await;
            if listed.status.success() {
                done(app.command(&["restore", "--from", text(&target), "--check"]).await);
            } else {
                assert!(said(&listed).contains("no backup"), "{}", said(&listed));
            }
        }
    }
    assert!(killed > 5, "only {killed} were killed at work");
    backup(&app, text(&target)).await;
    done(app.command(&["restore", "--from", text(&target), "--check"]).await);
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
        done(vacant.command(&["restore", "--from", text(&target)]).await);
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
    done(app.command(&["restore", "--from", target, "--check"]).await);
    done(
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
    done(vacant.command(&["restore", "--from", target]).await);
    let restored = vacant.serve().await;
    for ((path, now), (_, then)) in answers(&person.at(&restored), 0).await.iter().zip(&seen) {
        assert_eq!(now, then, "{path}");
    }
    go_on(&restored, &person).await;
    restored.finish().await;
    app.finish().await;
}
