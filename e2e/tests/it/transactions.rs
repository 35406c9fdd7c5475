//! Transactions: recorded one by one and together, corrected, voided, restored.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp};

#[tokio::test]
async fn an_expense_is_two_postings() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let groceries = person.category("Groceries").await;
    let body = json!({
        "account": account, "amount": "-12.50", "currency": "EUR", "category": groceries, "booked_on": "2026-09-14",
        "merchant": "Corner shop", "note": "for the party",
    });
    let recorded = person.post("/finance/transactions", body).await.expect(201);
    let path = format!("/finance/transactions/{}", recorded.text("id"));
    assert_eq!(recorded.header("location"), Some(path.as_str()));
    let seen = person.get_at(&path, recorded.position()).await.expect(200);
    for (field, value) in [
        ("id", recorded.text("id")),
        ("book", &person.book),
        ("account", &account),
        ("amount", "-12.50"),
        ("currency", "EUR"),
        ("category", &groceries),
        ("booked_on", "2026-09-14"),
        ("merchant", "Corner shop"),
        ("note", "for the party"),
        ("status", "recorded"),
    ] {
        assert_eq!(seen.text(field), value, "{field}");
    }
    assert_eq!(seen.body["origin"], json!({"kind": "manual"}));
    assert_eq!(
        (&seen.body["version"], &seen.body["position"]),
        (&json!(1), &json!(recorded.position()))
    );
    let postings = seen.body["postings"].as_array().expect("there are postings");
    assert_eq!(postings.len(), 2);
    assert_eq!(
        (&postings[0]["account"], &postings[0]["amount"]),
        (&json!(account), &json!("-12.50"))
    );
    assert_eq!(
        (&postings[1]["category"], &postings[1]["amount"]),
        (&json!(groceries), &json!("12.50"))
    );
    // Without a category said, nobody knows yet.
    let other = person.spend(&account, "3.00", "2026-09-14", "Somebody").await;
    let other = person
        .get_at(&format!("/finance/transactions/{}", other.text("id")), other.position())
        .await;
    assert_eq!(other.text("category"), person.category("Uncategorised").await);
    app.finish().await;
}

#[tokio::test]
async fn splits_and_transfers_are_postings_too() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let (wallet, yen) = (
        person.account("Wallet", "EUR").await,
        person.account("Yen", "JPY").await,
    );
    let bank = person.account("Bank", "EUR").await;
    let (food, fun) = (person.category("Groceries").await, person.category("Leisure").await);
    let record = async |postings: Value| {
        person
            .post(
                "/finance/transactions",
                json!({"booked_on": "2026-09-14", "postings": postings}),
            )
            .await
    };
    let of = |target: &str, id: &str, amount: &str, currency: &str| json!({target: id, "amount": amount, "currency": currency});
    let split = json!([
        of("account", &wallet, "-10.00", "EUR"),
        of("category", &food, "7.00", "EUR"),
        of("category", &fun, "3.00", "EUR")
    ]);
    let split = record(split).await.expect(201);
    let seen = person
        .get_at(&format!("/finance/transactions/{}", split.text("id")), split.position())
        .await
        .expect(200);
    assert_eq!(seen.body["postings"].as_array().map(Vec::len), Some(3));
    assert_eq!(seen.body["category"], Value::Null, "two categories are not one");
    record(json!([
        of("account", &bank, "-5.00", "EUR"),
        of("account", &wallet, "5.00", "EUR")
    ]))
    .await
    .expect(201);

    let unbalanced = json!([
        of("account", &wallet, "-10.00", "EUR"),
        of("category", &food, "9.99", "EUR")
    ]);
    record(unbalanced).await.expect_problem(422, "unbalanced");
    let mixed = json!([
        of("account", &wallet, "-10.00", "EUR"),
        of("account", &yen, "10", "JPY")
    ]);
    record(mixed).await.expect_problem(422, "unbalanced");
    let other = json!([of("account", &wallet, "-10", "JPY"), of("account", &yen, "10", "JPY")]);
    record(other)
        .await
        .expect_problem(422, "currency-mismatch")
        .of_field("/postings/0/currency");
    let alone = json!([
        of("category", &fun, "-1.00", "EUR"),
        of("category", &food, "1.00", "EUR")
    ]);
    record(alone)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/postings");
    record(json!([of("account", &wallet, "0.00", "EUR")]))
        .await
        .expect_problem(422, "invalid-value");
    let both = json!([{"account": wallet, "category": food, "amount": "1.00", "currency": "EUR"}]);
    record(both)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/postings/0/account");

    let path = format!("/finance/transactions/{}", split.text("id"));
    person
        .patch(&path, json!({"amount": "-11.00"}))
        .await
        .expect_problem(409, "transaction-not-simple");
    person
        .patch(&path, json!({"category": food}))
        .await
        .expect_problem(409, "transaction-not-simple");
    app.finish().await;
}

