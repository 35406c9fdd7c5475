//! Read tables rebuilt, verified, paused and resumed while everybody goes on; and interrupted at the worst moments.

use std::{
    process::Output,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use spendlog_e2e::{Events, Options, Person, Signal, TestApp, eventually, send, succeed};
use sqlx::{Connection as _, PgConnection};
use tokio::process::Child;

/// Somebody who runs the system.
async fn admin(app: &TestApp) -> Person {
    let mut person = app.person().await;
    succeed(app.command(&["user", "promote", &person.email]).await);
    person.sign_in().await;
    person
}

/// What a subcommand printed that refused, results and log.
#[track_caller]
fn fail(output: Output) -> (String, String) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    (out, err)
}

async fn scalar(app: &TestApp, sql: &str) -> i64 {
    let pool = app.database().database().pool();
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number")
}

/// Schemas beside the live one: tables that are being made, or that somebody left behind.
async fn beside(app: &TestApp) -> i64 {
    scalar(app, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'read\\_%'").await
}

async fn rebuilds(app: &TestApp) -> i64 {
    scalar(app, "SELECT generation FROM read.checkpoints WHERE name = 'ledger'").await
}

/// Reads a table without an end, as a dump does, so that nothing can take its place.
struct Dump(PgConnection);

impl Dump {
    async fn begin(app: &TestApp) -> Self {
        let mut connection = PgConnection::connect(app.database().url()).await.expect("a connection");
        let sql = "BEGIN; SELECT count(*) FROM read.postings";
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("it reads");
        Self(connection)
    }

    async fn end(mut self) {
        sqlx::raw_sql("COMMIT").execute(&mut self.0).await.expect("it ends");
    }
}

/// Somebody records so much that a rebuild takes its time.
async fn record_much(app: &TestApp) {
    let person = app.person().await;
    let account = person.account("Old account", "EUR").await;
    let one = |n: usize| json!({"account": account, "amount": "-1.00", "booked_on": "2026-08-01", "merchant": format!("Old {n}")});
    for _ in 0..4 {
        let body = json!({"transactions": (0..1000).map(one).collect::<Vec<_>>()});
        person.post("/finance/transactions/bulk", body).await.expect(201);
    }
}

/// A person with an account in which each writes a cent at a time and looks at the balance.
async fn write_and_read(person: Person, account: String, go_on: &AtomicBool, reads: &AtomicI64) -> i64 {
    let (one, lists) = (
        format!("/finance/accounts/{account}"),
        format!("/finance/transactions?account={account}&limit=2"),
    );
    let mut written = 0;
    while go_on.load(Ordering::Relaxed) {
        let merchant = format!("Merchant {written}");
        let position = person
            .spend(&account, "-0.01", "2026-09-14", &merchant)
            .await
            .position();
        written += 1;
        // A read that names its position is never stale, and fails by nothing but being too early on a busy machine.
        let expected = format!("-{}.{:02}", written / 100, written % 100);
        assert_eq!(
            person.get_at(&one, position).await.expect(200).text("balance"),
            expected
        );
        let list = person.get_at(&lists, position).await.expect(200);
        assert_eq!(list.body["data"][0]["merchant"], merchant);
        let summary = person.get_at("/finance/summary?by=month", position).await.expect(200);
        assert_eq!(summary.body["lines"][0]["count"], written, "{}", summary.body);
        // One that names none has an answer all the same, and never one from before what it saw.
        let any = person.get("/finance/summary?by=month").await.expect(200);
        assert!(any.body["lines"][0]["count"].as_i64() >= Some(written), "{}", any.body);
        let categories = person.get("/finance/categories").await.expect(200);
        assert!(categories.body["data"].as_array().is_some_and(|all| !all.is_empty()));
        reads.fetch_add(5, Ordering::Relaxed);
    }
    written
}

#[tokio::test]
async fn rebuilds_disturb_neither_writers_nor_readers() {
    let app = TestApp::start().await;
    let (go_on, reads) = (AtomicBool::new(true), AtomicI64::new(0));
    record_much(&app).await;
    let mut people = Vec::new();
    for _ in 0..4 {
        let person = app.person().await;
        let account = person.account("Wallet", "EUR").await;
        people.push(write_and_read(person, account, &go_on, &reads));
    }
    let rebuilding = async {
        for round in 1..=5 {
            let before = reads.load(Ordering::Relaxed);
            let said = succeed(app.command(&["projections", "rebuild", "--all"]).await);
            assert_eq!(said.lines().count(), 2, "{said}");
            assert!(
                said.contains("ledger: ") && said.contains("took over at position"),
                "{said}"
            );
            assert_eq!(rebuilds(&app).await, round);
            eventually("reads go on", async || {
                (reads.load(Ordering::Relaxed) > before + 20).then_some(())
            })
            .await;
            // In the middle of it all, at one position.
            succeed(app.command(&["projections", "verify", "ledger"]).await);
        }
        go_on.store(false, Ordering::Relaxed);
    };
    let (written, ()) = tokio::join!(join_all(people), rebuilding);
    let written: i64 = written.into_iter().sum();
    assert!(written > 20, "{written} transactions were written meanwhile");
    let said = succeed(app.command(&["projections", "verify"]).await);
    assert!(said.contains("ledger: ") && said.contains("documents: "), "{said}");
    assert_eq!(beside(&app).await, 0, "nothing is left behind");
    let log = app.log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(failed.is_empty(), "{failed:?}");
    app.finish().await;
}

/// Waits until the tables of a rebuild are filled and have their indexes.
async fn made(app: &TestApp) {
    eventually("the new tables have their indexes", async || {
        let sql =
            "SELECT count(*) FILTER (WHERE i.schemaname = 'read') - count(*) FILTER (WHERE i.schemaname <> 'read')
            FROM pg_indexes i JOIN pg_tables t USING (tablename)
            WHERE t.schemaname = 'read_next_ledger' AND i.schemaname IN ('read', t.schemaname)";
        (beside(app).await == 1 && scalar(app, sql).await == 0).then_some(())
    })
    .await;
}

/// Kills a subcommand as a failing machine would.
async fn kill(mut child: Child) {
    child.kill().await.expect("it can be killed");
}

#[tokio::test]
async fn a_rebuild_that_is_killed_has_changed_nothing() {
    let app = TestApp::start().await;
    record_much(&app).await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let mut position = 0;
    for _ in 0..20 {
        position = person.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
    }
    let path = format!("/finance/accounts/{account}");
    let balance = async |position| {
        person
            .get_at(&path, position)
            .await
            .expect(200)
            .text("balance")
            .to_owned()
    };
    assert_eq!(balance(position).await, "-20.00");

    // While it waits to take over: all is made, nothing is swapped.
    let dump = Dump::begin(&app).await;
    let rebuilding = app.begin(&["projections", "rebuild", "ledger"]);
    made(&app).await;
    kill(rebuilding).await;
    assert_eq!((balance(position).await.as_str(), rebuilds(&app).await), ("-20.00", 0));
    dump.end().await;
    eventually("the server drops what is left", async || {
        (beside(&app).await == 0).then_some(())
    })
    .await;

    // Somebody presses Ctrl-C.
    let dump = Dump::begin(&app).await;
    let rebuilding = app.begin(&["projections", "rebuild", "ledger"]);
    made(&app).await;
    assert!(send(rebuilding.id().expect("it is at work"), Signal::INT));
    let (_, err) = fail(rebuilding.wait_with_output().await.expect("it ends"));
    assert!(err.contains("broken off; the live tables are whole"), "{err}");
    assert_eq!((beside(&app).await, rebuilds(&app).await), (0, 0));
    dump.end().await;

    // At any moment, the swap among them.
    let mut swapped = 0;
    for round in 0..16_u64 {
        let rebuilding = app.begin(&["projections", "rebuild", "ledger"]);
        tokio::time::sleep(Duration::from_millis(60 * round)).await;
        kill(rebuilding).await;
        position = person.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
        assert_eq!(balance(position).await, format!("-{}.00", 21 + round));
        swapped = rebuilds(&app).await;
    }
    // It starts afresh at the next call, whatever stage the last one was killed in.
    kill(app.begin(&["projections", "verify", "ledger"])).await;
    succeed(app.command(&["projections", "rebuild", "ledger"]).await);
    assert_eq!(rebuilds(&app).await, swapped + 1);
    succeed(app.command(&["projections", "verify"]).await);
    assert_eq!(beside(&app).await, 0);
    assert_eq!(balance(position).await, "-36.00");
    app.finish().await;
}

#[tokio::test]
async fn a_verification_names_what_was_changed_by_hand() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-1.00", "2026-09-14", "Planted shop").await;
    person
        .get_at("/finance/transactions", written.position())
        .await
        .expect(200);
    succeed(app.command(&["projections", "verify", "ledger"]).await);
    let sql = "UPDATE read.transactions SET search = 'Planted', amount_scaled = 5";
    let pool = app.database().database().pool();
    sqlx::query(sql).execute(pool).await.expect("it is changed");

    let (out, err) = fail(app.command(&["projections", "verify"]).await);
    let uuid = written.text("id").trim_start_matches("txn_").to_owned();
    let plain = out.replace('-', "");
    assert!(
        out.contains("transactions: 1 of 1 rows") && plain.contains(&format!("id={uuid}")),
        "{out}"
    );
    assert!(out.contains("differs in amount_scaled, search"), "{out}");
    assert!(
        out.contains("documents: 0 rows compared"),
        "the others are verified all the same: {out}"
    );
    assert!(err.contains("projections rebuild ledger"), "it says what to do: {err}");
    assert!(
        !format!("{out}{err}").contains("Planted"),
        "no personal text: {out}{err}"
    );
    assert_eq!(beside(&app).await, 0, "the scratch place is dropped");
    succeed(app.command(&["projections", "rebuild", "ledger"]).await);
    succeed(app.command(&["projections", "verify"]).await);
    app.finish().await;
}

