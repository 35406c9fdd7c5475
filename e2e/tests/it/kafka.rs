//! Two server processes on one Postgres and one Kafka, with their roles split. (`SPENDLOG_TEST_SPLIT=1` runs all other tests
//! like this as well.)

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spendlog_e2e::{Options, Person, TestApp, eventually, sample, truth};
use spendlog_kafka_broker::Broker;

use crate::crash::{SHORT, at_each_step};

/// Somebody whose book confirms what passes every check.
async fn trusting(app: &TestApp) -> (Person, String) {
    let person = app.person().await;
    let policy = json!({"policy": "when_checks_hold"});
    let book = format!("/finance/books/{}", person.book);
    person.patch(&book, policy).await.expect(200);
    let account = person.account("Current account", "EUR").await;
    (person, account)
}

async fn upload(person: &Person, name: &str, account: &str) -> String {
    let uploaded = person
        .upload(name, sample(name), &[("account", account)])
        .await
        .expect(201);
    uploaded.text("id").to_owned()
}

/// What is recorded in the end.
async fn amounts(person: &Person, count: usize) -> Vec<String> {
    let rows = eventually("the transactions are recorded", async || {
        let rows = person.all("/finance/transactions?limit=100", 0).await;
        (rows.len() >= count).then_some(rows)
    });
    let mut amounts: Vec<String> = rows
        .await
        .iter()
        .map(|row| row["amount"].as_str().unwrap_or_default().to_owned())
        .collect();
    amounts.sort();
    amounts
}

/// No step of a document or of an import, and no transaction, is in the journal twice.
async fn nothing_is_doubled(person: &Person) {
    let events = person.all("/audit/events?limit=100", 0).await;
    let mut steps = BTreeSet::new();
    for event in &events {
        let name = event["event"].as_str().expect("an event has a type");
        let subject = event["subject"].as_str().expect("an event has a subject");
        // Others, as that somebody signed in, may well happen again.
        let once = ["document.", "import.", "transaction."]
            .iter()
            .any(|kind| name.starts_with(kind));
        assert!(
            !once || steps.insert((name, subject)),
            "{name} of {subject} is there twice"
        );
    }
    assert!(!steps.is_empty(), "there are such events");
}

async fn status(app: &TestApp) -> Value {
    let said = app.command(&["kafka", "status", "--json"]).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("JSON")
}

/// Waits until everything is published and read.
async fn caught_up(app: &TestApp) -> Value {
    eventually("all subscriptions caught up", async || {
        let status = status(app).await;
        let readers = status["subscriptions"].as_array()?;
        let done = status["lag_events"] == 0 && readers.iter().all(|reader| reader["lag_events"] == 0);
        (done && readers.len() == 2).then_some(status)
    })
    .await
}

#[tokio::test]
async fn the_pipeline_runs_over_two_processes_and_survives_kills_and_a_switch() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let mut app = TestApp::start_with(Options::split(&broker)).await;
    let (person, account) = trusting(&app).await;
    let invoice = upload(&person, "invoice.pdf", &account).await;
    person.document_in(&invoice, &["confirmed"]).await;
    assert_eq!(amounts(&person, 1).await, ["-98.54"]);

    // Relay and processors are killed in the middle of a document, and come back.
    let statement = upload(&person, "statement.ofx", &account).await;
    app.kill_backstage().await;
    let written = person
        .spend(&account, "-1.00", "2026-09-14", "While nobody reads")
        .await;
    person
        .get_at("/finance/transactions", written.position())
        .await
        .expect(200);
    app.restart_backstage().await;
    person.document_in(&statement, &["confirmed"]).await;
    let truth = truth("statement.ofx");
    let lines = truth["lines"].as_array().expect("lines").iter();
    let lines = lines.map(|line| line["amount"].as_str().expect("an amount"));
    let mut expected: Vec<&str> = lines.chain(["-98.54", "-1.00"]).collect();
    expected.sort_unstable();
    assert_eq!(amounts(&person, expected.len()).await, expected);
    nothing_is_doubled(&person).await;

    // The broker is away: the API is not, and what was uploaded meanwhile is read afterwards.
    broker.kill().await;
    let person_b = app.person().await;
    let account_b = person_b.account("Wallet", "EUR").await;
    let sheet = upload(&person_b, "expenses.xlsx", &account_b).await;
    broker.restart().await;
    person_b.document_in(&sheet, &["in_review", "confirmed"]).await;

    let before = caught_up(&app).await;
    assert_eq!(
        (&before["topic"], &before["partitions"]),
        (&json!(app.topic()), &json!(3))
    );
    let metrics = app.backstage_metrics().await.expect("there is another process");
    assert!(metrics.contains("spendlog_relay_lag_events 0"), "{metrics}");

    let said = app.command(&["kafka", "switch", "--partitions", "5"]).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let (person_c, account_c) = trusting(&app).await;
    let again = upload(&person_c, "invoice.pdf", &account_c).await;
    person_c.document_in(&again, &["confirmed"]).await;
    let after = caught_up(&app).await;
    assert_eq!(
        (&after["topic"], &after["partitions"]),
        (&json!(format!("{}.2", app.topic())), &json!(5))
    );

    nothing_can_be_read(&broker, &format!("{}.2", app.topic()), &person_b.email).await;
    app.finish().await;
}

/// What Kafka's own consumer prints of all that is in a topic, told what to print by these properties.
pub(crate) async fn printed(broker: &Broker, topic: &str, properties: &[&str]) -> String {
    let mut tool = broker.tool("org.apache.kafka.tools.consumer.ConsoleConsumer");
    tool.args(["--bootstrap-server", broker.address(), "--topic", topic]);
    tool.args(["--from-beginning", "--timeout-ms", "5000"]);
    for property in properties {
        tool.args(["--formatter-property", property]);
    }
    let read = tool.output().await.expect("the tool runs");
    String::from_utf8_lossy(&read.stdout).into_owned()
}

/// What is in the topic is sealed.
async fn nothing_can_be_read(broker: &Broker, topic: &str, email: &str) {
    let text = printed(broker, topic, &["print.headers=true"]).await;
    assert!(
        text.contains("ce_type:transaction.recorded") && text.contains("sealed:"),
        "{text}"
    );
    for planted in [email, "While nobody reads", "Current account"] {
        assert!(!text.contains(planted), "{planted} can be read in Kafka");
    }
}

/// At two steps only, because Kafka gives the partitions of a killed process to the next one only after some seconds.
#[tokio::test]
async fn an_invoice_survives_kills_over_two_processes() {
    let Some(broker) = Broker::shared().await else { return };
    at_each_step(Options::split(broker), &SHORT).await;
}

#[tokio::test]
async fn kafka_is_asked_for_where_there_is_none() {
    let app = TestApp::start_with(Options::private_postgres()).await;
    let said = app.command(&["kafka", "status"]).await;
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(
        !said.status.success() && text.contains("SPENDLOG_KAFKA_BROKERS is not set"),
        "{text}"
    );
    app.finish().await;
}
