//! What who runs a server needs: health, metrics, logs, configuration, an orderly end.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use spendlog_e2e::{Options, Person, Signal, TestApp, Vacant, eventually, sample, send};

#[tokio::test]
async fn health_and_metrics_can_be_asked_for_by_anybody() {
    let app = TestApp::start().await;
    let (person, nobody) = (app.person().await, Person::nobody(&app));
    nobody.get("/livez").await.expect(200);
    nobody.get("/readyz").await.expect(200);
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-1.00", "2026-09-14", "Planted shop").await;
    let body = json!({"account": account, "amount": "0.00", "booked_on": "2026-09-14"});
    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(422, "invalid-value");
    let document = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[])
        .await
        .expect(201);
    person.document_in(document.text("id"), &["in_review"]).await;

    let wanted = [
        r#"http_request_duration_seconds_count{method="POST",route="/finance/transactions",status="201"} 1"#,
        r#"commands_total{use_case="transactions.record",outcome="recorded"} 1"#,
        r#"commands_total{use_case="transactions.record",outcome="invalid-value"} 1"#,
        "spendlog_pipeline_step_seconds",
        "lag_events",
        "lag_seconds",
    ];
    eventually("the metrics tell of all that happened", async || {
        let answer = nobody.get("/metrics").await.expect(200);
        let mut text = String::from_utf8_lossy(&answer.bytes).into_owned();
        // Where another process reads the documents, it tells of that.
        text.push_str(&app.backstage_metrics().await.unwrap_or_default());
        assert!(
            !text.contains("Planted") && !text.contains(&account),
            "no personal text, no ids: {text}"
        );
        wanted.iter().all(|line| text.contains(line)).then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn the_log_is_structured_and_names_requests() {
    let options = Options::default()
        .with("SPENDLOG_LOG", "debug")
        .with("SPENDLOG_LOG_FORMAT", "json");
    let app = TestApp::start_with(options).await;
    let person = app.person().await;
    let answer = person.get("/users/me").await.expect(200);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    person
        .with_token("wrong")
        .get("/finance/accounts")
        .await
        .expect_problem(401, "unauthenticated");
    let log = app.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), log.lines().count(), "each line is JSON");
    let of_request = lines
        .iter()
        .find(|line| line.to_string().contains(&id))
        .expect("a line of the request");
    assert!(
        of_request["timestamp"].is_string() && of_request["level"].is_string(),
        "{of_request}"
    );
    let denied = lines
        .iter()
        .find(|line| line["message"] == "request denied")
        .expect("a line of the refusal");
    assert_eq!(denied["status"], 401);
    assert!(
        !log.contains(&person.token) && !log.contains(&person.email),
        "neither tokens nor addresses"
    );
    app.finish().await;
}

#[tokio::test]
async fn the_configuration_is_checked_before_anything_else() {
    let app = TestApp::start().await;
    let printed = app.command(&["config", "example"]).await;
    assert!(printed.status.success());
    let checked = app.command(&["config", "check"]).await;
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.contains("SPENDLOG_LISTEN") && !said.contains(app.database().url()),
        "no secret is shown: {said}"
    );
    let unknown = app.command(&["serve", "--no-such-option"]).await;
    assert!(!unknown.status.success());
    app.finish().await;
}

#[tokio::test]
async fn without_the_master_key_nothing_is_opened() {
    let mut app = TestApp::start().await;
    let person = app.person().await;
    let last = person
        .patch("/users/me", json!({"name": "Ada"}))
        .await
        .expect(200)
        .position();
    let me = person.get_at("/users/me", last).await.expect(200).body;
    app.stop().await;
    let key = app.data().join("master.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).expect("there is a key").permissions());
    assert_eq!(mode & 0o777, 0o600, "nobody else can read it");
    let right = std::fs::read(&key).expect("the key can be read");
    let wrong: Vec<u8> = right.iter().rev().copied().collect();
    std::fs::write(&key, wrong).expect("the key can be written");
    let refused = app.command(&["serve"]).await;
    assert!(!refused.status.success(), "another key opens nothing");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("key") && said.lines().count() < 10,
        "in plain words: {said}"
    );
    std::fs::write(&key, right).expect("the key can be written");
    app.restart().await;
    assert_eq!(person.at(&app).get("/users/me").await.expect(200).body, me);
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_has_begun() {
    let mut app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let mut asking = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (person, account) = (person.clone(), account.clone());
        asking.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..10_000 {
                let body = json!({"account": account, "amount": "-0.01", "booked_on": "2026-09-14", "note": format!("{writer} {n}")});
                let sent = person.request(reqwest::Method::POST, "/finance/transactions").json(&body).send().await;
                // When it has stopped nobody listens any more.
                let Ok(response) = sent else { break };
                match response.status().as_u16() {
                    201 => acknowledged.push(response.json::<Value>().await.expect("an answer is whole")["id"].clone()),
                    503 => break,
                    status => panic!("answered {status} while stopping"),
                }
            }
            acknowledged
        });
    }
    eventually("the writers are at work", async || {
        let listed = person.get("/finance/transactions").await.expect(200);
        listed.body["data"]
            .as_array()
            .is_some_and(|all| all.len() >= 20)
            .then_some(())
    })
    .await;
    app.stop().await;
    let acknowledged: Vec<Value> = asking.join_all().await.into_iter().flatten().collect();
    assert!(!acknowledged.is_empty());
    app.restart().await;
    let person = person.at(&app);
    let last: i64 = sqlx::query_scalar("SELECT max(position) FROM es.events")
        .fetch_one(app.database().database().pool())
        .await
        .expect("it can be read");
    for id in acknowledged.iter().rev().take(50) {
        let path = format!("/finance/transactions/{}", id.as_str().expect("an id"));
        person.get_at(&path, last).await.expect(200);
    }
    app.finish().await;
}

/// The working folders of all processes that work in this folder.
fn at_work(folder: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("processes can be listed").flatten();
    let folders = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    folders.filter(|at| at.starts_with(folder)).collect()
}

#[tokio::test]
async fn a_server_that_is_interrupted_during_its_first_start_leaves_nothing_running() {
    // While the database is made, and while it starts.
    for sign in ["cluster.new", "cluster/postmaster.pid"] {
        let vacant = Vacant::new(Options::private_postgres()).await;
        let data = vacant.data().canonicalize().expect("it is there");
        let mut server = vacant.begin(&["serve"]);
        let sign = data.join("postgres").join(sign);
        eventually("the start has come so far", async || {
            (sign.exists() && !at_work(&data).is_empty()).then_some(())
        })
        .await;
        let pid = server.id().expect("the server runs");
        assert!(send(pid, Signal::INT), "the server is still there");
        let ended = tokio::time::timeout(Duration::from_secs(30), server.wait()).await;
        let ended = ended.expect("it ends soon").expect("it can be waited for");
        assert!(ended.success(), "it stops cleanly: {ended}");
        eventually("no PostgreSQL is left", async || {
            at_work(&data).is_empty().then_some(())
        })
        .await;
    }
}
