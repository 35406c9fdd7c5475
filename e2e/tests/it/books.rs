//! Books: the units of ownership.

use serde_json::json;
use spendlog_e2e::TestApp;

#[tokio::test]
async fn everybody_has_a_book_and_can_open_more() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let listed = person.get_at("/finance/books", person.position).await.expect(200);
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.body["data"][0]["id"], person.book);
    assert_eq!(listed.body["data"][0]["policy"], "manual");

    let opened = person
        .post(
            "/finance/books",
            json!({"name": "Household", "policy": "when_checks_hold"}),
        )
        .await;
    let opened = opened.expect(201);
    let path = format!("/finance/books/{}", opened.text("id"));
    assert_eq!(opened.header("location"), Some(path.as_str()));
    let book = person.get_at(&path, opened.position()).await.expect(200);
    assert_eq!(
        (book.text("name"), book.text("policy")),
        ("Household", "when_checks_hold")
    );
    assert_eq!(book.etag(), opened.etag());

    let changed = person
        .patch(&path, json!({"name": "Home", "policy": "manual"}))
        .await
        .expect(200);
    assert_eq!(changed.body["version"], 3, "two changes are two events");
    let book = person.get_at(&path, changed.position()).await.expect(200);
    assert_eq!((book.text("name"), book.text("policy")), ("Home", "manual"));
    let same = person.patch(&path, json!({"name": "Home"})).await.expect(200);
    assert_eq!(same.etag(), changed.etag(), "what is so already is not recorded again");

    person
        .patch(&path, json!({"name": ""}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    person
        .post("/finance/books", json!({"name": "x".repeat(201)}))
        .await
        .expect_problem(422, "invalid-value");
    person
        .post("/finance/books", json!({"name": "A", "policy": "never"}))
        .await
        .expect_problem(422, "invalid-body");
    app.finish().await;
}

#[tokio::test]
async fn each_book_has_its_own() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let book = person
        .post("/finance/books", json!({"name": "Household"}))
        .await
        .expect(201)
        .text("id")
        .to_owned();
    let account = json!({"name": "Joint", "kind": "checking", "currency": "EUR", "book": book});
    let account = person
        .post("/finance/accounts", account)
        .await
        .expect(201)
        .text("id")
        .to_owned();
    let mine = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-7.00", "2026-09-14", "Shop").await;

    // Without a book named, the first one is meant.
    let first = person.all("/finance/transactions", written.position()).await;
    assert!(first.is_empty());
    let other = person
        .all(&format!("/finance/transactions?book={book}"), written.position())
        .await;
    assert_eq!(other.len(), 1);
    assert_eq!(other[0]["book"], book);
    let accounts = person
        .all(&format!("/finance/accounts?book={book}"), written.position())
        .await;
    assert_eq!((accounts.len(), &accounts[0]["id"]), (1, &json!(account)));
    let categories = person
        .all(
            &format!("/finance/categories?book={book}&limit=100"),
            written.position(),
        )
        .await;
    assert!(categories.len() >= 10, "a first set of categories of its own");

    // What lies in another book can't be named in a transaction of this one.
    let groceries = person.category("Groceries").await;
    let body = json!({"account": account, "amount": "-1.00", "booked_on": "2026-09-14", "category": groceries});
    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(404, "not-found")
        .of_field("/category");
    let posting = |account: &str, amount: &str| json!({"account": account, "amount": amount, "currency": "EUR"});
    let across = json!({"booked_on": "2026-09-14", "postings": [posting(&account, "-1.00"), posting(&mine, "1.00")]});
    person
        .post("/finance/transactions", across)
        .await
        .expect_problem(404, "not-found")
        .of_field("/postings/1/account");
    app.finish().await;
}