#[tokio::test]
async fn amounts_must_be_amounts_of_the_account() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let record = async |amount: &str, currency: Value, day: &str| -> Answer {
        let mut body = json!({"account": account, "amount": amount, "booked_on": day});
        if !currency.is_null() {
            body["currency"] = currency;
        }
        person.post("/finance/transactions", body).await
    };
    let day = "2026-09-14";
    for amount in [
        "",
        "1,00",
        "1.005",
        "abc",
        "1e3",
        "0",
        "0.00",
        "NaN",
        "99999999999999999999",
        "+1.00",
        " 1.00",
    ] {
        let refused = record(amount, Value::Null, day).await;
        refused.expect_problem(422, "invalid-value").of_field("/amount");
    }
    record("-1.00", json!("USD"), day)
        .await
        .expect_problem(422, "currency-mismatch")
        .of_field("/currency");
    record("-1.00", json!("???"), day)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/currency");
    record("-1.00", Value::Null, "1066-10-14")
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/booked_on");
    record("-1.00", Value::Null, "2026-02-30")
        .await
        .expect_problem(422, "invalid-body");
    let number = json!({"account": account, "amount": -1.5, "booked_on": day});
    person
        .post("/finance/transactions", number)
        .await
        .expect_problem(422, "invalid-body");
    let long = |field: &str, length: usize| {
        let mut body = json!({"account": account, "amount": "-1.00", "booked_on": day});
        body[field] = "x".repeat(length).into();
        body
    };
    person
        .post("/finance/transactions", long("merchant", 501))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/merchant");
    person
        .post("/finance/transactions", long("note", 4001))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/note");
    record("-0.01", json!("EUR"), day).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn what_was_wrong_is_corrected() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let leisure = person.category("Leisure").await;
    let written = person.spend(&account, "-12.50", "2026-09-14", "Shop").await;
    let path = format!("/finance/transactions/{}", written.text("id"));
    let correction = json!({"amount": "-13.50", "booked_on": "2026-09-15", "merchant": null, "category": leisure, "note": "by card"});
    let corrected = person.patch(&path, correction).await.expect(200);
    assert_eq!(
        corrected.body["version"], 6,
        "five changes are five events of one command"
    );
    let seen = person.get_at(&path, corrected.position()).await.expect(200);
    assert_eq!(
        (seen.text("amount"), seen.text("booked_on"), seen.text("note")),
        ("-13.50", "2026-09-15", "by card")
    );
    assert_eq!(
        (&seen.body["merchant"], seen.text("category")),
        (&Value::Null, leisure.as_str())
    );
    let nothing = person.patch(&path, json!({"amount": "-13.50"})).await.expect(200);
    assert_eq!(nothing.etag(), corrected.etag());

    let voided = person.post(&format!("{path}/void"), json!({})).await.expect(200);
    let seen = person.get_at(&path, voided.position()).await.expect(200);
    assert_eq!(
        (seen.text("status"), &seen.body["voided"]),
        ("voided", &json!({"by": "person"}))
    );
    person
        .patch(&path, json!({"note": "no"}))
        .await
        .expect_problem(409, "transaction-voided");
    let restored = person.post(&format!("{path}/restore"), json!({})).await.expect(200);
    let seen = person.get_at(&path, restored.position()).await.expect(200);
    assert_eq!((seen.text("status"), seen.text("amount")), ("recorded", "-13.50"));
    app.finish().await;
}

/// Records a split of -10.00 euros over 7.00 and 3.00: the answer, the path, and the ids of the postings.
async fn split(person: &Person, account: &str, categories: [&str; 2]) -> (Answer, String, [String; 3]) {
    let body = json!({"booked_on": "2026-09-14", "postings": [
        {"account": account, "amount": "-10.00", "currency": "EUR"},
        {"category": categories[0], "amount": "7.00", "currency": "EUR"},
        {"category": categories[1], "amount": "3.00", "currency": "EUR"},
    ]});
    let written = person.post("/finance/transactions", body).await.expect(201);
    let path = format!("/finance/transactions/{}", written.text("id"));
    let seen = person.get_at(&path, written.position()).await.expect(200);
    let id = |number: usize| seen.body["postings"][number]["id"].as_str();
    let ids = [0, 1, 2].map(|number| id(number).expect("a posting has an id").to_owned());
    (written, path, ids)
}

