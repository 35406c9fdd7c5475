//! Accounts, categories, transactions, summary: theirs alone, page by page, now and then.

use actix_web::http::StatusCode;
use serde_json::json;
use spendlog_schemas::{page::Page, transactions::Transaction};

use super::house::{House, account, book, category, transaction, user};

#[actix_web::test]
async fn what_was_written_is_read_at_its_position() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let answer = house
        .get(1, &format!("/finance/transactions/{}", transaction(1)), position)
        .await;
    assert_eq!((answer.status, answer.header("etag")), (StatusCode::OK, "\"1\""));
    let read: Transaction = serde_json::from_slice(&answer.bytes).unwrap();
    assert_eq!(
        (read.amount.as_deref(), read.category),
        (Some("-12.50"), Some(category(1).to_string()))
    );
    assert_eq!(read.position, position);
    let answer = house
        .get(1, &format!("/finance/accounts/{}", account(1)), position)
        .await
        .json();
    assert_eq!(
        (&answer["balance"], &answer["status"]),
        (&json!("-12.50"), &json!("open"))
    );
    let summary = house.get(1, "/finance/summary?by=month", position).await.json();
    let line = json!({"month": "2026-09", "currency": "EUR", "income": "0.00", "expense": "-12.50", "total": "-12.50", "count": 1});
    assert_eq!(summary, json!({"by": "month", "lines": [line]}));
    let me = house.get(1, "/users/me", position).await.json();
    assert_eq!(me["books"], json!([book(1).to_string()]));
    assert_eq!(me["id"], user(1).to_string());
}

#[actix_web::test]
async fn a_position_that_is_not_there_is_503_and_a_bad_one_400() {
    let house = House::new().await;
    let answer = house.get(1, "/finance/accounts", 1_000_000).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["code"], "read-model-behind");
    let answer = house
        .get_with(1, "/finance/accounts", &[("spendlog-position", "x".to_owned())])
        .await;
    assert_eq!(answer.json()["code"], "invalid-header");
}

#[actix_web::test]
async fn a_stranger_finds_nothing() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    for path in [
        format!("/finance/books/{}", book(1)),
        format!("/finance/accounts/{}", account(1)),
        format!("/finance/accounts/{}/transactions", account(1)),
        format!("/finance/categories/{}", category(1)),
        format!("/finance/transactions/{}", transaction(1)),
        format!("/finance/transactions/{}/history", transaction(1)),
        format!("/finance/transactions?book={}", book(1)),
        format!("/finance/summary?book={}", book(1)),
        format!("/audit/replay?book={}", book(1)),
        format!("/audit/events?owner={}", book(1)),
        "/finance/documents/nonsense".to_owned(),
    ] {
        let answer = house.get(2, &path, position).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::NOT_FOUND, Some("not-found")),
            "{path}"
        );
    }
    let list = house
        .get(2, &format!("/finance/transactions?account={}", account(1)), position)
        .await
        .json();
    assert_eq!(list, json!({"data": [], "next": null}));
}

