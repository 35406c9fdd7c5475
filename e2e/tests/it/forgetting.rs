//! Somebody is forgotten: nothing of theirs can be read again, and nobody else notices.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use spendlog_e2e::{Answer, Options, Person, TestApp, eventually, sample};

use crate::{
    gate::{Gate, Write},
    sealing::{self, PLANTED, accept, dump, files, holds, plant},
};

async fn forget(person: &Person, password: &str) -> Answer {
    let request = person.request(Method::DELETE, "/users/me");
    person.send(request.json(&json!({"password": password}))).await
}

/// Everything that can be asked by somebody, as it is answered, byte for byte.
pub(crate) async fn answers(person: &Person, position: i64) -> Vec<(&'static str, Vec<u8>)> {
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
        answers.push((path, person.get_at(path, position).await.expect(200).bytes));
    }
    answers
}

/// Somebody with a bit of everything, in two books.
async fn somebody(app: &TestApp) -> Person {
    let person = app.person().await;
    person
        .post("/finance/books", json!({"name": "Second"}))
        .await
        .expect(201);
    a_bit_of_everything(&person).await;
    person
}

/// Does a bit of everything, and waits until it can be read; where the journal is then.
pub(crate) async fn a_bit_of_everything(person: &Person) -> i64 {
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    let statement = person
        .upload("statement.ofx", sample("statement.ofx"), &[("account", &account)])
        .await
        .expect(201);
    let last = accept(person, statement.text("id")).await;
    for path in ["/finance/documents", "/finance/transactions"] {
        person.get_at(path, last).await.expect(200);
    }
    last
}

/// The id as it stands in the database and in the names of folders.
fn uuid(id: &str) -> String {
    let (_, hex) = id.split_once('_').expect("an id has a prefix");
    uuid::Uuid::parse_str(hex).expect("an id is a UUID").to_string()
}

/// The folder of an owner's files.
fn folder(app: &TestApp, owner: &str) -> PathBuf {
    app.data().join("objects").join(uuid(owner))
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(app.database().database().pool())
        .await
        .expect("a count")
}

/// All events up to a position, as they are stored.
async fn stored(app: &TestApp, position: i64) -> Vec<String> {
    sqlx::query_scalar("SELECT e::text FROM es.events e WHERE position <= $1 ORDER BY position")
        .bind(position)
        .fetch_all(app.database().database().pool())
        .await
        .expect("the events")
}

