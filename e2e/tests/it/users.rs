//! Users: registration, sessions, profile, password, role.

use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp};

#[tokio::test]
async fn somebody_registers_signs_in_and_is_known() {
    let app = TestApp::start().await;
    let person = Person::register_as(&app, "ada@example.org", "correct horse battery", Some("Ada")).await;
    assert!(person.user.starts_with("usr_") && person.book.starts_with("book_"));
    let me = person.get_at("/users/me", person.position).await.expect(200);
    assert_eq!(me.text("id"), person.user);
    assert_eq!(me.text("email"), "ada@example.org");
    assert_eq!(me.text("name"), "Ada");
    assert_eq!(me.text("role"), "member");
    assert!(
        !me.body.to_string().contains("password"),
        "nothing of the password: {}",
        me.body
    );

    let tokens = json!({"email": " ADA@example.org ", "password": "correct horse battery"});
    let tokens = person.post("/users/token", tokens).await.expect(200);
    assert_eq!(tokens.text("token_type"), "Bearer");
    assert_eq!(tokens.body["expires_in"], 900);
    let again = person.with_token(tokens.text("access"));
    again.get("/users/me").await.expect(200);
    let fresh = again
        .post("/users/token/refresh", json!({"refresh": tokens.text("refresh")}))
        .await
        .expect(200);
    person
        .with_token(fresh.text("access"))
        .get("/users/me")
        .await
        .expect(200);
    app.finish().await;
}

#[tokio::test]
async fn an_address_can_be_taken_once() {
    let app = TestApp::start().await;
    let person = Person::register_as(&app, "ada@example.org", "correct horse battery", None).await;
    let again = json!({"email": "Ada@Example.org", "password": "another password"});
    person
        .post("/users/register", again)
        .await
        .expect_problem(409, "email-taken");
    // Ten at the same moment: one of them has it.
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let nobody = Person::nobody(&app);
        let body = json!({"email": "bob@example.org", "password": "correct horse battery"});
        asking.spawn(async move { nobody.post("/users/register", body).await });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "email-taken");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_registration_needs_an_address_and_a_password() {
    let app = TestApp::start().await;
    let nobody = Person::nobody(&app);
    let register = async |email: &str, password: &str, name: Value| {
        let mut body = json!({"email": email, "password": password});
        if !name.is_null() {
            body["name"] = name;
        }
        nobody.post("/users/register", body).await
    };
    let good = "correct horse battery";
    for email in [
        "",
        "ada",
        "@",
        "a b@example.org",
        &format!("{}@example.org", "a".repeat(250)),
    ] {
        register(email, good, Value::Null)
            .await
            .expect_problem(422, "invalid-value")
            .of_field("/email");
    }
    for password in ["", "short", &"x".repeat(257)] {
        let refused = register("ada@example.org", password, Value::Null).await;
        refused.expect_problem(422, "invalid-value").of_field("/password");
    }
    for name in ["", "two\nlines", &"x".repeat(201)] {
        let refused = register("ada@example.org", good, json!(name)).await;
        refused.expect_problem(422, "invalid-value").of_field("/name");
    }
    register("ada@example.org", good, Value::Null).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn wrong_credentials_are_not_told_apart() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let wrong = json!({"email": person.email, "password": "wrong password"});
    let wrong = person
        .post("/users/token", wrong)
        .await
        .expect_problem(401, "invalid-credentials");
    let unknown = json!({"email": "nobody@example.org", "password": "wrong password"});
    let unknown = person
        .post("/users/token", unknown)
        .await
        .expect_problem(401, "invalid-credentials");
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
    // Who guesses on and on is stopped.
    let mut last = 401;
    for _ in 0..40 {
        let guess = json!({"email": person.email, "password": "another guess"});
        last = person.post("/users/token", guess).await.status.as_u16();
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429, "guessing is stopped");
    let stopped = json!({"email": person.email, "password": person.password});
    let stopped = person
        .post("/users/token", stopped)
        .await
        .expect_problem(429, "too-many-tries");
    assert!(stopped.header("retry-after").is_some());
    app.finish().await;
}

#[tokio::test]
async fn a_profile_can_be_changed() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let me = person.get_at("/users/me", person.position).await.expect(200);
    assert_eq!(me.body["name"], Value::Null);
    let changed = person
        .patch("/users/me", json!({"name": "Ada Lovelace"}))
        .await
        .expect(200);
    let seen = person.get_at("/users/me", changed.position()).await.expect(200);
    assert_eq!((seen.text("name"), seen.etag()), ("Ada Lovelace", changed.etag()));
    let unchanged = person.patch("/users/me", json!({})).await.expect(200);
    assert_eq!(unchanged.etag(), changed.etag(), "nothing asked, nothing changed");
    let removed = person.patch("/users/me", json!({"name": null})).await.expect(200);
    assert_eq!(
        person.get_at("/users/me", removed.position()).await.body["name"],
        Value::Null
    );
    person
        .patch("/users/me", json!({"name": ""}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    app.finish().await;
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let app = TestApp::start().await;
    let mut person = app.person().await;
    let change = async |old: &str, new: &str| {
        person
            .post("/users/me/password", json!({"old_password": old, "new_password": new}))
            .await
    };
    change("wrong password", "a new password")
        .await
        .expect_problem(401, "invalid-credentials");
    change(&person.password, "short")
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/new_password");
    change(&person.password, "a new password").await.expect(200);
    let refresh = json!({"refresh": person.refresh});
    person
        .post("/users/token/refresh", refresh)
        .await
        .expect_problem(401, "session-ended");
    let old = json!({"email": person.email, "password": person.password});
    person
        .post("/users/token", old)
        .await
        .expect_problem(401, "invalid-credentials");
    person.password = "a new password".to_owned();
    person.sign_in().await;
    person.get("/users/me").await.expect(200);
    // An access token is no refresh token.
    let access = json!({"refresh": person.token});
    person
        .post("/users/token/refresh", access)
        .await
        .expect_problem(401, "session-ended");
    app.finish().await;
}

#[tokio::test]
async fn an_operator_can_make_somebody_an_admin() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let promoted = app.command(&["user", "promote", &person.email]).await;
    assert!(
        promoted.status.success(),
        "{}",
        String::from_utf8_lossy(&promoted.stderr)
    );
    spendlog_e2e::eventually("the promotion is seen", async || {
        let me = person.get("/users/me").await.expect(200);
        (me.text("role") == "admin").then_some(())
    })
    .await;
    let unknown = app.command(&["user", "promote", "nobody@example.org"]).await;
    assert!(!unknown.status.success());
    app.finish().await;
}
