//! The journal as evidence, from outside: signed heads, proofs, and the check that finds what was changed by hand.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp, root, sample};

/// What a command said, and whether it ended well.
fn said(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

/// Runs a command that must end well.
async fn well(app: &TestApp, arguments: &[&str]) -> String {
    let (well, said) = said(&app.command(arguments).await);
    assert!(well, "{arguments:?}: {said}");
    said
}

/// Runs a command that must end with a failure.
async fn failed(app: &TestApp, arguments: &[&str]) -> String {
    let (well, said) = said(&app.command(arguments).await);
    assert!(!well, "{arguments:?}: {said}");
    said
}

/// Puts JSON into a file beside the server's data.
fn file(app: &TestApp, name: &str, content: &Value) -> PathBuf {
    let path = app.data().join(name);
    std::fs::write(&path, content.to_string()).expect("a file can be written");
    path
}

pub(crate) async fn execute(app: &TestApp, sql: &str) {
    let pool = app.database().database().pool();
    sqlx::raw_sql(sql)
        .execute(pool)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub(crate) async fn head(app: &TestApp) -> Value {
    let printed = app.command(&["audit", "head"]).await;
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    serde_json::from_slice(&printed.stdout).expect("a head is JSON")
}

/// Whether the script of `docs/` accepts the proof in this file, by this key if one is given.
fn script_accepts(path: &Path, key: &[&str]) -> bool {
    let script = root().join("docs/check_proof.py");
    let ran = std::process::Command::new("python3")
        .arg(script)
        .arg(path)
        .args(key)
        .output();
    let (accepted, said) = said(&ran.expect("python3 runs"));
    assert!(!said.contains("Traceback"), "{said}");
    accepted
}

#[tokio::test]
async fn what_is_changed_by_hand_is_found_and_named() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let spent = person.spend(&account, "-12.50", "2026-09-14", "Shop").await;
    let (position, transaction) = (spent.position(), spent.text("id").to_owned());
    let older = file(&app, "older.json", &head(&app).await);
    let against = ["audit", "verify", "--against", older.to_str().expect("a path")];
    let document = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[])
        .await
        .expect(201);
    let document = document.text("id").to_owned();
    person.document_in(&document, &["in_review"]).await;
    let last = person.spend(&account, "-1.00", "2026-09-15", "Shop").await.position();
    let newer = file(&app, "newer.json", &head(&app).await);

    let whole = well(&app, &against).await;
    assert!(whole.contains(&format!("All {last} events")), "{whole}");
    // The original, its text, its lines.
    assert!(
        whole.contains("All 3 files") || whole.contains("All 2 files"),
        "{whole}"
    );
    assert!(whole.contains("unchanged"), "{whole}");

    execute(
        &app,
        "CREATE TABLE kept AS TABLE es.events; CREATE TABLE kept_commits AS TABLE es.commits",
    )
    .await;
    let stream = format!("transaction {transaction}");
    let tampered = [
        ("payload", "replace(payload::text, '-1250', '-1251')::json"),
        (
            "payload",
            "overlay(payload::text placing '!' from position('sealed:' in payload::text) + 9 for 1)::json",
        ),
        ("metadata", "replace(metadata::text, 'usr_', 'usr-')::json"),
        ("event_version", "'2'"),
        ("owner_id", "(SELECT owner_id FROM es.events WHERE position = 1)"),
        ("recorded_at", "recorded_at + interval '1 microsecond'"),
    ];
    for (column, value) in tampered {
        execute(
            &app,
            &format!("UPDATE es.events SET {column} = {value} WHERE position = {position}"),
        )
        .await;
        let found = failed(&app, &["audit", "verify"]).await;
        let named = format!("BROKEN at position {position}, stream {stream}, column {column}:");
        assert!(found.contains(&named), "{column}: {found}");
        assert_eq!(found.matches("BROKEN").count(), 1, "{found}");
        execute(&app, "TRUNCATE es.events; INSERT INTO es.events TABLE kept").await;
    }

    for (deleted, named) in [(last, last), (position, position)] {
        execute(&app, &format!("DELETE FROM es.events WHERE position = {deleted}")).await;
        let found = failed(&app, &["audit", "verify"]).await;
        assert!(
            found.contains(&format!("BROKEN at position {named}, stream unknown, column position:")),
            "{found}"
        );
        execute(&app, "TRUNCATE es.events; INSERT INTO es.events TABLE kept").await;
    }
    execute(
        &app,
        &format!(
            "UPDATE es.events SET position = -1 WHERE position = {position}; UPDATE es.events SET position = {position} WHERE
             position = {last}; UPDATE es.events SET position = {last} WHERE position = -1"
        ),
    )
    .await;
    let found = failed(&app, &["audit", "verify"]).await;
    for (at, other) in [(position, last), (last, position)] {
        let named = found
            .lines()
            .find(|line| line.starts_with(&format!("BROKEN at position {at},")));
        let named = named.unwrap_or_else(|| panic!("nothing about {at}: {found}"));
        assert!(
            named.contains("column position") && named.contains(&format!("position {other} ")),
            "{named}"
        );
    }
    execute(&app, "TRUNCATE es.events; INSERT INTO es.events TABLE kept").await;

    // The newest event and its commit: what is left is whole in itself, but is not what the newer head is of.
    execute(
        &app,
        &format!("DELETE FROM es.events WHERE position = {last}; DELETE FROM es.commits WHERE size = {last}"),
    )
    .await;
    let found = failed(&app, &["audit", "verify", "--against", newer.to_str().expect("a path")]).await;
    assert!(found.contains("fewer than when the head was made"), "{found}");
    execute(
        &app,
        "TRUNCATE es.events, es.commits; INSERT INTO es.events TABLE kept; INSERT INTO es.commits TABLE kept_commits",
    )
    .await;

    // A head that was changed.
    let mut forged = head(&app).await;
    forged["size"] = json!(position);
    let forged = file(&app, "forged.json", &forged);
    let found = failed(
        &app,
        &["audit", "verify", "--against", forged.to_str().expect("a path")],
    )
    .await;
    assert!(found.contains("not signed by the key"), "{found}");

    // A file: one byte of it.
    let folder = app.data().join("objects").join(book_uuid(&person));
    let objects: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let mut bytes = std::fs::read(&objects[0]).expect("the file can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&objects[0], bytes).expect("the file can be written");
    let found = failed(&app, &["audit", "verify"]).await;
    let name = objects[0].file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(
        found.contains(&format!(
            "stream document {document}, column file {name}: the stored file is damaged"
        )),
        "{found}"
    );
    app.finish().await;
}

/// The folder of a book's files.
fn book_uuid(person: &Person) -> String {
    let digits = person.book.trim_start_matches("book_");
    uuid::Uuid::parse_str(digits).expect("the id of a book").to_string()
}

#[tokio::test]
async fn a_journal_that_no_longer_opens_is_looked_at_all_the_same() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let last = person.account("Wallet", "EUR").await;
    assert!(!last.is_empty());
    let size: i64 = head(&app).await["size"].as_i64().expect("a size");
    execute(
        &app,
        &format!("UPDATE es.commits SET root = sha256('x') WHERE size = {size}"),
    )
    .await;
    failed(&app, &["audit", "head"]).await;
    let found = failed(&app, &["audit", "verify"]).await;
    assert!(
        found.contains(&format!(
            "BROKEN at position {size}, stream unknown, column commits.root"
        )),
        "{found}"
    );
    app.finish().await;
}

