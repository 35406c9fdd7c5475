//! Accounts, categories and books.

use serde_json::json;

use crate::fixture::{App, id};

#[actix_web::test]
async fn an_account_is_opened_renamed_and_closed() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let body = json!({"name": "Cash", "kind": "cash", "currency": "JPY", "number": "DE89 3704"});
    let opened = ada.post("/finance/accounts", body).await;
    assert_eq!(opened.header("etag"), "\"1\"");
    let location = opened.header("location").to_owned();
    let position: i64 = opened.header("spendlog-position").parse().unwrap();
    let body = opened.with(201);
    assert_eq!(body["position"], position);
    assert_eq!(location, format!("/finance/accounts/{}", id(&body)));
    let renamed = ada.patch(&location, json!({"name": "Purse"})).await;
    assert_eq!(renamed.header("etag"), "\"2\"");
    ada.post(&format!("{location}/close"), json!({})).await.with(200);
    ada.patch(&location, json!({"name": "Again"}))
        .await
        .problem(409, "account-closed");
    let types: Vec<_> = app
        .events("account", &id(&body))
        .await
        .into_iter()
        .map(|event| event.event_type)
        .collect();
    assert_eq!(types, ["account.opened", "account.renamed", "account.closed"]);
}

#[actix_web::test]
async fn what_does_not_fit_is_named() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let open = |body| ada.post("/finance/accounts", body);
    let problem = open(json!({"name": "Cash", "kind": "cash", "currency": "XYZ"}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/currency");
    let problem = open(json!({"name": " ", "kind": "cash", "currency": "EUR"}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/name");
    open(json!({"name": "Cash", "kind": "purse", "currency": "EUR"}))
        .await
        .problem(422, "invalid-body");
}

#[actix_web::test]
async fn a_stranger_finds_nothing() {
    let app = App::new().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let account = ada.account().await;
    let category = json!({"name": "Pets", "kind": "expense", "book": ada.book});
    let category = id(&ada.post("/finance/categories", category).await.with(201));
    let transaction = ada.expense(&account).await;
    for path in [
        format!("/finance/accounts/{account}"),
        format!("/finance/categories/{category}"),
        format!("/finance/books/{}", ada.book),
    ] {
        eve.patch(&path, json!({"name": "Mine"}))
            .await
            .problem(404, "not-found");
    }
    eve.patch(&format!("/finance/transactions/{transaction}"), json!({"note": "x"}))
        .await
        .problem(404, "not-found");
    for path in [
        format!("accounts/{account}/close"),
        format!("transactions/{transaction}/void"),
    ] {
        eve.post(&format!("/finance/{path}"), json!({}))
            .await
            .problem(404, "not-found");
    }
    let theirs = json!({"name": "Mine", "kind": "cash", "currency": "EUR", "book": ada.book});
    eve.post("/finance/accounts", theirs).await.problem(404, "not-found");
    eve.post("/finance/transactions", crate::fixture::expense(&account))
        .await
        .problem(404, "not-found");
    let own = eve.account().await;
    let mixed = json!({"account": own, "amount": "-1", "booked_on": "2026-09-01", "category": category});
    eve.post("/finance/transactions", mixed).await.problem(404, "not-found");
    assert_eq!(app.events("account", &account).await.len(), 1);
}

#[actix_web::test]
async fn categories_are_merged_into_their_kind() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let create = async |name: &str, kind: &str| {
        id(&ada
            .post("/finance/categories", json!({"name": name, "kind": kind}))
            .await
            .with(201))
    };
    let (pets, dogs, gifts) = (
        create("Pets", "expense").await,
        create("Dogs", "expense").await,
        create("Gifts", "income").await,
    );
    let merge = async |from: &str, into: &str| {
        ada.post(&format!("/finance/categories/{from}/merge"), json!({"into": into}))
            .await
    };
    merge(&dogs, &dogs).await.problem(422, "invalid-value");
    merge(&dogs, &gifts).await.problem(409, "category-fixed");
    merge(&dogs, &pets).await.with(200);
    merge(&dogs, &pets).await.problem(409, "category-merged");
    merge(&pets, &dogs).await.problem(409, "category-merged");
    ada.post("/finance/categories", json!({"name": "?", "kind": "uncategorised"}))
        .await
        .problem(422, "invalid-value");
    let account = ada.account().await;
    let body = json!({"account": account, "amount": "-1", "booked_on": "2026-09-01", "category": dogs});
    ada.post("/finance/transactions", body)
        .await
        .problem(409, "category-merged");
}

#[actix_web::test]
async fn a_user_opens_more_books() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let book = id(&ada
        .post("/finance/books", json!({"name": "Club", "policy": "when_checks_hold"}))
        .await
        .with(201));
    let changed = ada
        .patch(
            &format!("/finance/books/{book}"),
            json!({"name": "The club", "policy": "manual"}),
        )
        .await
        .with(200);
    assert_eq!(changed["version"], 3);
    let body = json!({"name": "Till", "kind": "cash", "currency": "EUR", "book": book});
    let account = id(&ada.post("/finance/accounts", body).await.with(201));
    let owner = app.events("account", &account).await[0].owner;
    assert_eq!(format!("book_{}", owner.as_simple()), book);
    ada.expense(&account).await;
    let types: Vec<_> = app
        .events("book", &book)
        .await
        .into_iter()
        .map(|event| event.event_type)
        .collect();
    assert_eq!(types, ["book.opened", "book.renamed", "book.policy_changed"]);
}
