//! Categories: a first set with each book, created, renamed, merged.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spendlog_e2e::TestApp;

#[tokio::test]
async fn a_book_starts_with_a_first_set() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let all = person.all("/finance/categories?limit=7", person.position).await;
    let names: BTreeSet<&str> = all.iter().filter_map(|category| category["name"].as_str()).collect();
    assert_eq!(names.len(), all.len(), "each once: {names:?}");
    for expected in ["Uncategorised", "Groceries", "Eating out", "Transport", "Salary"] {
        assert!(names.contains(expected), "{expected} is there");
    }
    let kinds: Vec<&Value> = all.iter().map(|category| &category["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "uncategorised").count(), 1);
    assert!(kinds.contains(&&json!("expense")) && kinds.contains(&&json!("income")));
    app.finish().await;
}

#[tokio::test]
async fn a_category_is_created_and_renamed() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let created = person
        .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
        .await
        .expect(201);
    let path = format!("/finance/categories/{}", created.text("id"));
    assert_eq!(created.header("location"), Some(path.as_str()));
    let seen = person.get_at(&path, created.position()).await.expect(200);
    assert_eq!(
        (seen.text("name"), seen.text("kind"), seen.text("book")),
        ("Pets", "expense", person.book.as_str())
    );
    let renamed = person.patch(&path, json!({"name": "Animals"})).await.expect(200);
    let seen = person.get_at(&path, renamed.position()).await.expect(200);
    assert_eq!((seen.text("name"), seen.etag()), ("Animals", renamed.etag()));
    person
        .patch(&path, json!({"name": " "}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    let uncategorised = json!({"name": "Whatever", "kind": "uncategorised"});
    person
        .post("/finance/categories", uncategorised)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/kind");
    app.finish().await;
}

#[tokio::test]
async fn a_merged_category_passes_on_what_it_had() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let groceries = person.category("Groceries").await;
    let pets = person
        .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
        .await
        .expect(201);
    let pets = pets.text("id").to_owned();
    let body = json!({"account": account, "amount": "-8.00", "booked_on": "2026-09-14", "category": pets});
    let written = person.post("/finance/transactions", body.clone()).await.expect(201);
    let before = written.position();
    let merged = person
        .post(&format!("/finance/categories/{pets}/merge"), json!({"into": groceries}))
        .await
        .expect(200);
    let after = merged.position();

    let transaction = format!("/finance/transactions/{}", written.text("id"));
    assert_eq!(person.get_at(&transaction, after).await.text("category"), groceries);
    let of = async |category: &str| {
        person
            .all(&format!("/finance/transactions?category={category}"), after)
            .await
            .len()
    };
    assert_eq!(of(&groceries).await, 1);
    let summary = person.get_at("/finance/summary?by=category", after).await.expect(200);
    let lines = summary.body["lines"].as_array().expect("lines").clone();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["category"], &lines[0]["expense"]),
        (&json!(groceries), &json!("-8.00"))
    );
    // Then it was otherwise.
    let then = person
        .get_at(&format!("/finance/summary?by=category&at={before}"), after)
        .await
        .expect(200);
    assert_eq!(then.body["lines"][0]["category"], pets);
    let listed = person.all("/finance/categories?limit=100", after).await;
    let shown = listed.iter().find(|category| category["id"] == pets.as_str());
    assert!(
        shown.is_none_or(|category| category["merged_into"] == groceries.as_str()),
        "{shown:?}"
    );

    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(409, "category-merged")
        .of_field("/category");
    person
        .patch(&format!("/finance/categories/{pets}"), json!({"name": "B"}))
        .await
        .expect_problem(409, "category-merged");
    app.finish().await;
}

#[tokio::test]
async fn not_everything_can_be_merged() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let (groceries, salary) = (person.category("Groceries").await, person.category("Salary").await);
    let uncategorised = person.category("Uncategorised").await;
    let merge = async |category: &str, into: &str| {
        person
            .post(&format!("/finance/categories/{category}/merge"), json!({"into": into}))
            .await
    };
    merge(&groceries, &salary).await.expect_problem(409, "category-fixed");
    merge(&uncategorised, &groceries)
        .await
        .expect_problem(409, "category-fixed");
    merge(&groceries, &groceries)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/into");
    merge(&groceries, "cat_1")
        .await
        .expect_problem(404, "not-found")
        .of_field("/into");
    let transport = person.category("Transport").await;
    let travel = person.category("Travel").await;
    merge(&transport, &travel).await.expect(200);
    merge(&groceries, &transport)
        .await
        .expect_problem(409, "category-merged")
        .of_field("/into");
    app.finish().await;
}
