//! The master key changes: no event is touched, the old key opens nothing, and whatever breaks off locks nobody out.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use spendlog_e2e::{Options, Person, TestApp};

use crate::gate::{Gate, Write};

/// Where the key of a server without one in its environment is.
fn key(app: &TestApp) -> PathBuf {
    app.data().join("master.key")
}

async fn stored(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT e::text FROM es.events e ORDER BY position")
        .fetch_all(app.database().database().pool())
        .await
        .expect("the events")
}

/// What `spendlog keys rotate` says, and whether it was done.
async fn rotate(app: &TestApp, arguments: &[&str]) -> (bool, String) {
    let output = app.command(&[&["keys", "rotate"], arguments].concat()).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Whether a server would start with the key that is configured; what it says.
async fn opens(app: &TestApp) -> (bool, String) {
    let output = app
        .command(&["replay", "--user", "nobody@example.org", "--at", "0"])
        .await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (said.contains("nobody is registered"), said)
}

async fn somebody(app: &TestApp) -> Person {
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let last = person.spend(&account, "-1.00", "2026-09-14", "Corner Shop").await;
    person
        .get_at("/finance/transactions", last.position())
        .await
        .expect(200);
    person
}

/// All that the journal tells them, which it can only with their keys.
async fn told(person: &Person) -> String {
    let events = person.get("/audit/events?limit=100").await.expect(200);
    let text = String::from_utf8_lossy(&events.bytes).into_owned();
    assert!(text.contains("Corner Shop"), "{text}");
    text
}

#[tokio::test]
async fn the_new_key_opens_all_and_the_old_one_nothing() {
    let mut app = TestApp::start().await;
    let person = somebody(&app).await;
    let (before, old) = (told(&person).await, fs::read(key(&app)).expect("a key"));
    let (done, said) = rotate(&app, &[]).await;
    assert!(!done && said.contains("stop it first"), "{said}");
    assert_eq!(fs::read(key(&app)).expect("a key"), old);
    app.stop().await;
    let events = stored(&app).await;
    let (done, said) = rotate(&app, &[]).await;
    assert!(done && said.contains("keys are wrapped by a new master key"), "{said}");
    assert_eq!(stored(&app).await, events, "no event was touched");
    let new = fs::read(key(&app)).expect("a key");
    assert_ne!(new, old);
    assert_eq!(
        fs::metadata(key(&app)).expect("a key").permissions().mode() & 0o777,
        0o600
    );
    assert!(!key(&app).with_extension("key.new").exists());

    fs::write(key(&app), &old).expect("the old key is put back");
    let (opened, said) = opens(&app).await;
    assert!(!opened && said.contains("not the master key"), "{said}");
    fs::write(key(&app), &new).expect("the new key is put back");
    app.restart().await;
    let person = person.at(&app);
    assert_eq!(told(&person).await, before, "with a token of before");
    somebody(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_key_from_the_environment_is_replaced_by_the_file_that_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (current, next) = (folder.path().join("current"), folder.path().join("next"));
    let write = |path: &Path, text: &str| {
        fs::write(path, text).expect("a key is written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    };
    write(&current, &"1d".repeat(32));
    let options = Options::default().with("SPENDLOG_MASTER_KEY_FILE", current.display().to_string());
    let mut app = TestApp::start_with(options).await;
    let person = somebody(&app).await;
    let before = told(&person).await;
    app.stop().await;
    let (done, said) = rotate(&app, &[]).await;
    assert!(!done && said.contains("--to"), "{said}");
    let to = ["--to", next.to_str().expect("a path")];
    let (done, said) = rotate(&app, &to).await;
    assert!(done && said.contains("Set SPENDLOG_MASTER_KEY"), "{said}");
    assert!(!opens(&app).await.0, "the old key opens nothing");
    // Whoever did not see the answer asks again.
    let (done, said) = rotate(&app, &to).await;
    assert!(done && said.contains("already"), "{said}");
    fs::rename(&next, &current).expect("the new key takes the old one's place");
    app.restart().await;
    assert_eq!(told(&person.at(&app)).await, before);
    app.finish().await;
}

#[tokio::test]
async fn a_change_that_is_interrupted_locks_nobody_out() {
    let mut app = TestApp::start().await;
    let person = somebody(&app).await;
    let (before, new_file) = (told(&person).await, key(&app).with_extension("key.new"));
    let mut gate = Gate::build(&app).await;
    let sql = "CREATE FUNCTION gate_of_keys() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM public.gate g WHERE g.event_type = 'rotation') THEN
                PERFORM pg_advisory_xact_lock(77);
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER gate AFTER UPDATE ON es.keys FOR EACH STATEMENT EXECUTE FUNCTION gate_of_keys()";
    sqlx::raw_sql(sql)
        .execute(app.database().database().pool())
        .await
        .expect("the gate can be built");
    for write in [Write::Lost, Write::Committed] {
        app.stop().await;
        let old = fs::read(key(&app)).expect("a key");
        gate.close_for("rotation").await;
        tokio::select! {
            _ = rotate(&app, &[]) => panic!("the gate is closed"),
            // What is left here is killed, and its connection with it.
            () = gate.reached() => {}
        }
        gate.open(write).await;
        assert_eq!(
            fs::read(key(&app)).expect("a key"),
            old,
            "the old key still stands in its place"
        );
        assert!(new_file.exists(), "and the new one beside it");
        app.restart().await;
        assert_eq!(told(&person.at(&app)).await, before);
    }
    // Killed after the database was changed, before the new key got its place.
    app.stop().await;
    let old = fs::read(key(&app)).expect("a key");
    let (done, said) = rotate(&app, &[]).await;
    assert!(done, "{said}");
    fs::rename(key(&app), &new_file).expect("the new key goes back");
    fs::write(key(&app), &old).expect("the old key is put back");
    fs::set_permissions(key(&app), fs::Permissions::from_mode(0o600)).expect("it is ours");
    app.restart().await;
    assert_eq!(told(&person.at(&app)).await, before);
    assert_ne!(fs::read(key(&app)).expect("a key"), old, "the start has completed it");
    assert!(!new_file.exists());
    app.finish().await;
}

#[tokio::test]
async fn with_a_private_postgres_it_is_the_same() {
    let mut app = TestApp::start_with(Options::private_postgres()).await;
    let person = somebody(&app).await;
    let (before, old) = (told(&person).await, fs::read(key(&app)).expect("a key"));
    let (done, said) = rotate(&app, &[]).await;
    assert!(!done && said.contains("another spendlog is running on"), "{said}");
    app.stop().await;
    let (done, said) = rotate(&app, &[]).await;
    assert!(done, "{said}");
    assert_ne!(fs::read(key(&app)).expect("a key"), old);
    app.restart().await;
    assert_eq!(told(&person.at(&app)).await, before);
    app.finish().await;
}
