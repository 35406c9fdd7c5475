//! The same request again gets the first answer.

use futures_util::future::join_all;
use serde_json::json;

use crate::fixture::{App, expense, id};

const KEY: &[(&str, &str)] = &[("idempotency-key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")];

#[actix_web::test]
async fn twenty_at_once_are_one() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let before = *app.journal.head().borrow();
    let answers = join_all((0..20).map(|_| ada.post_with("/finance/transactions", expense(&account), KEY))).await;
    let mut said: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let headers = ["etag", "location", "spendlog-position"].map(|name| answer.header(name).to_owned());
            (headers, answer.with(201).to_string())
        })
        .collect();
    said.dedup();
    assert_eq!(said.len(), 1, "one answer");
    assert_eq!(*app.journal.head().borrow(), before + 1, "one event");
}

#[actix_web::test]
async fn another_request_under_the_same_key_is_refused() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    ada.post_with("/finance/transactions", expense(&account), KEY)
        .await
        .with(201);
    let mut other = expense(&account);
    other["amount"] = json!("-99");
    ada.post_with("/finance/transactions", other, KEY)
        .await
        .problem(422, "idempotency-key-reused");
    // Another operation has keys of its own.
    ada.post_with("/finance/categories", json!({"name": "Pets", "kind": "expense"}), KEY)
        .await
        .with(201);
}

#[actix_web::test]
async fn another_users_key_is_theirs() {
    let app = App::new().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let body = json!({"name": "Cash", "kind": "cash", "currency": "EUR"});
    let first = ada.post_with("/finance/accounts", body.clone(), KEY).await.with(201);
    let second = bob.post_with("/finance/accounts", body, KEY).await.with(201);
    assert_ne!(id(&first), id(&second));
}

#[actix_web::test]
async fn what_can_be_done_once_answers_as_the_first_time() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let close = format!("/finance/accounts/{account}/close");
    let first = ada.post_with(&close, json!({}), KEY).await.with(200);
    assert_eq!(ada.post_with(&close, json!({}), KEY).await.with(200), first);
    ada.post(&close, json!({})).await.problem(409, "account-closed");

    let register = || {
        let body = json!({"email": "bob@example.org", "password": "correct horse"});
        let request = actix_web::test::TestRequest::post()
            .uri("/users/register")
            .insert_header(KEY[0]);
        app.send(request.set_json(body))
    };
    let first = register().await.with(201);
    assert_eq!(register().await.with(201), first);

    let transaction = ada.account().await;
    let transaction = ada.expense(&transaction).await;
    let path = format!("/finance/transactions/{transaction}");
    let seen: &[(&str, &str)] = &[KEY[0], ("if-match", "\"1\"")];
    let first = ada.patch_with(&path, json!({"note": "once"}), seen).await.with(200);
    ada.patch(&path, json!({"note": "twice"})).await.with(200);
    assert_eq!(
        ada.patch_with(&path, json!({"note": "once"}), seen).await.with(200),
        first
    );
}

#[actix_web::test]
async fn a_password_is_changed_once() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let change = || json!({"old_password": "correct horse", "new_password": "battery staple"});
    let first = ada.post_with("/users/me/password", change(), KEY).await.with(200);
    assert_eq!(
        ada.post_with("/users/me/password", change(), KEY).await.with(200),
        first
    );
    let other = json!({"old_password": "wrong horse", "new_password": "battery staple"});
    ada.post_with("/users/me/password", other, KEY)
        .await
        .problem(422, "idempotency-key-reused");
}

#[actix_web::test]
async fn keys_that_are_none_are_refused() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let body = json!({"name": "Cash", "kind": "cash", "currency": "EUR"});
    ada.post_with("/finance/accounts", body, &[("idempotency-key", "\"\"")])
        .await
        .problem(400, "invalid-header");
}
