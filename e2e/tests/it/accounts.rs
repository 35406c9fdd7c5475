//! Accounts: opened, renamed, closed; their balances, now and then.

use serde_json::{Value, json};
use spendlog_e2e::TestApp;

#[tokio::test]
async fn an_account_is_opened_renamed_and_closed() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let body = json!({"name": "Current account", "kind": "checking", "currency": "EUR", "number": "IE52 TEST"});
    let opened = person.post("/finance/accounts", body).await.expect(201);
    let path = format!("/finance/accounts/{}", opened.text("id"));
    assert_eq!(opened.header("location"), Some(path.as_str()));
    assert_eq!(
        (opened.etag().as_str(), opened.body["version"].as_i64()),
        ("\"1\"", Some(1))
    );
    let account = person.get_at(&path, opened.position()).await.expect(200);
    assert_eq!(account.text("name"), "Current account");
    assert_eq!(account.text("kind"), "checking");
    assert_eq!(account.text("currency"), "EUR");
    assert_eq!(account.text("number"), "IE52 TEST");
    assert_eq!(account.text("balance"), "0.00");
    assert_eq!(account.text("book"), person.book);
    assert_eq!(account.text("status"), "open");

    let renamed = person.patch(&path, json!({"name": "Giro"})).await.expect(200);
    assert_eq!(person.get_at(&path, renamed.position()).await.text("name"), "Giro");
    let spent = person.spend(opened.text("id"), "-1.00", "2026-09-14", "Shop").await;
    let closed = person.post(&format!("{path}/close"), json!({})).await.expect(200);
    assert_eq!(person.get_at(&path, closed.position()).await.text("status"), "closed");
    let again = person.post(&format!("{path}/close"), json!({})).await;
    again.expect_problem(409, "account-closed");

    person
        .patch(&path, json!({"name": "B"}))
        .await
        .expect_problem(409, "account-closed");
    let body = json!({"account": opened.text("id"), "amount": "-1.00", "booked_on": "2026-09-14"});
    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(409, "account-closed")
        .of_field("/account");
    // What was recorded before can't move money in it any more either.
    let transaction = format!("/finance/transactions/{}", spent.text("id"));
    person
        .patch(&transaction, json!({"amount": "-2.00"}))
        .await
        .expect_problem(409, "account-closed");
    person
        .patch(&transaction, json!({"note": "words may still change"}))
        .await
        .expect(200);
    app.finish().await;
}

#[tokio::test]
async fn amounts_have_the_digits_of_their_currency() {
    let app = TestApp::start().await;
    let person = app.person().await;
    for (currency, amount, balance) in [
        ("EUR", "-12.5", "-12.50"),
        ("JPY", "-1250", "-1250"),
        ("BHD", "0.125", "0.125"),
    ] {
        let account = person.account(currency, currency).await;
        let written = person.spend(&account, amount, "2026-09-14", "Shop").await;
        let seen = person
            .get_at(&format!("/finance/accounts/{account}"), written.position())
            .await
            .expect(200);
        assert_eq!((seen.text("balance"), seen.text("currency")), (balance, currency));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_balance_is_known_as_it_was_at_any_time() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let path = format!("/finance/accounts/{account}");
    let mut stations: Vec<(i64, String, Value)> = Vec::new();
    let mut transactions = Vec::new();
    for (amount, balance) in [("-1.00", "-1.00"), ("10.00", "9.00"), ("-0.50", "8.50")] {
        let written = person.spend(&account, amount, "2026-09-14", "Shop").await;
        let seen = person.get_at(&path, written.position()).await.expect(200);
        assert_eq!(seen.text("balance"), balance);
        stations.push((written.position(), balance.to_owned(), seen.body["name"].clone()));
        transactions.push(written.text("id").to_owned());
    }
    let corrected = person
        .patch(
            &format!("/finance/transactions/{}", transactions[1]),
            json!({"amount": "20.00"}),
        )
        .await;
    stations.push((corrected.expect(200).position(), "18.50".to_owned(), json!("Wallet")));
    let voided = person
        .post(&format!("/finance/transactions/{}/void", transactions[0]), json!({}))
        .await
        .expect(200);
    stations.push((voided.position(), "19.50".to_owned(), json!("Wallet")));
    let renamed = person.patch(&path, json!({"name": "Purse"})).await.expect(200);
    stations.push((renamed.position(), "19.50".to_owned(), json!("Purse")));
    let last = renamed.position();
    for (position, balance, name) in stations {
        let then = person.get_at(&format!("{path}?at={position}"), last).await.expect(200);
        assert_eq!(
            (then.text("balance"), &then.body["name"]),
            (balance.as_str(), &name),
            "at {position}"
        );
        let listed = person
            .get_at(&format!("/finance/accounts?at={position}"), last)
            .await
            .expect(200);
        assert_eq!(listed.body["data"][0]["balance"], balance, "at {position}");
    }
    // Before it was opened there was no such account.
    person
        .get(&format!("{path}?at={}", person.position))
        .await
        .expect_problem(404, "not-found");
    let listed = person
        .get(&format!("/finance/accounts?at={}", person.position))
        .await
        .expect(200);
    assert_eq!(listed.body["data"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn accounts_come_in_pages() {
    let app = TestApp::start().await;
    let person = app.person().await;
    for n in 0..7 {
        person.account(&format!("Account {n}"), "EUR").await;
    }
    let last = person.account("Account 7", "EUR").await;
    let last = person
        .patch(&format!("/finance/accounts/{last}"), json!({}))
        .await
        .expect(200)
        .position();
    let first = person.get_at("/finance/accounts?limit=3", last).await.expect(200);
    assert_eq!(first.body["data"].as_array().map(Vec::len), Some(3));
    let next = first.text("next");
    assert_eq!(
        first.header("link"),
        Some(format!("</finance/accounts?limit=3&after={next}>; rel=\"next\"").as_str())
    );
    let all = person.all("/finance/accounts?limit=3", last).await;
    let names: Vec<&str> = all.iter().filter_map(|account| account["name"].as_str()).collect();
    let expected: Vec<String> = (0..8).map(|n| format!("Account {n}")).collect();
    assert_eq!(names, expected, "each once, in the order of their opening");
    let whole = person.get_at("/finance/accounts", last).await.expect(200);
    assert_eq!((&whole.body["next"], whole.header("link")), (&Value::Null, None));
    app.finish().await;
}

#[tokio::test]
async fn an_account_lists_its_transactions() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let (wallet, bank) = (
        person.account("Wallet", "EUR").await,
        person.account("Bank", "EUR").await,
    );
    person.spend(&wallet, "-1.00", "2026-09-14", "Shop").await;
    let posting = |account: &str, amount: &str| json!({"account": account, "amount": amount, "currency": "EUR"});
    let transfer =
        json!({"booked_on": "2026-09-15", "postings": [posting(&bank, "-50.00"), posting(&wallet, "50.00")]});
    let transfer = person.post("/finance/transactions", transfer).await.expect(201);
    let list = async |account: &str| {
        person
            .all(
                &format!("/finance/accounts/{account}/transactions"),
                transfer.position(),
            )
            .await
            .len()
    };
    assert_eq!((list(&wallet).await, list(&bank).await), (2, 1));
    let seen = person
        .get_at(&format!("/finance/accounts/{wallet}"), transfer.position())
        .await
        .expect(200);
    assert_eq!(seen.text("balance"), "49.00");
    app.finish().await;
}
