//! Old events in the archive: nobody notices, until somebody changes a file by hand.

use std::{fs, path::PathBuf};

use serde_json::json;
use spendlog_e2e::{Person, TestApp, eventually, sample, succeed};
use sqlx::{Connection as _, PgConnection};

use crate::{forgetting, gate::Write};

async fn archive(app: &TestApp) -> String {
    succeed(app.command(&["archive", "--older-than", "0d"]).await)
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let pool = app.database().database().pool();
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a count")
}

async fn whole(app: &TestApp) -> i64 {
    count(
        app,
        "SELECT count(*) FROM es.events WHERE payload IS NOT NULL OR metadata IS NOT NULL",
    )
    .await
}

/// The files of the archive.
fn files(app: &TestApp) -> Vec<PathBuf> {
    let folder = app.data().join("objects/archive");
    let files = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

/// Somebody with transactions, an idempotent one among them, and a document.
struct Ada {
    person: Person,
    account: String,
    lunch: serde_json::Value,
    answered: (serde_json::Value, i64),
    transaction: String,
    position: i64,
}

impl Ada {
    async fn arrive(app: &TestApp) -> Self {
        let person = app.person().await;
        let account = person.account("Wallet", "EUR").await;
        let lunch =
            json!({"account": account, "amount": "-12.50", "booked_on": "2026-09-14", "merchant": "Corner shop"});
        let first = person
            .post_with("/finance/transactions", ("idempotency-key", "lunch"), lunch.clone())
            .await
            .expect(201);
        let answered = (first.body.clone(), first.position());
        let transaction = first.text("id").to_owned();
        let one = |n: usize| json!({"account": account, "amount": "-1.00", "booked_on": "2026-08-01", "merchant": format!("Old {n}")});
        let many = json!({"transactions": (0..300).map(one).collect::<Vec<_>>()});
        person.post("/finance/transactions/bulk", many).await.expect(201);
        let document = person
            .upload("invoice.pdf", sample("invoice.pdf"), &[])
            .await
            .expect(201);
        person.document_in(document.text("id"), &["in_review"]).await;
        let position = person.spend(&account, "-2.00", "2026-09-15", "Baker").await.position();
        Self {
            person,
            account,
            lunch,
            answered,
            transaction,
            position,
        }
    }

    /// All that she can ask for, as it is answered.
    async fn answers(&self) -> Vec<(String, Vec<u8>)> {
        let answers = forgetting::answers(&self.person, self.position).await;
        let mut answers: Vec<_> = answers
            .into_iter()
            .map(|(path, bytes)| (path.to_owned(), bytes))
            .collect();
        for path in [
            format!("/finance/transactions/{}/history", self.transaction),
            format!("/audit/replay?at={}", "2100-01-01T00:00:00Z"),
            format!("/audit/events/{}/proof", self.position),
            format!("/finance/transactions?at={}", self.position),
        ] {
            let answer = self.person.get_at(&path, self.position).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.body);
            answers.push((path, answer.bytes.clone()));
        }
        answers
    }

    async fn ask_again(&self) {
        let again = self
            .person
            .post_with(
                "/finance/transactions",
                ("idempotency-key", "lunch"),
                self.lunch.clone(),
            )
            .await
            .expect(201);
        assert_eq!((again.body.clone(), again.position()), self.answered);
        let other = json!({"account": self.account, "amount": "-1.00", "booked_on": "2026-09-14", "merchant": "Other"});
        self.person
            .post_with("/finance/transactions", ("idempotency-key", "lunch"), other)
            .await
            .expect_problem(422, "idempotency-key-reused");
    }
}

#[tokio::test]
async fn what_is_archived_is_answered_as_before() {
    let mut app = TestApp::start().await;
    let (mut ada, bob) = (Ada::arrive(&app).await, app.person().await);
    let before = ada.answers().await;
    let head = app.data().join("head.json");
    fs::write(&head, succeed(app.command(&["audit", "head"]).await)).expect("a file");
    let against = ["audit", "verify", "--against", head.to_str().expect("a path")];
    let told = succeed(app.command(&["archive", "--older-than", "0d", "--dry-run"]).await);
    assert!(told.contains("would be archived") && files(&app).is_empty(), "{told}");
    let told = succeed(app.command(&["archive"]).await);
    assert!(told.contains("no event in the table is older than 400 days"), "{told}");

    let told = archive(&app).await;
    assert!(told.contains("in 1 files"), "{told}");
    assert_eq!((whole(&app).await, files(&app).len()), (0, 1));
    // A server that remembers something, and one that does not.
    for _ in 0..2 {
        assert!(ada.answers().await == before, "an answer is another one");
        ada.ask_again().await;
        app.kill().await;
        app.restart().await;
        ada.person = ada.person.at(&app);
    }
    assert!(ada.answers().await == before, "an answer is another one");
    succeed(app.command(&against).await);
    succeed(app.command(&["projections", "verify"]).await);
    succeed(app.command(&["projections", "rebuild", "--all"]).await);
    succeed(app.command(&["projections", "verify"]).await);
    assert!(ada.answers().await == before, "an answer is another one");
    let at = ada.position.to_string();
    let replayed = app.command(&["replay", "--user", &ada.person.email, "--at", &at]).await;
    assert!(succeed(replayed).contains("Wallet"));

    // It goes on, on archived streams too; the next run takes what is new.
    let path = format!("/finance/transactions/{}", ada.transaction);
    let corrected = ada.person.patch(&path, json!({"amount": "-13.50"})).await.expect(200);
    let found = ada.person.get_at(&path, corrected.position()).await.expect(200);
    assert_eq!(found.text("amount"), "-13.50");
    ada.ask_again().await;
    assert!(archive(&app).await.contains("Archived"));
    assert_eq!((whole(&app).await, files(&app).len()), (0, 2));
    assert!(archive(&app).await.contains("Nothing to archive"));
    succeed(app.command(&against).await);

    // Forgetting reaches the archive.
    succeed(app.command(&["user", "forget", &bob.email, "--yes"]).await);
    succeed(app.command(&["audit", "verify"]).await);
    succeed(app.command(&["projections", "verify"]).await);
    app.finish().await;
}