#[tokio::test]
async fn a_paused_projection_says_so_everywhere() {
    let app = TestApp::start().await;
    let (admin, person) = (admin(&app).await, app.person().await);
    let account = person.account("Wallet", "EUR").await;
    let before = person.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
    let path = format!("/finance/accounts/{account}");
    person.get_at(&path, before).await.expect(200);
    let said = succeed(app.command(&["projections", "list"]).await);
    assert!(said.contains("ledger: running (process "), "{said}");

    succeed(app.command(&["projections", "pause", "ledger"]).await);
    let after = person.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
    let refused = person
        .get_at_once(&path, after)
        .await
        .expect_problem(503, "read-model-behind");
    assert!(refused.text("detail").contains("ledger is paused"), "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(person.get_at(&path, before).await.expect(200).text("balance"), "-1.00");
    let said = succeed(app.command(&["projections", "list"]).await);
    assert!(
        said.contains("ledger: paused since ") && said.contains("documents: running"),
        "{said}"
    );
    let lag: Value =
        serde_json::from_str(&succeed(app.command(&["projections", "lag", "--json"]).await)).expect("JSON");
    assert_eq!(
        (&lag[0]["name"], &lag[0]["lag_events"], &lag[0]["state"]),
        (&json!("ledger"), &json!(1), &json!("paused"))
    );
    let nobody = Person::nobody(&app);
    assert_eq!(
        nobody.get("/readyz").await.expect(200).body["paused"],
        json!(["ledger"])
    );
    eventually("the metrics say so", async || {
        let answer = nobody.get("/metrics").await.expect(200);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        text.contains(r#"spendlog_projection_paused{projection="ledger"} 1"#)
            .then_some(())
    })
    .await;
    let listed = admin.get("/admin/projections").await.expect(200).body;
    assert_eq!(
        (&listed["data"][0]["state"], &listed["data"][1]["state"]),
        (&json!("paused"), &json!("running"))
    );

    // Nothing but its being resumed helps; also not another server.
    let second = app.beside().await;
    person
        .at(&second)
        .get_at_once(&path, after)
        .await
        .expect_problem(503, "read-model-behind");
    second.finish().await;
    let resumed = admin
        .post("/admin/projections/ledger/resume", Value::Null)
        .await
        .expect(200);
    assert_eq!(resumed.text("state"), "running");
    assert_eq!(person.get_at(&path, after).await.expect(200).text("balance"), "-2.00");
    let paused = admin
        .post("/admin/projections/documents/pause", Value::Null)
        .await
        .expect(200);
    assert_eq!((paused.text("name"), paused.text("state")), ("documents", "paused"));
    succeed(app.command(&["projections", "resume", "documents"]).await);
    admin
        .post("/admin/projections/nonsense/pause", Value::Null)
        .await
        .expect_problem(404, "not-found");
    app.finish().await;
}

#[tokio::test]
async fn an_admin_follows_a_rebuild_and_it_goes_on_without_them() {
    let app = TestApp::start().await;
    let admin = admin(&app).await;
    let rebuild = async || {
        let request = admin.request(Method::POST, "/admin/projections/ledger/rebuild");
        Events::of(request.send().await.expect("the server answers"))
    };
    let told = rebuild().await.to_end().await;
    let (last, before) = told.split_last().expect("something is told");
    assert_eq!(last.event, "done", "{told:?}");
    assert!(
        last.data["events"].as_i64() > Some(0) && last.data["position"].is_number(),
        "{last:?}"
    );
    assert!(
        before
            .iter()
            .all(|event| event.event == "progress" && event.data["stage"].is_string()),
        "{told:?}"
    );
    assert_eq!(rebuilds(&app).await, 1);

    // One at a time, whoever asks; and who goes away stops nothing.
    let dump = Dump::begin(&app).await;
    let mut following = rebuild().await;
    let first = following.next().await.expect("progress");
    assert_eq!(first.event, "progress");
    let refused = admin.post("/admin/projections/ledger/rebuild", Value::Null).await;
    let refused = refused.expect_problem(409, "projection-busy");
    assert!(
        refused.text("detail").contains(&format!("process {}", app.pid())),
        "{}",
        refused.body
    );
    let (_, err) = fail(app.command(&["projections", "rebuild", "ledger"]).await);
    assert!(err.contains("already, by process "), "{err}");
    fail(app.command(&["projections", "verify", "ledger"]).await);
    let listed = admin.get("/admin/projections").await.expect(200).body;
    assert!(listed["data"][0]["rebuilt_by"].is_string(), "{listed}");
    drop(following);
    dump.end().await;
    eventually("the rebuild is done", async || {
        let listed = admin.get("/admin/projections").await.expect(200).body;
        (listed["data"][0]["rebuilt_by"].is_null() && rebuilds(&app).await == 2).then_some(())
    })
    .await;
    succeed(app.command(&["projections", "verify"]).await);
    app.finish().await;
}

#[tokio::test]
async fn the_commands_need_no_server() {
    let mut app = TestApp::start_with(Options::private_postgres()).await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let position = person.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
    person.get_at("/finance/transactions", position).await.expect(200);
    // Beside the server, in the cluster that it has started.
    succeed(app.command(&["projections", "rebuild", "--all"]).await);
    app.stop().await;
    let listed = succeed(app.command(&["projections", "list", "--json"]).await);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(
        (&listed[0]["state"], &listed[0]["position"]),
        (&json!("stopped"), &json!(position))
    );
    let said = succeed(app.command(&["projections", "rebuild", "ledger", "documents"]).await);
    assert!(said.contains(&format!("took over at position {position}")), "{said}");
    succeed(app.command(&["projections", "verify"]).await);
    let unknown = app.command(&["projections", "rebuild", "everything"]).await;
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("ledger, documents"));
    app.restart().await;
    let seen = person
        .at(&app)
        .get_at("/finance/transactions", position)
        .await
        .expect(200);
    assert_eq!(seen.body["data"][0]["merchant"], "Shop");
    app.finish().await;
}
