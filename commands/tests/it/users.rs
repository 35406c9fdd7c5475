//! Registration, sessions, passwords, roles.

use actix_web::test::TestRequest;
use serde_json::json;
use spendlog_commands::{Context, users};
use spendlog_domain::users::Role;

use crate::fixture::App;

#[actix_web::test]
async fn registration_brings_a_book_and_its_categories_in_one_append() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    assert_eq!(app.events("user", &ada.user).await[0].event_type, "user.registered");
    let opened = app.events("book", &ada.book).await;
    let command = app.events("user", &ada.user).await[0].metadata.correlation;
    assert_eq!(opened[0].metadata.correlation, command);
    let head = *app.journal.head().borrow();
    assert_eq!(head, 21, "address, user, book, 17 categories, and the first session");
}

#[actix_web::test]
async fn an_address_is_taken_once_however_it_is_spelt() {
    let app = App::new().await;
    app.person("ada").await;
    let body = json!({"email": " ADA@Example.org", "password": "another horse"});
    app.post_as_nobody("/users/register", body)
        .await
        .problem(409, "email-taken");
    let both = futures_util::future::join_all((0..8).map(|number| {
        app.post_as_nobody(
            "/users/register",
            json!({"email": "bob@example.org", "password": format!("password {number}")}),
        )
    }));
    let created = both.await.into_iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
}

#[actix_web::test]
async fn registrations_that_do_not_fit_are_refused() {
    let app = App::new().await;
    let register = |body| app.post_as_nobody("/users/register", body);
    let problem = register(json!({"email": "nobody", "password": "long enough"}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/email");
    register(json!({"email": "a@b", "password": "short"}))
        .await
        .problem(422, "invalid-value");
    register(json!({"email": "a@b", "password": "long enough", "role": "admin"}))
        .await
        .problem(422, "invalid-body");
}

#[actix_web::test]
async fn wrong_passwords_and_unknown_addresses_look_the_same_and_are_limited() {
    let app = App::with(|config| config.sign_in_failures_max = 2).await;
    let ada = app.person("ada").await;
    let sign_in =
        |email: &str, password: &str| app.post_as_nobody("/users/token", json!({"email": email, "password": password}));
    sign_in("ada@example.org", "wrong horse")
        .await
        .problem(401, "invalid-credentials");
    sign_in("eve@example.org", "wrong horse")
        .await
        .problem(401, "invalid-credentials");
    sign_in("ada@example.org", "wrong horse")
        .await
        .problem(401, "invalid-credentials");
    let refused = sign_in("ada@example.org", "correct horse").await;
    assert!(!refused.header("retry-after").is_empty());
    refused.problem(429, "too-many-tries");
    // Who is signed in goes on.
    ada.account().await;
}

#[actix_web::test]
async fn a_session_lasts_until_the_password_changes() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let sent = json!({"email": "ada@example.org", "password": "correct horse"});
    let tokens = app.post_as_nobody("/users/token", sent.clone()).await.with(200);
    let refresh = json!({"refresh": tokens["refresh"]});
    let fresh = app
        .post_as_nobody("/users/token/refresh", refresh.clone())
        .await
        .with(200);
    assert_eq!(fresh["token_type"], "Bearer");
    app.post_as_nobody("/users/token/refresh", json!({"refresh": tokens["access"]}))
        .await
        .problem(401, "session-ended");
    let change = |old: &str| json!({"old_password": old, "new_password": "battery staple"});
    ada.post("/users/me/password", change("wrong horse"))
        .await
        .problem(401, "invalid-credentials");
    ada.post("/users/me/password", change("correct horse")).await.with(200);
    app.post_as_nobody("/users/token/refresh", refresh)
        .await
        .problem(401, "session-ended");
    app.post_as_nobody("/users/token", sent)
        .await
        .problem(401, "invalid-credentials");
    app.post_as_nobody(
        "/users/token",
        json!({"email": "ada@example.org", "password": "battery staple"}),
    )
    .await
    .with(200);
}

#[actix_web::test]
async fn a_profile_changes_where_it_says_something() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let named = ada.patch("/users/me", json!({"name": "Ada"})).await.with(200);
    let same = ada.patch("/users/me", json!({"name": "Ada"})).await.with(200);
    assert_eq!(named["version"], same["version"]);
    let silent = ada.patch("/users/me", json!({})).await.with(200);
    assert_eq!(named["version"], silent["version"]);
    let removed = ada.patch("/users/me", json!({"name": null})).await.with(200);
    assert_eq!(
        removed["version"].as_i64(),
        named["version"].as_i64().map(|version| version + 1)
    );
}

#[actix_web::test]
async fn an_operator_makes_administrators() {
    let app = App::new().await;
    app.person("ada").await;
    let done = users::promote(&app.commands, &Context::of_operator(), "ADA@example.org")
        .await
        .unwrap();
    assert_eq!(done.state.role(), Role::Admin);
    let events = app.events("user", &done.id).await;
    assert_eq!(events.last().unwrap().metadata.actor, "operator");
    assert!(
        users::promote(&app.commands, &Context::of_operator(), "eve@example.org")
            .await
            .is_err()
    );
}

#[actix_web::test]
async fn nobody_gets_in_without_a_token() {
    let app = App::new().await;
    app.post_as_nobody("/finance/accounts", json!({}))
        .await
        .problem(401, "unauthenticated");
    let wrong = TestRequest::post()
        .uri("/finance/accounts")
        .insert_header(("authorization", "Bearer x.y.z"));
    app.send(wrong).await.problem(401, "unauthenticated");
}
