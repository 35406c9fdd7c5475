//! Reading what one has written, and changing what one has seen.

use reqwest::Method;
use serde_json::json;
use spendlog_e2e::TestApp;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_thousand_times_a_read_sees_the_write_before_it() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let in_account = format!("/finance/accounts/{account}");
    for n in 1..=1000_i64 {
        let merchant = format!("Merchant {n}");
        let written = person.spend(&account, "-0.01", "2026-09-14", &merchant).await;
        let (id, position) = (written.text("id").to_owned(), written.position());
        // Each of the ways to see it in turn; only the position that is sent says what must be there.
        match n % 4 {
            0 => {
                let one = person
                    .get_at(&format!("/finance/transactions/{id}"), position)
                    .await
                    .expect(200);
                assert_eq!(one.text("merchant"), merchant);
            }
            1 => {
                let seen = person.get_at(&in_account, position).await.expect(200);
                assert_eq!(
                    seen.text("balance"),
                    format!("-{}.{:02}", n / 100, n % 100),
                    "after {n} transactions"
                );
            }
            2 => {
                let list = person
                    .get_at("/finance/transactions?text=merchant&limit=1", position)
                    .await
                    .expect(200);
                assert_eq!(list.body["data"][0]["id"], id, "the newest of the day stands first");
            }
            _ => {
                let summary = person.get_at("/finance/summary?by=month", position).await.expect(200);
                assert_eq!(summary.body["lines"][0]["count"], n, "{}", summary.body);
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_position_that_is_not_there_yet_is_no_stale_answer() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let answer = person
        .get_at_once("/finance/transactions", 1_000_000)
        .await
        .expect_problem(503, "read-model-behind");
    assert!(answer.header("retry-after").is_some(), "it says when to try again");
    for wrong in ["-1", "soon", "1.5"] {
        let request = person
            .request(Method::GET, "/finance/transactions")
            .header("spendlog-position", wrong);
        person.send(request).await.expect_problem(400, "invalid-header");
    }
    app.finish().await;
}

#[tokio::test]
async fn of_changes_to_the_same_version_one_is_made() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    let path = format!("/finance/transactions/{}", written.text("id"));
    let mut version = written.etag();
    for round in 0..5 {
        let mut asking = JoinSet::new();
        for n in 0..8 {
            let (person, path, version) = (person.clone(), path.clone(), version.clone());
            let body = json!({"note": format!("round {round}, number {n}")});
            asking.spawn(async move { person.patch_with(&path, ("if-match", &version), body).await });
        }
        let answers = asking.join_all().await;
        let (made, stale): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1, "one of the changes is made");
        for answer in stale {
            answer.expect_problem(412, "stale");
        }
        let seen = person.get_at(&path, made[0].position()).await.expect(200);
        assert_eq!(seen.etag(), made[0].etag(), "reads and writes give the same tag");
        version = seen.etag();
    }
    app.finish().await;
}

#[tokio::test]
async fn without_if_match_no_change_is_lost() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    let path = format!("/finance/transactions/{}", written.text("id"));
    let mut asking = JoinSet::new();
    for n in 0..4 {
        let (person, path) = (person.clone(), path.clone());
        // Different fields of one stream: each change must be there in the end, or be refused.
        let body = match n {
            0 => json!({"note": "kept"}),
            1 => json!({"merchant": "Other shop"}),
            2 => json!({"amount": "-2.00"}),
            _ => json!({"booked_on": "2026-09-15"}),
        };
        asking.spawn(async move { (n, person.patch(&path, body).await) });
    }
    let answers = asking.join_all().await;
    let last = answers
        .iter()
        .filter(|(_, answer)| answer.status == 200)
        .map(|(_, answer)| answer.position())
        .max();
    let seen = person.get_at(&path, last.expect("one is made")).await.expect(200);
    let expected = [
        ("note", "kept"),
        ("merchant", "Other shop"),
        ("amount", "-2.00"),
        ("booked_on", "2026-09-15"),
    ];
    for (n, answer) in answers {
        let (field, value) = expected[n];
        match answer.status.as_u16() {
            200 => assert_eq!(seen.text(field), value),
            _ => drop(answer.expect_problem(409, "conflict")),
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn tags_are_understood_as_http_has_them() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    let path = format!("/finance/transactions/{}", written.text("id"));
    assert_eq!(written.header("location"), Some(path.as_str()));
    let patch = async |tag: &str| person.patch_with(&path, ("if-match", tag), json!({"note": tag})).await;
    for wrong in ["1", "W/\"1\"", "\"one\"", "\"\"", "\"0\""] {
        patch(wrong).await.expect_problem(400, "invalid-header");
    }
    patch("\"7\"").await.expect_problem(412, "stale");
    let second = patch("\"1\"").await.expect(200);
    assert_eq!(second.etag(), "\"2\"");
    let third = patch("*").await.expect(200);
    assert_eq!(third.etag(), "\"3\"");

    // Where the tag stands for all that is shown, who knows it already is told so.
    let category = format!("/finance/categories/{}", person.category("Groceries").await);
    let known = async |tag: &str| {
        person
            .send(person.request(Method::GET, &category).header("if-none-match", tag))
            .await
    };
    let not_modified = known("\"1\"").await.expect(304);
    assert!(not_modified.bytes.is_empty());
    known("\"2\"").await.expect(200);
    app.finish().await;
}