#[tokio::test]
async fn a_proof_is_checked_without_a_database() {
    let app = TestApp::start().await;
    let (person, other) = (app.person().await, app.person().await);
    let account = person.account("Wallet", "EUR").await;
    let position = person
        .spend(&account, "-12.50", "2026-09-14", "Planted \u{e4}\u{20ac} shop")
        .await
        .position();
    let first = person.get("/audit/head").await.expect(200).body;
    for n in 1..20 {
        other
            .spend(
                &other.account("Wallet", "EUR").await,
                &format!("-{n}.00"),
                "2026-09-14",
                "Other",
            )
            .await;
    }
    let path = format!("/audit/events/{position}/proof");
    let newest = person.get_at(&path, position).await.expect(200).body;
    let earlier = person
        .get(&format!("{path}?size={}", first["size"]))
        .await
        .expect(200)
        .body;
    assert_eq!(earlier["head"], first, "the same head has the same signature");
    let size = newest["head"]["size"].as_u64().expect("a size");
    let nodes = newest["path"].as_array().expect("a path").len();
    assert!(
        nodes <= usize::try_from(64 - (size - 1).leading_zeros()).expect("few"),
        "{nodes} nodes of {size}"
    );
    assert!(!newest.to_string().contains("Planted"), "it is sealed");

    let key = newest["head"]["public_key"].as_str().expect("a key").to_owned();
    for proof in [&newest, &earlier] {
        let path = file(&app, "proof.json", proof);
        let path_text = path.to_str().expect("a path");
        let told = well(&app, &["audit", "check-proof", path_text, "--key", &key]).await;
        assert!(told.contains(&format!("Event {position} is in the journal")), "{told}");
        well(&app, &["audit", "check-proof", path_text]).await;
        failed(&app, &["audit", "check-proof", path_text, "--key", &"ab".repeat(32)]).await;
        assert!(script_accepts(&path, &[]) && script_accepts(&path, &[&key]));
        assert!(!script_accepts(&path, &["ab"]), "another key");
    }
    // One letter of each part, and parts that are missing or of another kind.
    for pointer in [
        "/event/payload",
        "/event/metadata",
        "/event/event_version",
        "/event/owner_id",
        "/event/recorded_at_us",
        "/event/aggregate_id",
        "/event/sequence",
        "/event/position",
        "/event/command_id",
        "/path/0",
        "/path/1",
        "/head/root",
        "/head/size",
        "/head/signature",
        "/head/public_key",
        "/head/recorded_at",
    ] {
        for value in [altered(newest.pointer(pointer)), Value::Null, json!({}), json!("x")] {
            let mut proof = newest.clone();
            *proof.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
            let path = file(&app, "altered.json", &proof);
            let told = failed(&app, &["audit", "check-proof", path.to_str().expect("a path")]).await;
            assert!(!told.contains("panicked"), "{told}");
            assert!(!script_accepts(&path, &[]), "{pointer}");
        }
    }

    person
        .get(&format!("{path}?size={}", position - 1))
        .await
        .expect_problem(400, "invalid-query");
    person
        .get(&format!("{path}?size=999999"))
        .await
        .expect_problem(400, "invalid-query");
    for absent in ["0", "-1", "999999", "9223372036854775807", "x"] {
        let answer = person.get(&format!("/audit/events/{absent}/proof")).await;
        answer.expect_problem(404, "not-found");
    }
    let stranger = other.get(&path).await.expect_problem(404, "not-found");
    let absent = other
        .get("/audit/events/999999/proof")
        .await
        .expect_problem(404, "not-found");
    assert_eq!(stranger.body["detail"], absent.body["detail"]);
    app.finish().await;
}

