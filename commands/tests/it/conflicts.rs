//! What happens when several want to change the same thing.

use std::sync::Arc;

use futures_util::future::join_all;
use object_store::memory::InMemory;
use serde_json::json;
use spendlog_commands::{Commands, CommandsConfig, Context, accounts};
use spendlog_domain::values::UserId;
use spendlog_event_store::Files;

use crate::fixture::{App, expense};

#[actix_web::test]
async fn a_version_that_was_seen_must_still_hold() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let path = format!("/finance/accounts/{account}");
    let seen = |version| [("if-match", version)];
    ada.patch_with(&path, json!({"name": "A"}), &seen("\"1\""))
        .await
        .with(200);
    ada.patch_with(&path, json!({"name": "B"}), &seen("\"1\""))
        .await
        .problem(412, "stale");
    ada.patch_with(&path, json!({"name": "B"}), &seen("\"2\""))
        .await
        .with(200);
    ada.patch_with(&path, json!({"name": "C"}), &seen("2"))
        .await
        .problem(400, "invalid-header");
    let both =
        join_all(["D", "E"].map(|name| ada.patch_with(&path, json!({"name": name}), &[("if-match", "\"3\"")]))).await;
    let mut codes: Vec<u16> = both.iter().map(|answer| answer.status.as_u16()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 412]);
}

#[actix_web::test]
async fn versions_tell_a_stranger_nothing() {
    let app = App::new().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let account = ada.account().await;
    let transaction = ada.expense(&account).await;
    let seen = [("if-match", "\"9\"")];
    for path in [
        format!("/finance/accounts/{account}"),
        format!("/finance/transactions/{transaction}"),
    ] {
        ada.patch_with(&path, json!({}), &seen).await.problem(412, "stale");
        eve.patch_with(&path, json!({}), &seen).await.problem(404, "not-found");
    }
}

#[actix_web::test]
async fn changes_without_a_version_are_decided_again() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let transaction = ada.expense(&account).await;
    let path = format!("/finance/transactions/{transaction}");
    let changes = [
        json!({"note": "a"}),
        json!({"merchant": "b"}),
        json!({"booked_on": "2026-01-01"}),
    ];
    for answer in join_all(changes.map(|change| ada.patch(&path, change))).await {
        answer.with(200);
    }
    assert_eq!(app.events("transaction", &transaction).await.len(), 4);
}

#[actix_web::test]
async fn nothing_is_recorded_in_an_account_that_is_closed_at_the_same_moment() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    for _ in 0..5 {
        let account = ada.account().await;
        let records = join_all((0..16).map(|_| ada.post("/finance/transactions", expense(&account))));
        let close = format!("/finance/accounts/{account}/close");
        let (records, closed) = futures_util::future::join(records, ada.post(&close, json!({}))).await;
        let closed_at = closed.with(200)["position"].as_i64().unwrap();
        for answer in records {
            if answer.status == 201 {
                assert!(answer.with(201)["position"].as_i64().unwrap() < closed_at);
            } else {
                answer.problem(409, "account-closed");
            }
        }
        ada.post("/finance/transactions", expense(&account))
            .await
            .problem(409, "account-closed");
    }
}

#[actix_web::test]
async fn what_another_process_changed_is_found_out() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    // Remembered here …
    ada.expense(&account).await;
    // … and changed there, where nothing of it is known here.
    let files = Files::new(Arc::new(InMemory::new()));
    let there = Commands::new(app.journal.clone(), files, |_, _| None, CommandsConfig::default())
        .await
        .unwrap();
    let user: UserId = ada.user.parse().unwrap();
    let rename = |name: &str| accounts::Change::Rename(Some(name.into()));
    let change = |change| accounts::ChangeAccount {
        account: account.parse().unwrap(),
        change,
    };
    there
        .run(&Context::of_user(user), &change(rename("There")))
        .await
        .unwrap();
    // A guard on the old version fails, and the command is decided again.
    ada.expense(&account).await;
    there
        .run(&Context::of_user(user), &change(rename("Again")))
        .await
        .unwrap();
    // The same name is no change there, although it would be one on what is remembered here.
    let path = format!("/finance/accounts/{account}");
    let same = ada.patch(&path, json!({"name": "Again"})).await.with(200);
    assert_eq!(same["version"], 3);
    let seen = ada
        .patch_with(&path, json!({"name": "Here"}), &[("if-match", "\"3\"")])
        .await
        .with(200);
    assert_eq!(seen["version"], 4);
}
