//! SQL over the events: those of an export and the newest together.

use std::fs;

use serde_json::{Value, json};
use spendlog_e2e::{Options, TestApp};

use crate::export::{refused, told};

async fn rows(app: &TestApp, sql: &str) -> Value {
    let answer = told(app, &["query", sql, "--format", "json"]).await;
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

const SUMS: &str = "SELECT t.booked_on, p.money_currency, sum(p.money_minor) AS minor, count(*) AS n
    FROM transaction_recorded t JOIN transaction_recorded_postings p ON p.position = t.position
    WHERE p.target_category IS NOT NULL GROUP BY t.booked_on, p.money_currency ORDER BY t.booked_on, p.money_currency";

#[tokio::test]
async fn an_answer_is_of_all_events_exported_or_not() {
    // With a database of its own, as most have it: the server runs, and the command finds it.
    let app = TestApp::start_with(Options::private_postgres()).await;
    let person = app.person().await;
    let (euro, yen) = (
        person.account("Wallet", "EUR").await,
        person.account("Reise", "JPY").await,
    );
    person.spend(&euro, "-12.50", "2026-10-03", "Bakery").await;
    person.spend(&yen, "-700", "2026-10-03", "Konbini").await;
    let line = |day: &str, currency: &str, minor: i64, n: i64| json!({"booked_on": day, "money_currency": currency, "minor": minor, "n": n});
    let before = json!([line("2026-10-03", "EUR", 1250, 1), line("2026-10-03", "JPY", 700, 1)]);
    assert_eq!(rows(&app, SUMS).await, before, "of the journal alone");
    told(&app, &["events", "export"]).await;
    assert_eq!(rows(&app, SUMS).await, before, "of the export alone");
    person.spend(&euro, "-0.01", "2026-10-03", "Bakery").await;
    person.spend(&euro, "-5.00", "2026-10-04", "Bakery").await;
    let after = json!([
        line("2026-10-03", "EUR", 1251, 2),
        line("2026-10-03", "JPY", 700, 1),
        line("2026-10-04", "EUR", 500, 1),
    ]);
    assert_eq!(rows(&app, SUMS).await, after, "of both, and nothing twice");
    told(&app, &["events", "export"]).await;
    assert_eq!(rows(&app, SUMS).await, after);
    let texts = "SELECT DISTINCT texts, merchant FROM transaction_recorded";
    assert_eq!(
        rows(&app, texts).await,
        json!([{"texts": "withheld", "merchant": null}])
    );
    let entries = fs::read_dir(app.data())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = entries
        .filter(|name| name.to_string_lossy().starts_with("query-"))
        .collect();
    assert!(left.is_empty(), "nothing is left behind: {left:?}");
    app.finish().await;
}

#[tokio::test]
async fn an_answer_is_written_as_it_is_wanted() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    person.spend(&account, "-12.50", "2026-10-03", "Bakery").await;
    let sql = "SELECT booked_on, origin_manual FROM transaction_recorded";
    assert_eq!(
        told(&app, &["query", sql, "--format", "csv"]).await,
        "booked_on,origin_manual\n2026-10-03,true\n"
    );
    assert_eq!(
        told(&app, &["query", sql]).await,
        "booked_on   origin_manual\n----------  -------------\n2026-10-03  true\n"
    );
    let out = app.data().join("answer.parquet");
    let path = out.to_str().expect("UTF-8");
    assert_eq!(
        told(&app, &["query", sql, "--format", "parquet", "--output", path]).await,
        ""
    );
    assert!(fs::read(&out).expect("it is written").starts_with(b"PAR1"));
    let again = format!("SELECT booked_on FROM read_parquet('{path}')");
    assert_eq!(rows(&app, &again).await, json!([{"booked_on": "2026-10-03"}]));
    let tables = told(&app, &["query", "--tables"]).await;
    assert!(
        tables.contains("transaction_recorded_postings\n") && tables.contains("money_minor"),
        "{tables}"
    );
    app.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    for _ in 0..60 {
        person.spend(&account, "-1.00", "2026-10-03", "Bakery").await;
    }
    let why = refused(&app, &["query", "SELECT position\nFORM events WHERE"]).await;
    assert!(
        why.contains("at line 2, column") && why.contains("FORM events"),
        "{why}"
    );
    let why = refused(&app, &["query", "SELECT posituon FROM events"]).await;
    assert!(why.contains("at line 1, column 8") && why.contains("       ^"), "{why}");
    let why = refused(&app, &["query", "SELECT 1 FROM transactions"]).await;
    assert!(why.contains("transaction_recorded, "), "{why}");

    let out = app.data().join("answer.csv");
    let large = "SELECT a.payload || b.payload || c.payload AS p FROM events a CROSS JOIN events b CROSS JOIN events c ORDER BY p";
    let arguments = [
        "query",
        large,
        "--memory",
        "256",
        "--format",
        "csv",
        "--output",
        out.to_str().expect("UTF-8"),
    ];
    let why = refused(&app, &arguments).await;
    assert!(why.contains("needs more than 256 MiB"), "{why}");
    assert!(!out.exists(), "no half answer");
    app.finish().await;
}
