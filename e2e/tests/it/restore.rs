//! What is restored, and what is not: refused where it is not whole, and without those who were forgotten since.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use reqwest::Method;
use serde_json::json;
use spendlog_e2e::{Options, Person, TestApp, Vacant, eventually, succeed};
use spendlog_event_store::testing::TestDatabase;

use crate::{
    backup::{backup, go_on, number, opened, refused, settled, somebody, sound, text, vacant},
    forgetting::answers,
    sealing::{self, PLANTED, dump, files, holds, plant},
};

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
    succeed(vacant.command(&["restore", "--from", text(&target)]).await);
    let restored = vacant.serve().await;
    let served = restored.person().await;
    served.get("/users/me").await.expect(200);
    restored.finish().await;
    app.finish().await;
}

pub(crate) async fn forget(person: &Person, password: &str) -> i64 {
    let request = person.request(Method::DELETE, "/users/me");
    let forgotten = person
        .send(request.json(&json!({"password": password})))
        .await
        .expect(204);
    forgotten.position()
}

pub(crate) fn uuid(id: &str) -> String {
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
    settled(app).await;
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
    succeed(
        Command::new("cp")
            .args(["-r", text(&target), text(&copy)])
            .output()
            .expect("a copy"),
    );

    forget(&planted, sealing::PASSWORD).await;
    let listed = eventually("all of it is listed", async || {
        let listed = succeed(app.command(&["user", "forgotten"]).await);
        (listed.contains(&uuid(&planted.user)) && listed.contains(&uuid(&planted.book))).then_some(listed)
    })
    .await;
    backup(&app, text(&target)).await;
    assert!(
        !has_key() && !files(&target).iter().any(of_planted),
        "older backups have neither any more"
    );
    succeed(
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
        let restored = succeed(vacant.command(restore).await);
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
    succeed(
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

/// Archived events come back with their archive: those that a backup had whole before, and those that no backup had yet.
#[tokio::test]
async fn an_archive_comes_back() {
    let app = TestApp::start().await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    somebody(&app).await;
    backup(&app, text(&target)).await;
    succeed(app.command(&["archive", "--older-than", "0d"]).await);
    let (person, last) = somebody(&app).await;
    succeed(app.command(&["archive", "--older-than", "0d"]).await);
    const MOVED: &str = "SELECT count(*) FROM es.events WHERE payload IS NULL";
    assert!(number(app.database(), MOVED).await > 20);
    backup(&app, text(&target)).await;
    let vacant = vacant(&app, Options::default()).await;
    succeed(vacant.command(&["restore", "--from", text(&target)]).await);
    let restored = vacant.serve().await;
    assert!(number(restored.database(), MOVED).await > 0);
    let theirs = person.at(&restored);
    assert_eq!(answers(&theirs, last).await, answers(&person, last).await);
    sound(&restored).await;
    succeed(restored.command(&["archive", "--older-than", "0d"]).await);
    go_on(&restored, &theirs).await;
    restored.finish().await;
    app.finish().await;
}
