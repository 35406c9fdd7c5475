//! The same request sent again: done once, answered alike.

use reqwest::{Method, multipart};
use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp, sample, truth};
use tokio::task::JoinSet;

use crate::{documents, imports};

const KEY: &str = "idempotency-key";

fn expense(account: &str, amount: &str) -> Value {
    json!({"account": account, "amount": amount, "booked_on": "2026-09-14", "merchant": "Corner shop"})
}

async fn recorded(person: &Person, position: i64) -> usize {
    person.all("/finance/transactions", position).await.len()
}

fn same(one: &Answer, other: &Answer) {
    assert_eq!((one.status, &one.body), (other.status, &other.body));
    for header in ["etag", "location", "spendlog-position"] {
        assert_eq!(
            one.header(header),
            other.header(header),
            "{header} of the repeated answer"
        );
    }
}

/// Sends a write twice under one key, and gives the id of what was written, where the answer names it.
async fn sent_twice(person: &Person, method: Method, path: &str, body: Value) -> String {
    let send = async || {
        let request = person
            .request(method.clone(), path)
            .header(KEY, format!("{method} {path}"));
        person.send(request.json(&body)).await
    };
    let (first, again) = (send().await, send().await);
    assert!(first.status.is_success(), "{method} {path}: {}", first.body);
    same(&first, &again);
    first.body["id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn twenty_requests_with_one_key_are_one() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let (person, body) = (person.clone(), expense(&account, "-12.50"));
        asking.spawn(async move { person.post_with("/finance/transactions", (KEY, "lunch"), body).await });
    }
    let answers: Vec<Answer> = asking
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.expect(201))
        .collect();
    for answer in &answers {
        same(answer, &answers[0]);
    }
    assert_eq!(recorded(&person, answers[0].position()).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_key_belongs_to_its_request_and_its_user() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person().await, app.person().await);
    let (of_ada, of_bob) = (ada.account("Wallet", "EUR").await, bob.account("Wallet", "EUR").await);
    let first = ada
        .post_with("/finance/transactions", (KEY, "k-1"), expense(&of_ada, "-1.00"))
        .await
        .expect(201);

    let other = ada
        .post_with("/finance/transactions", (KEY, "k-1"), expense(&of_ada, "-2.00"))
        .await;
    other.expect_problem(422, "idempotency-key-reused");
    let again = ada
        .post_with("/finance/transactions", (KEY, "k-1"), expense(&of_ada, "-1.00"))
        .await;
    same(&first, &again);
    // Quoted, as the draft has it, it is the same key.
    let quoted = ada
        .post_with("/finance/transactions", (KEY, "\"k-1\""), expense(&of_ada, "-1.00"))
        .await;
    same(&first, &quoted);

    let theirs = bob
        .post_with("/finance/transactions", (KEY, "k-1"), expense(&of_bob, "-1.00"))
        .await
        .expect(201);
    assert_ne!(
        theirs.text("id"),
        first.text("id"),
        "the same key of another user is theirs"
    );
    assert_eq!(recorded(&ada, theirs.position()).await, 1);
    assert_eq!(recorded(&bob, theirs.position()).await, 1);

    // Another operation may have the same key.
    let body = json!({"name": "Savings", "kind": "savings", "currency": "EUR"});
    ada.post_with("/finance/accounts", (KEY, "k-1"), body).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn an_answer_is_given_again_after_the_server_was_killed() {
    let mut app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let first = person
        .post_with("/finance/transactions", (KEY, "x"), expense(&account, "-3.10"))
        .await
        .expect(201);
    let changed = person
        .patch(
            &format!("/finance/transactions/{}", first.text("id")),
            json!({"note": "later"}),
        )
        .await;
    let changed = changed.expect(200).position();
    app.kill().await;
    app.restart().await;
    let person = person.at(&app);
    let again = person
        .post_with("/finance/transactions", (KEY, "x"), expense(&account, "-3.10"))
        .await;
    // The first answer, though the transaction has another version by now.
    same(&first, &again);
    assert_eq!(recorded(&person, changed).await, 1);
    app.finish().await;
}

