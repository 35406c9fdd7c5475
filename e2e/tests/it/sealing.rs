//! What a thief of the database or of the files can read: no word that anybody wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use spendlog_e2e::{Options, Person, TestApp, eventually, sample};

/// Texts that nobody else writes, each planted where a person's text goes.
pub(crate) const EMAIL: &str = "plantedaddress@example.org";
pub(crate) const PASSWORD: &str = "planted-password-of-the-user";
const NAME: &str = "Planted Personname";
pub(crate) const BOOK: &str = "Planted Bookname";
const ACCOUNT: &str = "Planted Accountname";
const NUMBER: &str = "DE02PLANTEDNUMBER";
const CATEGORY: &str = "Planted Categoryname";
const MERCHANT: &str = "Planted Merchantname";
const NOTE: &str = "planted note of the transaction";
const FILE: &str = "planted-filename.csv";
const CONTENT: &str = "PLANTED CONTENT OF THE FILE";
const LOCKED: &str = "planted-lockedname.pdf";
const UNLOCKED_BY: &str = "harbour-2026";
const WRONG_PASSWORD: &str = "planted-wrong-password";
const CORRECTION: &str = "Planted Correction";
const REASON: &str = "planted reason to reject";

pub(crate) const PLANTED: &[&str] = &[
    EMAIL,
    PASSWORD,
    NAME,
    BOOK,
    ACCOUNT,
    NUMBER,
    CATEGORY,
    MERCHANT,
    NOTE,
    FILE,
    CONTENT,
    LOCKED,
    UNLOCKED_BY,
    WRONG_PASSWORD,
    CORRECTION,
    REASON,
];

#[tokio::test]
async fn neither_database_nor_files_nor_log_tell_what_was_written() {
    // The log says all that it can say.
    let app = TestApp::start_with(Options::default().with("SPENDLOG_LOG", "debug")).await;
    plant(&app).await;

    let whole = dump(&app, &[]);
    for read in [ACCOUNT, MERCHANT, NOTE, FILE] {
        assert!(
            holds(&whole, read),
            "the search finds what stands in the read tables: {read}"
        );
    }
    let sealed = dump(&app, &["--exclude-schema=read"]);
    assert!(holds(&sealed, "transaction.recorded"), "the dump has the events");
    let mut searched = vec![
        ("the database".to_owned(), sealed),
        ("the log".to_owned(), app.log().into_bytes()),
    ];
    for path in files(&app.data()) {
        let name = path.strip_prefix(app.data()).unwrap_or(&path).display().to_string();
        searched.push((format!("the name of a file: {name}"), name.clone().into_bytes()));
        searched.push((name, fs::read(&path).expect("a file can be read")));
    }
    assert!(searched.len() > 6, "there are files");
    for (place, bytes) in &searched {
        for planted in PLANTED {
            assert!(!holds(bytes, planted), "{planted} stands in {place}");
        }
    }
    app.finish().await;
}

/// Puts each of the texts where it goes, with all that the server does with it.
pub(crate) async fn plant(app: &TestApp) -> Person {
    let person = Person::register_as(app, EMAIL, PASSWORD, Some(NAME)).await;
    let refused = json!({"email": EMAIL, "password": WRONG_PASSWORD});
    person
        .post("/users/token", refused)
        .await
        .expect_problem(401, "invalid-credentials");
    person.post("/finance/books", json!({"name": BOOK})).await.expect(201);
    let account = json!({"name": ACCOUNT, "kind": "checking", "currency": "EUR", "number": NUMBER});
    let account = person
        .post("/finance/accounts", account)
        .await
        .expect(201)
        .text("id")
        .to_owned();
    person
        .post("/finance/categories", json!({"name": CATEGORY, "kind": "expense"}))
        .await
        .expect(201);
    let transaction = person.spend(&account, "-1.00", "2026-09-14", MERCHANT).await;
    let path = format!("/finance/transactions/{}", transaction.text("id"));
    person.patch(&path, json!({"note": NOTE})).await.expect(200);
    person
        .get(&format!("/finance/transactions?text={}", NOTE.replace(' ', "%20")))
        .await
        .expect(200);

    let csv = format!("date,amount,description\n2026-07-01,-1.00,{CONTENT}\n2026-07-02,-2.00,{CONTENT}\n");
    let statement = person
        .upload(FILE, csv.into_bytes(), &[("account", &account)])
        .await
        .expect(201);
    accept(&person, statement.text("id")).await;

    let locked = person
        .upload(LOCKED, sample("statement-locked.pdf"), &[])
        .await
        .expect(201)
        .text("id")
        .to_owned();
    person.document_in(&locked, &["password_required"]).await;
    let unlock = format!("/finance/documents/{locked}/unlock");
    person
        .post(&unlock, json!({"password": WRONG_PASSWORD}))
        .await
        .expect(200);
    eventually("the wrong password is told", async || {
        let seen = person.get(&format!("/finance/documents/{locked}")).await.expect(200);
        (seen.body["password_tried"] == true).then_some(())
    })
    .await;
    person.post(&unlock, json!({"password": UNLOCKED_BY})).await.expect(200);
    person.document_in(&locked, &["in_review"]).await;
    let fields = format!("/finance/documents/{locked}/fields");
    person.patch(&fields, json!({"customer": CORRECTION})).await.expect(200);
    let last = person
        .post(
            &format!("/finance/documents/{locked}/reject"),
            json!({"reason": REASON}),
        )
        .await
        .expect(200);
    // All of it is in the read tables before they are looked at.
    person.get_at("/finance/documents", last.position()).await.expect(200);
    person
        .get_at("/finance/transactions", last.position())
        .await
        .expect(200);
    person
}

/// Accepts the lines of a statement, as soon as they are ready. Gives the position.
pub(crate) async fn accept(person: &Person, statement: &str) -> i64 {
    let confirm = format!("/finance/documents/{statement}/confirm");
    eventually("the lines are ready to be accepted", async || {
        let answer = person.post(&confirm, json!({})).await;
        (answer.body["code"] != "document-not-ready").then(|| answer.expect(200).position())
    })
    .await
}

pub(crate) fn dump(app: &TestApp, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("pg_dump")
        .args(arguments)
        .arg(app.database().url())
        .output()
        .expect("pg_dump is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}