#[tokio::test]
async fn a_split_is_corrected_posting_by_posting() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let wallet = person.account("Wallet", "EUR").await;
    let (food, fun) = (person.category("Groceries").await, person.category("Leisure").await);
    let travel = person.category("Travel").await;
    let (written, path, [of_wallet, of_food, of_fun]) = split(&person, &wallet, [&food, &fun]).await;
    let correct = async |postings: Value| {
        let key = ("idempotency-key", "two-tickets");
        let body = json!({"note": "two tickets", "postings": postings});
        person.patch_with(&path, key, body).await
    };
    let postings = json!([
        {"id": of_wallet, "amount": "-12.00"},
        {"id": of_fun, "amount": "5.00", "category": travel},
    ]);
    let corrected = correct(postings.clone()).await.expect(200);
    assert_eq!(
        corrected.body["version"], 4,
        "three changes are three events of one command"
    );
    assert_eq!(corrected.position(), written.position() + 3);
    let again = correct(postings).await.expect(200);
    assert_eq!(
        (again.etag(), again.position()),
        (corrected.etag(), corrected.position())
    );
    correct(json!([])).await.expect_problem(422, "idempotency-key-reused");

    let now = corrected.position();
    let seen = person.get_at(&path, now).await.expect(200);
    let postings = json!([
        {"id": of_wallet, "account": wallet, "amount": "-12.00", "currency": "EUR"},
        {"id": of_food, "category": food, "amount": "7.00", "currency": "EUR"},
        {"id": of_fun, "category": travel, "amount": "5.00", "currency": "EUR"},
    ]);
    assert_eq!(seen.body["postings"], postings);
    assert_eq!((seen.text("amount"), seen.text("note")), ("-12.00", "two tickets"));

    let before = format!("?at={}", written.position());
    let after = format!("?at={now}");
    for (at, balance, spent) in [
        (before.as_str(), "-10.00", [(&food, "-7.00"), (&fun, "-3.00")]),
        (after.as_str(), "-12.00", [(&food, "-7.00"), (&travel, "-5.00")]),
        ("", "-12.00", [(&food, "-7.00"), (&travel, "-5.00")]),
    ] {
        let then = person.get_at(&format!("{path}{at}"), now).await.expect(200);
        assert_eq!(then.text("amount"), balance, "{at}");
        let account = format!("/finance/accounts/{wallet}{at}");
        assert_eq!(person.get_at(&account, now).await.expect(200).text("balance"), balance);
        let summary = person.get_at(&format!("/finance/summary{at}"), now).await.expect(200);
        let lines = summary.body["lines"].as_array().expect("lines").iter();
        let told: BTreeMap<_, _> = lines.map(|l| (l["category"].as_str(), l["expense"].as_str())).collect();
        let spent = spent.map(|(category, expense)| (Some(category.as_str()), Some(expense)));
        assert_eq!(told, BTreeMap::from(spent), "{at}");
    }

    let history = person.get_at(&format!("{path}/history"), now).await.expect(200);
    let posting =
        |id: &str, from: String, to: String| json!({"field": format!("postings/{id}"), "from": from, "to": to});
    let amounts = json!([
        {"field": "amount", "from": "-10.00", "to": "-12.00"},
        posting(&of_wallet, format!("-10.00 EUR {wallet}"), format!("-12.00 EUR {wallet}")),
        posting(&of_fun, format!("3.00 EUR {fun}"), format!("5.00 EUR {fun}")),
    ]);
    let category = json!([posting(
        &of_fun,
        format!("5.00 EUR {fun}"),
        format!("5.00 EUR {travel}")
    )]);
    for (number, event, changes) in [
        (1_usize, "transaction.amount_corrected", amounts),
        (2, "transaction.categorised", category),
    ] {
        let entry = &history.body["data"][number];
        assert_eq!((&entry["event"], &entry["changes"]), (&json!(event), &changes));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_correction_of_postings_is_whole_or_refused() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let wallet = person.account("Wallet", "EUR").await;
    let (food, fun) = (person.category("Groceries").await, person.category("Leisure").await);
    let (written, path, [of_wallet, of_food, of_fun]) = split(&person, &wallet, [&food, &fun]).await;
    let (.., [of_other, _, _]) = split(&person, &wallet, [&food, &fun]).await;
    let good = json!({"id": of_food, "amount": "6.00"});
    let refused = async |second: Value| {
        let body = json!({"note": "no", "postings": [good, second]});
        person.patch(&path, body).await
    };
    for (second, pointer) in [
        (json!({"id": of_other}), "/postings/1/id"),
        (json!({"id": "second"}), "/postings/1/id"),
        (json!({"id": of_fun, "category": wallet}), "/postings/1/category"),
    ] {
        refused(second).await.expect_problem(404, "not-found").of_field(pointer);
    }
    for (second, pointer) in [
        (json!({"id": of_food, "category": fun}), "/postings/1/id"),
        (json!({"id": of_fun, "amount": "4.001"}), "/postings/1/amount"),
        (json!({"id": of_fun, "amount": "four"}), "/postings/1/amount"),
        (json!({"id": of_fun, "amount": "0.00"}), "/postings"),
    ] {
        refused(second)
            .await
            .expect_problem(422, "invalid-value")
            .of_field(pointer);
    }
    let both = json!({"amount": "-10.00", "postings": [good]});
    let other = json!({"category": food, "postings": []});
    for (body, status, code) in [
        (json!({"postings": [good]}), 422, "unbalanced"),
        (json!({"postings": [{"amount": "6.00"}]}), 422, "invalid-body"),
        (both, 422, "invalid-value"),
        (other, 422, "invalid-value"),
    ] {
        person.patch(&path, body).await.expect_problem(status, code);
    }
    let of_account = json!({"postings": [{"id": of_wallet, "category": food}]});
    person
        .patch(&path, of_account)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/postings/0/category");
    let nothing = json!({"postings": [{"id": of_food, "amount": "7.0", "category": food}, {"id": of_fun}]});
    let nothing = person.patch(&path, nothing).await.expect(200);
    assert_eq!(nothing.etag(), written.etag(), "nothing of what was refused is there");
    let stale = json!({"postings": [{"id": of_fun, "category": food}]});
    person
        .patch_with(&path, ("if-match", "\"2\""), stale)
        .await
        .expect_problem(412, "stale");

    person
        .post(&format!("/finance/accounts/{wallet}/close"), json!({}))
        .await
        .expect(200);
    let amounts = json!({"postings": [good, {"id": of_fun, "amount": "4.00"}]});
    person.patch(&path, amounts).await.expect_problem(409, "account-closed");
    person.post(&format!("{path}/void"), json!({})).await.expect(200);
    let words = json!({"postings": [{"id": of_fun, "category": food}]});
    person
        .patch(&path, words)
        .await
        .expect_problem(409, "transaction-voided");
    app.finish().await;
}