/// The same with one letter, or the number one more.
fn altered(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Number(number)) => json!(number.as_i64().map(|number| number + 1)),
        Some(Value::String(text)) => {
            let last = if text.ends_with('1') { "2" } else { "1" };
            json!(format!("{}{last}", &text[..text.len() - 1]))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn heads_follow_one_another() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let first = person.get("/audit/head").await.expect(200).body;
    assert_eq!(head(&app).await, first, "the command and the API give the same head");
    let from = first["size"].as_i64().expect("a size");
    person.account("Wallet", "EUR").await;
    let grown = person
        .get(&format!("/audit/head/consistency?from={from}"))
        .await
        .expect(200)
        .body;
    assert_eq!(grown["from"], from);
    assert!(grown["head"]["size"].as_i64() > Some(from), "{grown}");
    assert_eq!(grown["head"]["public_key"], first["public_key"]);
    assert!(!grown["path"].as_array().expect("a path").is_empty());
    // Whoever kept the first head needs no more than the answer.
    let older = file(&app, "older.json", &first);
    let check = async |proof: &Value| {
        let proof = file(&app, "consistency.json", proof);
        let paths = [&older, &proof].map(|path| path.to_str().expect("a path"));
        app.command(&["audit", "check-consistency", paths[0], paths[1]]).await
    };
    let said = check(&grown).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    for part in [
        "/from",
        "/path/0",
        "/head/size",
        "/head/root",
        "/head/public_key",
        "/head/signature",
    ] {
        let mut other = grown.clone();
        let value = other.pointer_mut(part).expect("it is there");
        *value = altered(Some(value));
        assert!(!check(&other).await.status.success(), "{part} was altered");
    }
    for from in ["0", "-1", "999999", "x"] {
        let answer = person.get(&format!("/audit/head/consistency?from={from}")).await;
        answer.expect_problem(400, "invalid-query");
    }
    app.finish().await;
}