#[tokio::test]
async fn whoever_is_forgotten_can_nowhere_be_read_again() {
    let app = TestApp::start_with(Options::default().with("SPENDLOG_LOG", "debug")).await;
    let other = somebody(&app).await;
    let planted = plant(&app).await;
    let before = planted
        .post("/finance/books", json!({"name": "Last"}))
        .await
        .expect(201)
        .position();
    let (seen, events) = (answers(&other, before).await, stored(&app, before).await);
    assert!(folder(&app, &planted.book).is_dir(), "there are files");
    let mut stream = planted.follow("/audit/events", Some(&before.to_string())).await;

    forget(&planted, "a wrong password")
        .await
        .expect_problem(401, "invalid-credentials");
    planted.get("/users/me").await.expect(200);
    let forgotten = forget(&planted, sealing::PASSWORD).await.expect(204);
    assert!(forgotten.bytes.is_empty() && forgotten.position() > before);

    // At once: no token is good any more, and open streams end.
    planted.get("/users/me").await.expect_problem(401, "unauthenticated");
    forget(&planted, sealing::PASSWORD)
        .await
        .expect_problem(401, "unauthenticated");
    planted
        .post("/users/token/refresh", json!({"refresh": planted.refresh}))
        .await
        .expect_problem(401, "session-ended");
    planted
        .post(
            "/users/token",
            json!({"email": sealing::EMAIL, "password": sealing::PASSWORD}),
        )
        .await
        .expect_problem(401, "invalid-credentials");
    while let Some(sent) = stream.next().await {
        let said = sent.data.to_string();
        assert!(PLANTED.iter().all(|text| !said.contains(text)), "{said}");
    }

    // Soon: nothing of it stands anywhere.
    for path in ["/finance/transactions", "/finance/documents"] {
        other.get_at(path, forgotten.position()).await.expect(200);
    }
    eventually("the files are gone", async || {
        (!folder(&app, &planted.book).exists()).then_some(())
    })
    .await;
    let mut searched = vec![
        ("the database".to_owned(), dump(&app, &[])),
        ("the log".to_owned(), app.log().into_bytes()),
    ];
    for path in files(&app.data()) {
        let name = path.display().to_string();
        assert!(
            !name.contains(&uuid(&planted.book)) && !name.contains(&uuid(&planted.user)),
            "{name}"
        );
        searched.push((name, std::fs::read(&path).expect("a file can be read")));
    }
    for (place, bytes) in &searched {
        for text in PLANTED {
            assert!(!holds(bytes, text), "{text} stands in {place}");
        }
    }
    assert_eq!(stored(&app, before).await, events, "no event was touched");

    // Nobody else has noticed.
    for ((path, now), (_, then)) in answers(&other, before).await.iter().zip(&seen) {
        assert_eq!(String::from_utf8_lossy(now), String::from_utf8_lossy(then), "{path}");
    }

    // What an operator can replay of it says nothing either.
    let replay = ["replay", "--user", planted.user.as_str(), "--at"];
    for at in [before, forgotten.position()] {
        let replayed = app.command(&[&replay[..], &[at.to_string().as_str()]].concat()).await;
        let said = String::from_utf8_lossy(&replayed.stdout);
        assert!(PLANTED.iter().all(|text| !said.contains(text)), "{said}");
    }

    // The address is free: who registers with it is somebody new, who has nothing.
    let new = Person::register_as(&app, sealing::EMAIL, "another password", None).await;
    assert_ne!((&new.user, &new.book), (&planted.user, &planted.book));
    for path in ["/finance/transactions", "/finance/documents", "/finance/accounts"] {
        assert!(new.all(path, new.position).await.is_empty(), "{path}");
    }
    let events = new.all("/audit/events?limit=100", new.position).await;
    assert!(
        events
            .iter()
            .all(|event| event["position"].as_i64() > Some(forgotten.position()))
    );
    app.finish().await;
}

#[tokio::test]
async fn an_operator_forgets_somebody_beside_a_server_and_without_one() {
    let mut app = TestApp::start().await;
    let (one, two, other) = (somebody(&app).await, somebody(&app).await, somebody(&app).await);
    let asked = app.command(&["user", "forget", &one.email]).await;
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(
        !asked.status.success() && said.contains("--yes") && said.contains("keys are destroyed"),
        "{said}"
    );
    one.get("/users/me").await.expect(200);

    let done = app.command(&["user", "forget", &one.email, "--yes"]).await;
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("1 user and 2 books"), "{said}");
    eventually("the server has heard of it", async || {
        (one.get("/users/me").await.status == 401).then_some(())
    })
    .await;
    other.get("/users/me").await.expect(200);

    app.stop().await;
    let done = app.command(&["user", "forget", &two.user, "--yes"]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for person in [&one, &two] {
        assert!(!folder(&app, &person.book).exists());
        let rows = dump(&app, &["--schema=read", "--data-only"]);
        assert!(!holds(&rows, &uuid(&person.book)) && !holds(&rows, &person.email));
    }
    let again = app.command(&["user", "forget", &two.email, "--yes"]).await;
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(
        !again.status.success() && said.contains("nobody is registered"),
        "{said}"
    );
    app.restart().await;
    other.at(&app).get("/users/me").await.expect(200);
    two.at(&app)
        .get("/users/me")
        .await
        .expect_problem(401, "unauthenticated");
    app.finish().await;
}

