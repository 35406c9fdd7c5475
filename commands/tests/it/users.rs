//! Registration, sessions, passwords, roles.

use actix_web::test::TestRequest;
use serde_json::json;
use spendlog_commands::{Context, users};
use spendlog_domain::users::Role;
use spendlog_web::Clock;

use crate::fixture::{Answer, App};

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

/// One wrong password of one person from one peer, in a quarter of an hour that does not end.
async fn strict() -> App {
    App::with(|config| {
        config.sign_in_failures_max = 1;
        config.clock = Clock::standing(config.clock.now());
    })
    .await
}

/// Tries this password for this person, from this network address.
async fn sign_in(app: &App, peer: &str, name: &str, password: &str) -> Answer {
    let sent = json!({"email": format!("{name}@example.org"), "password": password});
    app.post_from(peer, "/users/token", sent).await
}

#[actix_web::test]
async fn guessing_from_one_place_keeps_nobody_out_elsewhere() {
    let app = strict().await;
    app.person("ada").await;
    let (thief, home) = ("198.51.100.7", "203.0.113.9");
    let wrong = async |peer: &str| sign_in(&app, peer, "ada", "wrong horse").await;
    let right = async |peer: &str| sign_in(&app, peer, "ada", "correct horse").await;
    wrong(thief).await.problem(401, "invalid-credentials");
    right(thief).await.problem(429, "too-many-tries");
    right(home).await.with(200);
    // Nor does it help to have a whole network of IPv6.
    wrong("2001:db8::1").await.problem(401, "invalid-credentials");
    wrong("2001:db8::2:1").await.problem(429, "too-many-tries");
    // From everywhere together it is ten times as many; what was refused does not count.
    for last in 1..=8 {
        let peer = format!("192.0.2.{last}");
        wrong(&peer).await.problem(401, "invalid-credentials");
        wrong(&peer).await.problem(429, "too-many-tries");
    }
    right(home).await.problem(429, "too-many-tries");
}

#[actix_web::test]
async fn one_place_can_try_so_many_addresses_and_no_more() {
    let app = strict().await;
    app.person("ada").await;
    let (thief, home, proxy) = ("198.51.100.7", "203.0.113.9", "10.0.0.1");
    let invented = async |peer: &str, number: u32| sign_in(&app, peer, &format!("nobody{number}"), "wrong horse").await;
    for number in 0..10 {
        invented(thief, number).await.problem(401, "invalid-credentials");
    }
    invented(thief, 10).await.problem(429, "too-many-tries");
    sign_in(&app, thief, "ada", "correct horse")
        .await
        .problem(429, "too-many-tries");
    sign_in(&app, home, "ada", "correct horse").await.with(200);
    // Through a proxy everybody comes from one place.
    for number in 0..20 {
        invented(proxy, number).await.problem(401, "invalid-credentials");
    }
    sign_in(&app, proxy, "ada", "correct horse").await.with(200);
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
    let ada = app.person("ada").await;
    let user = users::find(&app.commands, "ADA@example.org").await.unwrap().unwrap();
    assert_eq!(user.to_string(), ada.user);
    let change = users::ChangeRole {
        user,
        role: Role::Admin,
    };
    let done = app.commands.run(&Context::of_operator(), &change).await.unwrap();
    assert_eq!(done.state.role(), Role::Admin);
    let events = app.events("user", &done.id).await;
    assert_eq!(events.last().unwrap().metadata.actor, "operator");
    assert!(users::find(&app.commands, "eve@example.org").await.unwrap().is_none());
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

/// Forgets a user with their first book; the keys stay, as where the server is killed before it has destroyed them.
async fn forget(app: &App, user: &str, book: &str) -> users::Forget {
    let forget = users::Forget {
        user: user.parse().unwrap(),
        verified: None,
        books: vec![book.parse().unwrap()],
    };
    app.commands.run(&Context::of_operator(), &forget).await.unwrap();
    forget
}

#[actix_web::test]
async fn from_the_event_on_nothing_is_added_that_is_a_forgotten_user_s() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada
        .post(
            "/finance/accounts",
            json!({"name": "Wallet", "kind": "cash", "currency": "EUR"}),
        )
        .await
        .with(201);
    let again = forget(&app, &ada.user, &ada.book).await;
    let types = |events: &[spendlog_event_store::Event]| events.last().unwrap().event_type.clone();
    assert_eq!(types(&app.events("user", &ada.user).await), "user.forgotten");
    assert_eq!(types(&app.events("book", &ada.book).await), "book.forgotten");
    // The keys are still there, and the tokens good; but nothing happens any more.
    let head = *app.journal.head().borrow();
    ada.post(
        "/finance/accounts",
        json!({"name": "Card", "kind": "cash", "currency": "EUR"}),
    )
    .await
    .problem(410, "owner-forgotten");
    let path = format!("/finance/accounts/{}", account["id"].as_str().unwrap());
    ada.patch(&path, json!({"name": "Purse"}))
        .await
        .problem(410, "owner-forgotten");
    let spent = json!({"account": account["id"], "amount": "-1.00", "booked_on": "2026-09-14"});
    ada.post("/finance/transactions", spent)
        .await
        .problem(410, "owner-forgotten");
    ada.post("/finance/books", json!({"name": "Another"}))
        .await
        .problem(404, "not-found");
    ada.patch("/users/me", json!({"name": "Ada"}))
        .await
        .problem(404, "not-found");
    let sign_in = json!({"email": "ada@example.org", "password": "correct horse"});
    app.post_as_nobody("/users/token", sign_in)
        .await
        .problem(401, "invalid-credentials");
    // Nor by forgetting them once more.
    app.commands.run(&Context::of_operator(), &again).await.unwrap();
    assert_eq!(*app.journal.head().borrow(), head);
    // When the key is gone, so is the token, for all that it would last.
    app.journal.forget(&[again.user.uuid()]).await.unwrap();
    ada.patch("/users/me", json!({"name": "Ada"}))
        .await
        .problem(401, "unauthenticated");
}