#[tokio::test]
async fn every_kind_of_write_can_be_repeated() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let twice = async |method: Method, path: &str, body: Value| sent_twice(&person, method, path, body).await;
    let account = twice(
        Method::POST,
        "/finance/accounts",
        json!({"name": "A", "kind": "cash", "currency": "EUR"}),
    )
    .await;
    twice(
        Method::PATCH,
        &format!("/finance/accounts/{account}"),
        json!({"name": "B"}),
    )
    .await;
    let pets = twice(
        Method::POST,
        "/finance/categories",
        json!({"name": "Pets", "kind": "expense"}),
    )
    .await;
    twice(
        Method::PATCH,
        &format!("/finance/categories/{pets}"),
        json!({"name": "Animals"}),
    )
    .await;
    let transaction = twice(Method::POST, "/finance/transactions", expense(&account, "-5.00")).await;
    let path = format!("/finance/transactions/{transaction}");
    twice(
        Method::PATCH,
        &path,
        json!({"amount": "-6.00", "merchant": null, "category": pets}),
    )
    .await;
    twice(Method::POST, &format!("{path}/void"), json!({})).await;
    twice(Method::POST, &format!("{path}/restore"), json!({})).await;
    let many = json!({"transactions": [expense(&account, "-1.00"), expense(&account, "-1.00")]});
    twice(Method::POST, "/finance/transactions/bulk", many).await;
    let groceries = person.category("Groceries").await;
    twice(
        Method::POST,
        &format!("/finance/categories/{pets}/merge"),
        json!({"into": groceries}),
    )
    .await;
    let book = twice(Method::POST, "/finance/books", json!({"name": "Household"})).await;
    twice(
        Method::PATCH,
        &format!("/finance/books/{book}"),
        json!({"policy": "when_checks_hold"}),
    )
    .await;
    twice(Method::POST, &format!("/finance/accounts/{account}/close"), json!({})).await;
    twice(Method::PATCH, "/users/me", json!({"name": "Ada"})).await;
    let somebody = json!({"email": "new@example.org", "password": "correct horse battery"});
    twice(Method::POST, "/users/register", somebody).await;
    let password = json!({"old_password": person.password, "new_password": "a new password"});
    twice(Method::POST, "/users/me/password", password).await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_done_with_documents_and_imports_can_be_repeated() {
    let app = TestApp::start().await;
    let (person, account, invoice) = documents::in_review(&app).await;
    let twice = async |method: Method, path: &str, body: Value| sent_twice(&person, method, path, body).await;
    let path = format!("/finance/documents/{invoice}");
    let correction = json!({"merchant": "Brightwater", "tax": null});
    twice(Method::PATCH, &format!("{path}/fields"), correction).await;
    twice(Method::POST, &format!("{path}/confirm"), json!({})).await;

    let name = "statement.csv";
    let (statement, import) = imports::read(&person, name, sample(name), &account).await;
    twice(Method::POST, &format!("/finance/imports/{import}/accept"), json!({})).await;
    twice(Method::POST, &format!("/finance/imports/{import}/revert"), json!({})).await;
    let reason = json!({"reason": "not ours"});
    twice(Method::POST, &format!("/finance/documents/{statement}/reject"), reason).await;

    let name = "statement-locked.pdf";
    let uploaded = person.upload(name, sample(name), &[]).await.expect(201);
    let locked = uploaded.text("id");
    person.document_in(locked, &["password_required"]).await;
    let password = json!({"password": truth(name)["password"]});
    twice(Method::POST, &format!("/finance/documents/{locked}/unlock"), password).await;
    person.document_in(locked, &["in_review"]).await;
    app.finish().await;
}

#[tokio::test]
async fn keys_must_be_texts_of_some_length() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    for key in ["", "\"\"", &"x".repeat(256)] {
        let answer = person
            .post_with("/finance/transactions", (KEY, key), expense(&account, "-1.00"))
            .await;
        answer.expect_problem(400, "invalid-header");
    }
    let request = person
        .request(Method::POST, "/finance/transactions")
        .header(KEY, "a")
        .header(KEY, "b");
    person
        .send(request.json(&expense(&account, "-1.00")))
        .await
        .expect_problem(400, "invalid-header");
    assert_eq!(recorded(&person, person.position).await, 0);
    app.finish().await;
}

#[tokio::test]
async fn an_upload_can_be_repeated_too() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let upload = async |content: &str| {
        let part = multipart::Part::bytes(content.as_bytes().to_vec()).file_name("july.csv");
        let form = multipart::Form::new().part("file", part);
        let request = person
            .request(Method::POST, "/finance/documents")
            .header(KEY, "statement");
        person.send(request.multipart(form)).await
    };
    let first = upload("date,amount,description\n2026-07-01,-1.00,One\n")
        .await
        .expect(201);
    let again = upload("date,amount,description\n2026-07-01,-1.00,One\n").await;
    assert!(again.status.is_success(), "{}", again.body);
    assert_eq!(
        (again.text("id"), again.position()),
        (first.text("id"), first.position())
    );
    upload("date,amount,description\n2026-07-01,-2.00,Two\n")
        .await
        .expect_problem(422, "idempotency-key-reused");
    app.finish().await;
}