#[tokio::test]
async fn many_are_recorded_at_once_or_none() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let one = |n: usize| json!({"account": account, "amount": format!("-{n}.00"), "booked_on": "2026-09-14"});
    let many = async |all: Vec<Value>| {
        person
            .post("/finance/transactions/bulk", json!({"transactions": all}))
            .await
    };
    let recorded = many((1..=1000).map(one).collect()).await.expect(201);
    let new: Vec<&str> = recorded.body["ids"]
        .as_array()
        .expect("ids")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(new.len(), 1000);
    let seen = person
        .get_at(&format!("/finance/accounts/{account}"), recorded.position())
        .await
        .expect(200);
    assert_eq!(seen.text("balance"), "-500500.00");
    let second = person
        .get_at(&format!("/finance/transactions/{}", new[1]), recorded.position())
        .await
        .expect(200);
    assert_eq!(second.text("amount"), "-2.00", "ids come in the order of the request");

    let mut bad: Vec<Value> = (1..=3).map(one).collect();
    bad[1]["amount"] = "1.001".into();
    many(bad)
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/transactions/1/amount");
    many(Vec::new())
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/transactions");
    many((0..1001).map(|n| one(n + 1)).collect())
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/transactions");
    let seen = person.get(&format!("/finance/accounts/{account}")).await.expect(200);
    assert_eq!(
        seen.text("balance"),
        "-500500.00",
        "nothing of what was refused is there"
    );
    app.finish().await;
}