#[tokio::test]
async fn a_document_in_the_pipeline_ends_quietly_with_its_owner() {
    let app = TestApp::start().await;
    for round in 0..4 {
        let person = app.person().await;
        let account = person.account("Wallet", "EUR").await;
        for name in ["invoice.pdf", "receipt.jpg", "statement.ofx", "expenses.xlsx"] {
            person
                .upload(name, sample(name), &[("account", &account)])
                .await
                .expect(201);
        }
        // Each time somewhere else in the pipeline.
        tokio::time::sleep(std::time::Duration::from_millis(150 * round)).await;
        let forgotten = forget(&person, &person.password).await.expect(204);
        eventually("all that follows is done", async || {
            let behind = format!(
                "SELECT count(*) FROM es.subscriptions WHERE position < {}",
                forgotten.position()
            );
            (count(&app, &behind).await == 0).then_some(())
        })
        .await;
        assert!(!folder(&app, &person.book).exists(), "no file comes after the last");
    }
    // That nothing is parked, the end of the test asks for.
    app.finish().await;
}

/// Where the server can be stopped, besides at events.
const STEPS: &str = "CREATE FUNCTION gate_of_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        step text := 'rows';
    BEGIN
        IF TG_TABLE_NAME = 'keys' THEN
            IF NEW.wrapped IS NOT NULL THEN RETURN NEW; END IF;
            -- The second time the keys are gone, and the files come next.
            step := CASE WHEN EXISTS (SELECT FROM es.keys k WHERE k.name = NEW.name AND k.wrapped IS NULL)
                THEN 'files' ELSE 'keys' END;
        END IF;
        IF EXISTS (SELECT FROM public.gate g WHERE g.event_type = step) THEN
            PERFORM pg_advisory_xact_lock(77);
        END IF;
        RETURN coalesce(NEW, OLD);
    END $$;
    CREATE TRIGGER gate BEFORE INSERT ON es.keys FOR EACH ROW EXECUTE FUNCTION gate_of_forgetting();
    CREATE TRIGGER gate BEFORE DELETE ON read.users FOR EACH ROW EXECUTE FUNCTION gate_of_forgetting()";

/// Waits until all is done that follows, and gives what is left of somebody.
async fn left(app: &TestApp, person: &Person) -> Value {
    let (user, book) = (uuid(&person.user), uuid(&person.book));
    eventually("they are forgotten", async || {
        let sql = format!(
            "SELECT (SELECT count(*) FROM es.events e WHERE e.event_type = 'user.forgotten' AND e.owner_id = '{user}'
                AND NOT EXISTS (SELECT FROM es.subscriptions s WHERE s.position < e.position)
                AND NOT EXISTS (SELECT FROM read.checkpoints c WHERE c.position < e.position))"
        );
        (count(app, &sql).await == 1).then_some(())
    })
    .await;
    let types: Vec<(String, i64)> = sqlx::query_as(
        "SELECT event_type, count(*) FROM es.events WHERE owner_id = ANY ($1::uuid[]) GROUP BY 1 ORDER BY 1",
    )
    .bind(
        [&user, &book]
            .map(|id| id.parse::<uuid::Uuid>().expect("a UUID"))
            .to_vec(),
    )
    .fetch_all(app.database().database().pool())
    .await
    .expect("the events");
    let keys = count(
        app,
        &format!("SELECT count(wrapped) FROM es.keys WHERE name IN ('{user}', '{book}')"),
    )
    .await;
    let tombstones = format!("SELECT count(*) FROM es.keys WHERE name IN ('{user}', '{book}') AND wrapped IS NULL");
    let rows = dump(app, &["--schema=read", "--data-only"]);
    json!({
        "events": types, "keys": keys, "tombstones": count(app, &tombstones).await,
        "files": folder(app, &person.book).exists(),
        "rows": holds(&rows, &user) || holds(&rows, &book) || holds(&rows, &person.email),
    })
}

