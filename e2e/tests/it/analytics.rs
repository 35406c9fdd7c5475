//! Projections of one's own: from a file with one statement to what each user sees of it.

use std::{process::Output, time::Duration};

use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp, eventually, succeed};
use spendlog_event_store::Share;
use spendlog_projections::custom::hold_events;

const MONTHLY: &str = "-- What went to whom, month by month.
SELECT t.book_id, t.month, t.merchant, p.currency, sum(p.amount_minor) AS spent_minor, count(*) AS purchases
FROM transactions t
JOIN postings p USING (transaction_id)
JOIN categories c ON c.category_id = p.category_id
WHERE NOT t.voided
GROUP BY t.book_id, t.month, t.merchant, p.currency;
";
const PATH: &str = "/analytics/projections/monthly_merchants";

/// A file with a statement; the projection is called like it.
fn file(app: &TestApp, name: &str, statement: &str) -> String {
    let path = app.data().join(format!("{name}.sql"));
    std::fs::write(&path, statement).expect("a file");
    path.display().to_string()
}

#[track_caller]
fn fail(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

async fn add(app: &TestApp, name: &str, statement: &str) -> String {
    let file = file(app, name, statement);
    succeed(app.command(&["projections", "add", &file]).await)
}

async fn admin(app: &TestApp) -> Person {
    let mut person = app.person().await;
    succeed(app.command(&["user", "promote", &person.email]).await);
    person.sign_in().await;
    person
}

#[tokio::test]
async fn a_statement_in_a_file_becomes_rows_that_follow_every_change() {
    let app = TestApp::start().await;
    let (person, other) = (app.person().await, app.person().await);
    let account = person.account("Wallet", "EUR").await;
    let theirs = other.account("Wallet", "EUR").await;
    for (day, merchant) in [
        ("2026-08-31", "Bakery"),
        ("2026-09-01", "Bakery"),
        ("2026-09-14", "Rail"),
    ] {
        person.spend(&account, "-2.50", day, merchant).await;
    }
    let last = other
        .spend(&theirs, "-9.99", "2026-09-14", "Secret shop")
        .await
        .position();
    person.get_at("/finance/transactions", last).await.expect(200);
    let said = add(&app, "monthly_merchants", MONTHLY).await;
    assert!(
        said.contains("monthly_merchants: 4 rows at position ") && said.contains("with each batch"),
        "{said}"
    );
    assert!(said.contains("everybody reads the rows of their own books"), "{said}");

    let seen = person.get_at(PATH, last).await.expect(200);
    let row = |month: &str, merchant: &str, spent: i64, purchases: i64| {
        json!({"book_id": person.book, "month": month, "merchant": merchant, "currency": "EUR",
            "spent_minor": spent, "purchases": purchases})
    };
    let before = json!([
        row("2026-08-01", "Bakery", 250, 1),
        row("2026-09-01", "Bakery", 250, 1),
        row("2026-09-01", "Rail", 250, 1)
    ]);
    assert_eq!(seen.body["data"], before);
    assert!(seen.body["position"].as_i64() >= Some(last), "{}", seen.body);

    // What changes, changes it: a read that names its position sees it.
    let spent = person.spend(&account, "-1.25", "2026-09-30", "Bakery").await;
    let seen = person.get_at(PATH, spent.position()).await.expect(200);
    assert_eq!(seen.body["data"][1], row("2026-09-01", "Bakery", 375, 2));
    let path = format!("/finance/transactions/{}", spent.text("id"));
    let moved = json!({"amount": "-4.00", "booked_on": "2026-10-01", "merchant": "Rail"});
    let moved = person.patch(&path, moved).await.expect(200).position();
    let seen = person.get_at(PATH, moved).await.expect(200);
    assert_eq!(
        (&seen.body["data"][1], &seen.body["data"][3]),
        (&row("2026-09-01", "Bakery", 250, 1), &row("2026-10-01", "Rail", 400, 1))
    );
    let voided = person
        .post(&format!("{path}/void"), json!({}))
        .await
        .expect(200)
        .position();
    assert_eq!(person.get_at(PATH, voided).await.expect(200).body["data"], before);

    // Pages.
    let first = person.get_at(&format!("{PATH}?limit=2"), voided).await.expect(200);
    assert_eq!(first.body["data"].as_array().map(Vec::len), Some(2));
    assert!(first.header("link").is_some_and(|link| link.contains("rel=\"next\"")));
    assert_eq!(json!(person.all(&format!("{PATH}?limit=1"), voided).await), before);
    person
        .get(&format!("{PATH}?after=bm9uc2Vuc2U"))
        .await
        .expect_problem(400, "invalid-query");

    // To each their own, and nothing of what one may not know.
    let secret = other.get_at(PATH, voided).await.expect(200);
    assert_eq!(secret.body["data"].as_array().map(Vec::len), Some(1), "{}", secret.body);
    assert_eq!(secret.body["data"][0]["merchant"], "Secret shop");
    assert_eq!(
        admin(&app).await.get(PATH).await.expect(200).body["data"],
        json!([]),
        "nor do admins"
    );
    other
        .get(&format!("{PATH}?book={}", person.book))
        .await
        .expect_problem(404, "not-found");
    assert_eq!(
        person
            .get(&format!("{PATH}?book={}", person.book))
            .await
            .expect(200)
            .body["data"],
        before
    );
    person
        .get("/analytics/projections/nothing")
        .await
        .expect_problem(404, "not-found");

    // It is looked after like any other.
    let listed = succeed(app.command(&["projections", "list"]).await);
    assert!(
        listed.contains("monthly_merchants: running") && listed.contains("kept up to date with each batch"),
        "{listed}"
    );
    succeed(app.command(&["projections", "rebuild", "monthly_merchants"]).await);
    let verified = succeed(app.command(&["projections", "verify"]).await);
    assert!(verified.contains("monthly_merchants: 4 rows compared"), "{verified}");
    let lag: Value =
        serde_json::from_str(&succeed(app.command(&["projections", "lag", "--json"]).await)).expect("JSON");
    assert_eq!(
        (&lag[2]["name"], &lag[2]["state"]),
        (&json!("monthly_merchants"), &json!("running"))
    );
    succeed(app.command(&["projections", "remove", "monthly_merchants"]).await);
    person.get(PATH).await.expect_problem(404, "not-found");
    app.finish().await;
}

#[tokio::test]
async fn what_says_something_of_all_is_for_admins_and_what_does_not_add_up_for_a_schedule() {
    let app = TestApp::start().await;
    let (admin, person) = (admin(&app).await, app.person().await);
    let account = person.account("Wallet", "EUR").await;
    let spent = person.spend(&account, "-2.50", "2026-09-14", "Bakery").await.position();
    person.get_at("/finance/transactions", spent).await.expect(200);

    let top = file(
        &app,
        "top",
        "SELECT merchant, count(*) AS n\nFROM transactions\nGROUP BY 1 ORDER BY 2 DESC LIMIT 3",
    );
    let refused = fail(app.command(&["projections", "add", &top]).await);
    assert!(
        refused.contains("it has LIMIT") && refused.contains("--every 5m"),
        "{refused}"
    );
    let said = succeed(app.command(&["projections", "add", &top, "--every", "5s"]).await);
    assert!(
        said.contains("computed anew every 5 seconds") && said.contains("only admins read it"),
        "{said}"
    );
    let path = "/analytics/projections/top";
    assert_eq!(
        admin.get(path).await.expect(200).body["data"],
        json!([{"merchant": "Bakery", "n": 1}])
    );
    person.get(path).await.expect_problem(404, "not-found");
    // Nor by how long it takes, or by what position it has come to.
    person
        .get_at_once(path, spent + 1_000_000)
        .await
        .expect_problem(404, "not-found");
    assert_eq!(
        person.get("/analytics/projections").await.expect(200).body["data"],
        json!([])
    );
    let listed = admin.get("/analytics/projections").await.expect(200);
    assert_eq!(
        listed.body["data"][0]["columns"][1],
        json!({"name": "n", "type": "bigint"})
    );

    let later = person.spend(&account, "-2.50", "2026-09-14", "Bakery").await.position();
    let all = admin.get("/admin/projections").await.expect(200);
    assert_eq!(all.body["data"][2]["custom"]["every_seconds"], 5, "{}", all.body);
    assert!(all.body["data"][2]["lag_events"].as_i64() >= Some(0));
    eventually("the schedule comes round", async || {
        let seen = admin.get_at_once(path, later).await;
        (seen.status == 200 && seen.body["data"][0]["n"] == 2).then_some(())
    })
    .await;
    let paused = admin
        .post("/admin/projections/top/pause", Value::Null)
        .await
        .expect(200);
    assert_eq!(paused.text("state"), "paused");
    let resumed = admin
        .post("/admin/projections/top/resume", Value::Null)
        .await
        .expect(200);
    assert_eq!(resumed.text("state"), "running");

    // What is wrong is shown where it is, and what may not be is refused by the database's rights.
    let wrong = file(&app, "wrong", "SELECT book_id,\n  merchnt\nFROM transactions");
    let refused = fail(app.command(&["projections", "add", &wrong]).await);
    assert!(
        refused.contains("wrong.sql:2:3: column \"merchnt\" does not exist"),
        "{refused}"
    );
    assert!(refused.contains("\n    merchnt\n    ^"), "{refused}");
    for (statement, why) in [
        ("SELECT body FROM read.users", "permission denied for schema read"),
        (
            "SELECT payload::text AS p FROM es.events",
            "permission denied for schema es",
        ),
        (
            "SELECT pg_sleep(100)::text AS s",
            "permission denied for function pg_sleep",
        ),
        ("DELETE FROM transactions RETURNING merchant", "one SELECT"),
    ] {
        let file = file(&app, "planted", statement);
        let refused = fail(app.command(&["projections", "add", &file, "--every", "1h"]).await);
        assert!(refused.contains(why), "{statement}: {refused}");
    }
    let listed = succeed(app.command(&["projections", "list"]).await);
    assert!(
        listed.contains("top: running") && !listed.contains("planted") && !listed.contains("wrong"),
        "{listed}"
    );
    app.finish().await;
}

#[tokio::test]
async fn it_counts_each_change_once_through_kills_and_rebuilds_under_load() {
    let mut app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    add(&app, "monthly_merchants", MONTHLY).await;
    let mut written = 0;
    for round in 0..4 {
        let here = person.at(&app);
        let write = async {
            let mut position = 0;
            for _ in 0..25 {
                position = here.spend(&account, "-0.01", "2026-09-14", "Shop").await.position();
                if position % 7 == 0 {
                    here.get_at(PATH, position).await.expect(200);
                }
            }
            position
        };
        let (position, _) = tokio::join!(write, app.command(&["projections", "rebuild", "ledger"]));
        written += 25;
        if round % 2 == 0 {
            app.kill().await;
            app.restart().await;
        }
        let seen = person.at(&app).get_at(PATH, position).await.expect(200);
        let expected = json!([{"book_id": person.book, "month": "2026-09-01", "merchant": "Shop", "currency": "EUR",
            "spent_minor": written, "purchases": written}]);
        assert_eq!(seen.body["data"], expected);
        succeed(app.command(&["projections", "verify", "monthly_merchants"]).await);
    }
    // Killed while it is computed, nothing of it stays and nothing is lost.
    for wait in [20, 60, 120, 250] {
        let mut rebuilding = app.begin(&["projections", "rebuild", "monthly_merchants"]);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        rebuilding.kill().await.expect("it can be killed");
    }
    succeed(app.command(&["projections", "verify"]).await);
    let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'custom_rows'::regnamespace AND relkind = 'r'";
    let tables: i64 = sqlx::query_scalar(sql)
        .fetch_one(app.database().database().pool())
        .await
        .expect("a number");
    assert_eq!(tables, 1);
    app.finish().await;
}

#[tokio::test]
async fn nothing_of_a_forgotten_person_stays_in_it() {
    let app = TestApp::start().await;
    let (person, other) = (app.person().await, app.person().await);
    for (who, merchant) in [(&person, "Planted merchant"), (&other, "Shop")] {
        let account = who.account("Wallet", "EUR").await;
        let position = who.spend(&account, "-1.00", "2026-09-14", merchant).await.position();
        who.get_at("/finance/transactions", position).await.expect(200);
    }
    add(&app, "monthly_merchants", MONTHLY).await;
    let all = file(&app, "merchants", "SELECT DISTINCT merchant FROM transactions");
    succeed(app.command(&["projections", "add", &all, "--every", "1d"]).await);
    succeed(app.command(&["user", "forget", "--yes", &person.email]).await);
    let pool = app.database().database().pool();
    for table in ["monthly_merchants", "merchants"] {
        eventually("the rows are gone", async || {
            let sql = format!("SELECT array_agg(merchant) FROM custom_rows.{table}");
            let left: Option<Vec<String>> = sqlx::query_scalar(&sql).fetch_one(pool).await.ok()?;
            (left? == ["Shop"]).then_some(())
        })
        .await;
    }
    succeed(app.command(&["projections", "verify", "monthly_merchants"]).await);
    app.finish().await;
}

/// What is archived is in no view of events.
#[tokio::test]
async fn nothing_is_archived_that_a_projection_reads() {
    const COUNTS: &str = "SELECT count(*) AS n FROM events.transaction_recorded";
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-1.00", "2026-09-14", "Bakery").await;
    let counts = file(&app, "counts", COUNTS);
    let asked = ["projections", "add", counts.as_str(), "--every", "1h"];
    succeed(app.command(&asked).await);
    let archive = ["archive", "--older-than", "0d"];
    let said = fail(app.command(&archive).await);
    assert!(said.contains("counts"), "{said}");
    succeed(app.command(&["projections", "remove", "counts"]).await);
    // Nor while one is being added, which may be stored after we have looked.
    let adding = hold_events(app.database().database(), Share::Together).await;
    let adding = adding.expect("nobody archives");
    let said = fail(app.command(&archive).await);
    assert!(said.contains("being added"), "{said}");
    drop(adding);
    succeed(app.command(&archive).await);
    let said = fail(app.command(&asked).await);
    assert!(said.contains("archived"), "{said}");
    add(
        &app,
        "merchants",
        "SELECT merchant, count(*) AS n FROM transactions GROUP BY merchant",
    )
    .await;
    app.finish().await;
}