#[actix_web::test]
async fn the_address_of_a_forgotten_user_is_free_again() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let again = forget(&app, &ada.user, &ada.book).await;
    let owners = [again.user.uuid(), again.books[0].uuid()];
    app.journal.forget(&owners).await.unwrap();
    let new = app.person("ada").await;
    assert_ne!((&new.user, &new.book), (&ada.user, &ada.book));
    let found = async || users::find(&app.commands, "ada@example.org").await.unwrap().unwrap();
    assert_eq!(found().await.to_string(), new.user);
    let sent = json!({"email": "ADA@example.org", "password": "another horse"});
    app.post_as_nobody("/users/register", sent)
        .await
        .problem(409, "email-taken");
    // It is not released a second time by whoever forgets the first user once more.
    app.commands.run(&Context::of_operator(), &again).await.unwrap();
    assert_eq!(found().await.to_string(), new.user);
    new.patch("/users/me", json!({"name": "Ada"})).await.with(200);
}

#[actix_web::test]
async fn books_opened_while_their_user_is_forgotten_are_forgotten_or_refused() {
    let app = App::new().await;
    for number in 0..10 {
        let ada = app.person(&format!("ada{number}")).await;
        let books = (0..4).map(|_| ada.post("/finance/books", json!({"name": "Another"})));
        let (opened, mut again) = futures_util::future::join(
            futures_util::future::join_all(books),
            forget(&app, &ada.user, &ada.book),
        )
        .await;
        let opened: Vec<_> = opened.into_iter().filter(|answer| answer.status == 201).collect();
        // What came before the forgetting is found afterwards, and nothing comes after it.
        let forgotten = app.events("user", &ada.user).await.last().unwrap().position;
        for answer in &opened {
            let book = answer.body["id"].as_str().unwrap();
            assert!(app.events("book", book).await[0].position < forgotten);
            again.books.push(book.parse().unwrap());
        }
        app.commands.run(&Context::of_operator(), &again).await.unwrap();
        for book in &again.books {
            let events = app.events("book", &book.to_string()).await;
            assert_eq!(events.last().unwrap().event_type, "book.forgotten");
        }
    }
}