#[tokio::test]
async fn a_kill_at_any_step_changes_nothing_of_it() {
    let mut app = TestApp::start().await;
    let undisturbed = somebody(&app).await;
    forget(&undisturbed, &undisturbed.password).await.expect(204);
    let expected = left(&app, &undisturbed).await;
    assert_eq!(
        (
            &expected["keys"],
            &expected["tombstones"],
            &expected["files"],
            &expected["rows"]
        ),
        (&json!(0), &json!(2), &json!(false), &json!(false)),
        "{expected}"
    );
    let mut gate = Gate::build(&app).await;
    sqlx::raw_sql(STEPS)
        .execute(app.database().database().pool())
        .await
        .expect("the steps can be stopped at");
    for step in ["user.forgotten", "keys", "files", "rows"] {
        for write in [Write::Lost, Write::Committed] {
            let person = somebody(&app).await;
            gate.close_for(step).await;
            let asking = {
                let (person, password) = (person.clone(), person.password.clone());
                tokio::spawn(async move {
                    let request = person.request(Method::DELETE, "/users/me");
                    let _answer = request.json(&json!({"password": password})).send().await;
                })
            };
            gate.reached().await;
            app.kill().await;
            asking.await.expect("the request ends with the server");
            gate.open(write).await;
            app.restart().await;
            let person = person.at(&app);
            let user = uuid(&person.user);
            let sql =
                format!("SELECT count(*) FROM es.events WHERE event_type = 'user.forgotten' AND owner_id = '{user}'");
            if count(&app, &sql).await == 0 {
                // Of two processes, one that finds that the other has written meanwhile commits in a step of its own.
                let is_lost = write == Write::Lost || app.backstage().is_some();
                assert!(step == "user.forgotten" && is_lost, "killed at {step} ({write:?})");
                // Nothing had happened yet: who got no answer asks again.
                person.get("/users/me").await.expect(200);
                forget(&person, &person.password).await.expect(204);
            }
            assert_eq!(left(&app, &person).await, expected, "killed at {step} ({write:?})");
            person.get("/users/me").await.expect_problem(401, "unauthenticated");
            let new = Person::register_as(&app, &person.email, "another password", None).await;
            assert_ne!(new.user, person.user);
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn another_server_on_the_same_database_knows_at_once() {
    let app = TestApp::start().await;
    let beside = app.beside().await;
    let (person, other) = (somebody(&app).await, app.person().await);
    let there = person.at(&beside);
    there.get("/finance/transactions").await.expect(200);
    let account = there.account("There", "EUR").await;
    forget(&person, &person.password).await.expect(204);
    eventually("the other server has heard of it", async || {
        (there.get("/users/me").await.status == 401).then_some(())
    })
    .await;
    there
        .get(&format!("/finance/accounts/{account}"))
        .await
        .expect_problem(401, "unauthenticated");
    other.at(&beside).get("/users/me").await.expect(200);
    beside.finish().await;
    app.finish().await;
}

#[tokio::test]
async fn a_book_that_is_opened_at_the_same_moment_is_forgotten_too() {
    let app = TestApp::start().await;
    let beside = app.beside().await;
    let person = app.person().await;
    let mut gate = Gate::build(&app).await;
    // It is being opened at one server, and they are being forgotten at the other, which knows nothing of it yet.
    gate.close_for("book.opened").await;
    let opening = tokio::spawn({
        let there = person.at(&beside);
        async move { there.post("/finance/books", json!({"name": "Late"})).await }
    });
    gate.reached().await;
    let forgetting = tokio::spawn({
        let person = person.clone();
        async move { forget(&person, &person.password).await }
    });
    eventually("the forgetting waits for its turn", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        (count(&app, waiting).await >= 2).then_some(())
    })
    .await;
    gate.release().await;
    let book = opening.await.expect("it was opened").expect(201).text("id").to_owned();
    forgetting.await.expect("they were forgotten").expect(204);
    eventually("the book is forgotten as well", async || {
        let tombstone = format!(
            "SELECT count(*) FROM es.keys WHERE name = '{}' AND wrapped IS NULL",
            uuid(&book)
        );
        (count(&app, &tombstone).await == 1).then_some(())
    })
    .await;
    let rows = format!("SELECT count(*) FROM read.books WHERE id = '{}'", uuid(&book));
    eventually("its row is gone", async || {
        (count(&app, &rows).await == 0).then_some(())
    })
    .await;
    beside.finish().await;
    app.finish().await;
}