#[tokio::test]
async fn killed_in_the_midst_nothing_is_lost_nor_doubled() {
    let app = TestApp::start().await;
    let mut ada = Ada::arrive(&app).await;
    let mut gate = PgConnection::connect(app.database().url()).await.expect("a connection");
    let build = "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_advisory_xact_lock(78); RETURN NULL; END $$;
        CREATE TRIGGER gate AFTER UPDATE ON es.events FOR EACH STATEMENT EXECUTE FUNCTION gate()";
    sqlx::raw_sql(build)
        .execute(&mut gate)
        .await
        .expect("the gate is built");
    for (left, write) in (1..).zip([Write::Lost, Write::Committed]) {
        let before = ada.answers().await;
        sqlx::raw_sql("SELECT pg_advisory_lock(78)")
            .execute(&mut gate)
            .await
            .expect("the gate closes");
        let mut child = app.begin(&["archive", "--older-than", "0d"]);
        let waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 78 AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let backend: i32 = eventually("the rows are being emptied", async || {
            sqlx::query_scalar(waiting)
                .fetch_optional(app.database().database().pool())
                .await
                .expect("locks")
        })
        .await;
        child.kill().await.expect("it is killed");
        if write == Write::Lost {
            sqlx::query("SELECT pg_terminate_backend($1)")
                .bind(backend)
                .execute(&mut gate)
                .await
                .expect("it ends");
        }
        sqlx::raw_sql("SELECT pg_advisory_unlock(78)")
            .execute(&mut gate)
            .await
            .expect("the gate opens");
        eventually("the backend is gone", async || {
            let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}");
            (count(&app, &sql).await == 0).then_some(())
        })
        .await;
        assert_eq!(files(&app).len(), left, "a file was written");
        assert!(whole(&app).await > 300, "without the commit nothing is moved");
        assert!(ada.answers().await == before, "an answer is another one");
        succeed(app.command(&["audit", "verify"]).await);
        // More happens, so that the next file is another one.
        let spent = ada.person.spend(&ada.account, "-0.01", "2026-09-16", "Baker").await;
        ada.position = spent.position();
    }
    let before = ada.answers().await;
    sqlx::raw_sql("DROP TRIGGER gate ON es.events")
        .execute(&mut gate)
        .await
        .expect("the gate is gone");
    archive(&app).await;
    assert_eq!(
        (whole(&app).await, files(&app).len()),
        (0, 1),
        "what was left by the killed is gone"
    );
    assert!(ada.answers().await == before, "an answer is another one");
    succeed(app.command(&["audit", "verify"]).await);
    app.finish().await;
}

#[tokio::test]
async fn an_archive_that_was_changed_is_found_and_named() {
    let app = TestApp::start().await;
    let ada = Ada::arrive(&app).await;
    archive(&app).await;
    let file = files(&app).remove(0);
    let name = format!("archive/{}", file.file_name().expect("a name").to_string_lossy());
    let content = fs::read(&file).expect("the file");
    let verify = async || {
        let output = app.command(&["audit", "verify"]).await;
        assert!(!output.status.success());
        String::from_utf8(output.stdout).expect("text")
    };
    let mut altered = content.clone();
    altered[content.len() / 2] ^= 1;
    fs::write(&file, &altered).expect("it is altered");
    let told = verify().await;
    assert!(told.contains(&name) && told.contains("is damaged"), "{told}");
    fs::remove_file(&file).expect("it is removed");
    let told = verify().await;
    assert!(told.contains(&name) && told.contains("can't be read"), "{told}");
    // What does not need it goes on.
    ada.person.spend(&ada.account, "-0.01", "2026-09-16", "Baker").await;
    fs::write(&file, &content).expect("it is put back");
    succeed(app.command(&["audit", "verify"]).await);
    app.finish().await;
}