#[actix_web::test]
async fn queries_that_do_not_fit_are_refused() {
    let house = House::new().await;
    for path in [
        "/finance/transactions?colour=red",
        "/finance/transactions?limit=0",
        "/finance/transactions?limit=101",
        "/finance/transactions?after=%25",
        "/finance/transactions?amount_min=1.23456",
        "/finance/transactions?from=yesterday",
        "/finance/transactions?order=merchant",
        "/finance/transactions?account=acc_1",
        "/finance/accounts?at=yesterday",
        "/finance/accounts?at=-1",
        "/finance/summary?by=weather",
        "/finance/summary?from=2026-02-01&to=2026-01-01",
        "/finance/summary?from=-10000-01-01",
        "/finance/transactions?to=-10000-01-01",
        "/audit/events?after=-1",
    ] {
        let answer = house.get_with(1, path, &[]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid-query")),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn pages_follow_their_links_to_the_end() {
    let house = House::new().await;
    let mut position = 0;
    for number in 1..=23_u32 {
        let day = format!("2026-09-{:02}", 1 + number % 9);
        position = house
            .spend(1, number.into(), i64::from(100 + number % 5), &day, "Market")
            .await;
    }
    for order in ["booked_on", "-booked_on", "amount", "-amount"] {
        let mut path = format!("/finance/transactions?order={order}&limit=5&text=market");
        let mut seen = Vec::new();
        loop {
            let answer = house.get(1, &path, position).await;
            let page: Page<Transaction> = serde_json::from_slice(&answer.bytes).unwrap();
            seen.extend(page.data.into_iter().map(|t| t.id));
            let Some(next) = page.next else {
                assert_eq!(answer.header("link"), "");
                break;
            };
            assert!(answer.header("link").contains(&next), "{}", answer.header("link"));
            path = answer.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
        }
        let whole = house
            .get(1, &format!("/finance/transactions?order={order}&limit=100"), position)
            .await
            .json();
        let whole: Vec<String> = whole["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(seen.len(), 23);
        assert_eq!(seen, whole, "{order}");
    }
    let accounts = house.get(1, "/finance/accounts?limit=1", position).await.json();
    assert_eq!(
        (accounts["data"].as_array().unwrap().len(), &accounts["next"]),
        (1, &json!(null))
    );
}

#[actix_web::test]
async fn the_past_is_the_same_in_tables_and_replay() {
    let house = House::new().await;
    let before = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let time = house
        .get(1, &format!("/finance/transactions/{}", transaction(1)), before)
        .await
        .json()["recorded_at"]
        .clone();
    let id = transaction(1).to_string();
    let changes = json!([{"posting": format!("pst_{:032x}", 11), "from_minor": -1250, "to_minor": -1350}, {"posting": format!("pst_{:032x}", 12), "from_minor": 1250, "to_minor": 1350}]);
    house
        .happen(
            "transaction",
            &id,
            book(1).uuid(),
            1,
            "transaction.amount_corrected",
            json!({"changes": changes}),
        )
        .await;
    let now = house
        .happen(
            "transaction",
            &id,
            book(1).uuid(),
            2,
            "transaction.voided",
            json!({"cause": {"person": {}}}),
        )
        .await;
    for at in [
        before.to_string(),
        time.as_str().unwrap().to_owned(),
        (before + 1).to_string(),
        now.to_string(),
        "4".to_owned(),
    ] {
        let replay = house.get(1, &format!("/audit/replay?at={at}"), now).await.json()["books"][0].clone();
        for (part, path) in [
            ("accounts", "accounts"),
            ("categories", "categories"),
            ("transactions", "transactions"),
        ] {
            let listed = house.get(1, &format!("/finance/{path}?at={at}"), now).await.json();
            assert_eq!(listed["data"], replay[part], "{part} at {at}");
        }
        let lines = house
            .get(1, &format!("/finance/summary?by=month_and_category&at={at}"), now)
            .await
            .json();
        assert_eq!(lines["lines"], replay["summary"]);
    }
    let balance = |at: i64| {
        let path = format!("/finance/accounts/{}?at={at}", account(1));
        let house = &house;
        async move { house.get(1, &path, now).await.json()["balance"].clone() }
    };
    assert_eq!(
        (balance(before).await, balance(before + 1).await, balance(now).await),
        (json!("-12.50"), json!("-13.50"), json!("0.00"))
    );
    let future = house.get_with(1, "/finance/accounts?at=99999", &[]).await;
    assert_eq!(
        (future.status, future.json()["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid-query"))
    );

    let history = house
        .get(1, &format!("/finance/transactions/{id}/history"), now)
        .await
        .json();
    let told: Vec<_> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["event"].as_str().unwrap(), entry["changes"].clone()))
        .collect();
    assert_eq!(
        told[1],
        (
            "transaction.amount_corrected",
            json!([{"field": "amount", "from": "-12.50", "to": "-13.50"}])
        )
    );
    assert_eq!(
        told[2],
        (
            "transaction.voided",
            json!([{"field": "status", "from": "recorded", "to": "voided"}])
        )
    );
}

#[actix_web::test]
async fn a_merge_is_in_the_history_of_what_it_moved() {
    let house = House::new().await;
    house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let other = json!({"category": category(9), "book": book(1), "name": "Food", "kind": "expense"});
    house
        .happen(
            "category",
            &category(9).to_string(),
            book(1).uuid(),
            0,
            "category.created",
            other,
        )
        .await;
    let merged = json!({"into": category(9)});
    let now = house
        .happen(
            "category",
            &category(1).to_string(),
            book(1).uuid(),
            1,
            "category.merged",
            merged,
        )
        .await;
    let found = house
        .get(1, &format!("/finance/transactions?category={}", category(9)), now)
        .await
        .json();
    assert_eq!(found["data"][0]["category"], category(9).to_string());
    let history = house
        .get(1, &format!("/finance/transactions/{}/history", transaction(1)), now)
        .await
        .json();
    assert_eq!(history["data"][1]["event"], "category.merged");
    let change = json!([{"field": "category", "from": category(1).to_string(), "to": category(9).to_string()}]);
    assert_eq!(history["data"][1]["changes"], change);
}

#[actix_web::test]
async fn who_has_a_version_is_not_sent_it_again() {
    let house = House::new().await;
    let path = format!("/finance/categories/{}", category(1));
    let position = *house.journal.head().borrow();
    assert_eq!(house.get(1, &path, position).await.status, StatusCode::OK);
    let again = house.get_with(1, &path, &[("if-none-match", "\"1\"".to_owned())]).await;
    assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
}
