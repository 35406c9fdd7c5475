//! Recording and correcting transactions.

use serde_json::{Value, json};

use crate::fixture::{App, expense, id};

#[actix_web::test]
async fn a_simple_transaction_has_two_postings() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let transaction = ada.expense(&account).await;
    let events = app.events("transaction", &transaction).await;
    let payload: Value = serde_json::from_str(&events[0].payload).unwrap();
    let postings = payload["transaction.recorded"]["postings"].as_array().unwrap();
    assert_eq!(postings[0]["target"]["account"], account.as_str());
    assert_eq!(
        (&postings[0]["money"]["minor"], &postings[1]["money"]["minor"]),
        (&json!(-1250), &json!(1250))
    );
    assert!(postings[1]["target"]["category"].is_string());
    assert_eq!(events[0].metadata.actor, ada.user);
}

#[actix_web::test]
async fn postings_must_fit_their_accounts_and_sum_to_zero() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let (from, to) = (ada.account().await, ada.account().await);
    let transfer = |first: &str, second: &str, currency: &str| {
        json!({"booked_on": "2026-09-01", "postings": [
            {"account": from, "amount": first, "currency": "EUR"},
            {"account": to, "amount": second, "currency": currency},
        ]})
    };
    ada.post("/finance/transactions", transfer("-5", "5.00", "EUR"))
        .await
        .with(201);
    ada.post("/finance/transactions", transfer("-5", "4.99", "EUR"))
        .await
        .problem(422, "unbalanced");
    let problem = ada
        .post("/finance/transactions", transfer("-5", "5", "USD"))
        .await
        .problem(422, "currency-mismatch");
    assert_eq!(problem["errors"][0]["pointer"], "/postings/1/currency");
    let problem = ada
        .post("/finance/transactions", transfer("-5", "5.001", "EUR"))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/postings/1/amount");
    let both = json!({"account": from, "amount": "1", "booked_on": "2026-09-01", "postings": []});
    ada.post("/finance/transactions", both)
        .await
        .problem(422, "invalid-value");
}

#[actix_web::test]
async fn amounts_are_exact_and_in_the_accounts_currency() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let record = |amount: &str, currency: &str| json!({"account": account, "amount": amount, "currency": currency, "booked_on": "2026-09-01"});
    for (amount, pointer) in [
        ("1.234", "/amount"),
        ("1e3", "/amount"),
        ("", "/amount"),
        ("0", "/amount"),
        ("99999999999999999", "/amount"),
    ] {
        let problem = ada
            .post("/finance/transactions", record(amount, "EUR"))
            .await
            .problem(422, "invalid-value");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{amount}");
    }
    ada.post("/finance/transactions", record("1.2", "USD"))
        .await
        .problem(422, "currency-mismatch");
    ada.post("/finance/transactions", record("1.20", "EUR")).await.with(201);
}

#[actix_web::test]
async fn a_correction_is_one_append_of_what_changes() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let transaction = ada.expense(&account).await;
    let path = format!("/finance/transactions/{transaction}");
    let category = id(&ada
        .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
        .await
        .with(201));
    let change = json!({"amount": "-13.50", "booked_on": "2026-09-02", "merchant": null, "category": category, "note": "dog food"});
    let changed = ada.patch(&path, change.clone()).await.with(200);
    assert_eq!(changed["version"], 6);
    assert_eq!(
        ada.patch(&path, change).await.with(200)["version"],
        6,
        "said twice, nothing happens"
    );
    let types: Vec<_> = app
        .events("transaction", &transaction)
        .await
        .into_iter()
        .map(|event| event.event_type)
        .collect();
    let expected = [
        "recorded",
        "amount_corrected",
        "date_corrected",
        "merchant_corrected",
        "categorised",
        "noted",
    ];
    assert_eq!(types, expected.map(|name| format!("transaction.{name}")));
    ada.post(&format!("{path}/void"), json!({})).await.with(200);
    ada.patch(&path, json!({"note": "x"}))
        .await
        .problem(409, "transaction-voided");
    ada.post(&format!("{path}/restore"), json!({})).await.with(200);
    ada.patch(&path, json!({"note": "x"})).await.with(200);
}

#[actix_web::test]
async fn many_are_recorded_all_or_none() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let before = *app.journal.head().borrow();
    let mut list: Vec<Value> = (0..100).map(|_| expense(&account)).collect();
    let recorded = ada
        .post("/finance/transactions/bulk", json!({"transactions": list}))
        .await
        .with(201);
    assert_eq!(recorded["ids"].as_array().unwrap().len(), 100);
    assert_eq!(recorded["position"], before + 100);
    list[57]["amount"] = json!("0");
    let problem = ada
        .post("/finance/transactions/bulk", json!({"transactions": list}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/transactions/57/amount");
    list[57]["amount"] = json!("x");
    let problem = ada
        .post("/finance/transactions/bulk", json!({"transactions": list}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/transactions/57/amount");
    assert_eq!(*app.journal.head().borrow(), before + 100);
}
