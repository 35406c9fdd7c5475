//! What happened, when, by whom; what was known when; and everything as a stream.

use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp, eventually, sample};

#[tokio::test]
async fn a_transaction_tells_what_happened_to_it() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let written = person.spend(&account, "-12.50", "2026-09-14", "Shop").await;
    let path = format!("/finance/transactions/{}", written.text("id"));
    person
        .patch(&path, json!({"amount": "-13.50", "merchant": "Other shop"}))
        .await
        .expect(200);
    let last = person.post(&format!("{path}/void"), json!({})).await.expect(200);
    let history = person
        .get_at(&format!("{path}/history"), last.position())
        .await
        .expect(200);
    let entries = history.body["data"].as_array().expect("entries").clone();
    let types: Vec<&Value> = entries.iter().map(|entry| &entry["event"]).collect();
    assert_eq!(
        types,
        [
            "transaction.recorded",
            "transaction.amount_corrected",
            "transaction.merchant_corrected",
            "transaction.voided"
        ]
    );
    for (number, entry) in entries.iter().enumerate() {
        assert_eq!(entry["version"], number + 1, "{entry}");
        assert_eq!(entry["by"], person.user.as_str(), "{entry}");
        assert!(entry["at"].is_string() && entry["position"].is_number(), "{entry}");
    }
    assert_eq!(
        entries[1]["changes"],
        json!([{"field": "amount", "from": "-12.50", "to": "-13.50"}])
    );
    assert_eq!(
        entries[2]["changes"],
        json!([{"field": "merchant", "from": "Shop", "to": "Other shop"}])
    );
    app.finish().await;
}

#[tokio::test]
async fn a_figure_can_be_traced_to_its_place_on_the_page() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let document = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[("account", &account)])
        .await
        .expect(201);
    let document = document.text("id").to_owned();
    person.document_in(&document, &["in_review"]).await;
    let path = format!("/finance/documents/{document}");
    person
        .patch(&format!("{path}/fields"), json!({"merchant": "Brightwater"}))
        .await
        .expect(200);
    let confirmed = person.post(&format!("{path}/confirm"), json!({})).await.expect(200);
    let history = person
        .get_at(&format!("{path}/history"), confirmed.position())
        .await
        .expect(200);
    let entries = history.body["data"].as_array().expect("entries").clone();
    let who = |event_type: &str| {
        let entry = entries.iter().find(|entry| entry["event"] == event_type);
        entry.unwrap_or_else(|| panic!("no {event_type} in {}", history.body))["by"].clone()
    };
    assert_eq!(who("document.uploaded"), person.user.as_str());
    for step in [
        "document.text_recognised",
        "document.classified",
        "document.fields_extracted",
        "document.validated",
    ] {
        assert_eq!(who(step), "processor:documents");
    }
    assert_eq!(who("document.field_corrected"), person.user.as_str());
    assert_eq!(who("document.confirmed"), person.user.as_str());

    let transaction = format!("/finance/transactions/{}", confirmed.text("transaction"));
    let history = person
        .get_at(&format!("{transaction}/history"), confirmed.position())
        .await
        .expect(200);
    let sources = history.body["data"][0]["sources"].as_array().expect("sources").clone();
    let total = sources
        .iter()
        .find(|source| source["field"] == "total")
        .expect("where the total came from");
    assert_eq!(
        (&total["document"], &total["value"], &total["page"]),
        (&json!(document), &json!("98.54"), &json!(1))
    );
    assert!(
        total["area"]["x1"].as_u64() > total["area"]["x0"].as_u64(),
        "and its box: {total}"
    );
    app.finish().await;
}

#[tokio::test]
async fn a_line_of_a_statement_can_be_traced_to_what_read_it() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let uploaded = person
        .upload("statement.ofx", sample("statement.ofx"), &[("account", &account)])
        .await
        .expect(201);
    let document = uploaded.text("id").to_owned();
    let path = format!("/finance/documents/{document}");
    let confirmed = eventually("the statement is ready", async || {
        let answer = person.post(&format!("{path}/confirm"), json!({})).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    let position = confirmed.position();
    let import = &confirmed.body["imports"][0];
    let import_path = format!("/finance/imports/{}", import["id"].as_str().expect("an id"));
    for path in [&path, &import_path] {
        let lines = person.all(&format!("{path}/lines"), position).await;
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().all(|line| line["engine"] == "ofx"), "{lines:?}");
    }
    let seen = person.get_at(&path, position).await.expect(200);
    let steps = seen.body["steps"].as_array().expect("steps");
    assert!(
        steps
            .iter()
            .any(|step| step["step"] == "recognise" && step["engine"] == "ofx"),
        "{steps:?}"
    );

    let line = &import["lines"][1];
    let transaction = line["transaction"].as_str().expect("an id");
    let history = person
        .get_at(&format!("/finance/transactions/{transaction}/history"), position)
        .await
        .expect(200);
    let sources = history.body["data"][0]["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 1);
    let (source, line) = (&sources[0], &line["number"]);
    assert_eq!(
        (&source["document"], &source["field"], &source["line"]),
        (&json!(document), &json!("line"), line)
    );
    assert_eq!(
        (&source["engine"], &source["confidence"]),
        (&json!("ofx"), &json!(1000)),
        "{source}"
    );
    app.finish().await;
}

/// A life with all that can happen in a book; the positions at which it is looked at.
async fn live(person: &Person) -> Vec<i64> {
    let mut stations = vec![person.position];
    let (wallet, bank) = (
        person.account("Wallet", "EUR").await,
        person.account("Bank", "EUR").await,
    );
    let yen = person.account("Yen", "JPY").await;
    let (food, travel) = (person.category("Groceries").await, person.category("Travel").await);
    let pets = person
        .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
        .await
        .expect(201);
    let pets = pets.text("id").to_owned();
    let mut transactions = Vec::new();
    for n in 0..12 {
        let (account, amount) = if n % 5 == 4 {
            (&yen, format!("-{}", n * 100))
        } else {
            (&wallet, format!("-{n}.50"))
        };
        let category = [&food, &travel, &pets][n % 3];
        let body = json!({"account": account, "amount": amount, "booked_on": format!("2026-{:02}-03", n % 4 + 1),
            "category": category, "merchant": format!("Merchant {n}"), "note": format!("note {n}")});
        let written = person.post("/finance/transactions", body).await.expect(201);
        transactions.push(format!("/finance/transactions/{}", written.text("id")));
        stations.push(written.position());
    }
    let posting = |account: &str, amount: &str| json!({"account": account, "amount": amount, "currency": "EUR"});
    let transfer =
        json!({"booked_on": "2026-03-15", "postings": [posting(&bank, "-50.00"), posting(&wallet, "50.00")]});
    let part = |category: &str, amount: &str| json!({"category": category, "amount": amount, "currency": "EUR"});
    let split = json!({"booked_on": "2026-03-16", "postings": [
        posting(&wallet, "-9.00"), part(&food, "4.00"), part(&travel, "5.00"),
    ]});
    let split = person.post("/finance/transactions", split).await.expect(201);
    stations.push(split.position());
    let split_path = format!("/finance/transactions/{}", split.text("id"));
    let split = person.get_at(&split_path, split.position()).await.expect(200);
    let named = |number: usize| &split.body["postings"][number]["id"];
    let of_split = json!({"postings": [
        {"id": named(0), "amount": "-10.00"}, {"id": named(2), "amount": "6.00", "category": pets},
    ]});
    let changes = [
        person.patch(&split_path, of_split).await.expect(200),
        person.post("/finance/transactions", transfer).await.expect(201),
        person
            .patch(&transactions[3], json!({"amount": "-99.99", "booked_on": "2026-06-01"}))
            .await
            .expect(200),
        person
            .patch(
                &transactions[4],
                json!({"merchant": null, "note": null, "category": travel}),
            )
            .await
            .expect(200),
        person
            .post(&format!("{}/void", transactions[5]), json!({}))
            .await
            .expect(200),
        person
            .post(&format!("/finance/categories/{pets}/merge"), json!({"into": food}))
            .await
            .expect(200),
        person
            .post(&format!("{}/restore", transactions[5]), json!({}))
            .await
            .expect(200),
        person
            .patch(&format!("/finance/accounts/{bank}"), json!({"name": "Savings bank"}))
            .await
            .expect(200),
        person
            .patch(&format!("/finance/categories/{travel}"), json!({"name": "Journeys"}))
            .await
            .expect(200),
        person
            .post(&format!("/finance/accounts/{bank}/close"), json!({}))
            .await
            .expect(200),
        person
            .post("/finance/books", json!({"name": "Second book"}))
            .await
            .expect(201),
    ];
    stations.extend(changes.iter().map(spendlog_e2e::Answer::position));
    stations
}

/// One book of a replay.
fn book<'a>(replay: &'a Value, id: &str) -> &'a Value {
    let books = replay["books"].as_array().expect("a replay has books");
    books
        .iter()
        .find(|one| one["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {replay}"))
}

#[tokio::test]
async fn the_replay_of_events_is_what_the_read_tables_say() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let stations = live(&person).await;
    let head = *stations.last().expect("stations");
    for at in stations {
        let replay = person
            .get_at(&format!("/audit/replay?at={at}"), head)
            .await
            .expect(200)
            .body;
        let replayed = book(&replay, &person.book);
        for (part, path) in [
            ("accounts", "/finance/accounts?limit=100&"),
            ("categories", "/finance/categories?limit=100&"),
            ("transactions", "/finance/transactions?limit=100&"),
            ("summary", "/finance/summary?by=month_and_category&"),
        ] {
            let listed = if part == "summary" {
                person.get_at(&format!("{path}at={at}"), head).await.expect(200).body["lines"].clone()
            } else {
                Value::Array(person.all(&format!("{path}at={at}"), head).await)
            };
            assert_eq!(replayed[part], listed, "{part} at {at}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_operator_can_replay_too() {
    let app = TestApp::start().await;
    let (person, other) = (app.person().await, app.person().await);
    let stations = live(&person).await;
    let other_account = other.account("Not theirs", "EUR").await;
    let at = stations[stations.len() / 2];
    let answered = person.get(&format!("/audit/replay?at={at}")).await.expect(200).body;
    for user in [&person.user, &person.email] {
        let printed = app.command(&["replay", "--user", user, "--at", &at.to_string()]).await;
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let text = String::from_utf8(printed.stdout).expect("text");
        assert!(!text.contains(&other_account));
        let printed: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(printed, answered, "what the command prints is what the API answers");
    }
    let of_book = app
        .command(&[
            "replay",
            "--user",
            &person.user,
            "--book",
            &person.book,
            "--at",
            &at.to_string(),
        ])
        .await;
    assert!(of_book.status.success());
    let stranger = app
        .command(&[
            "replay",
            "--user",
            &person.user,
            "--book",
            &other.book,
            "--at",
            &at.to_string(),
        ])
        .await;
    assert!(!stranger.status.success(), "a book that is not theirs");
    app.finish().await;
}

#[tokio::test]
async fn events_come_in_order_and_are_ones_own() {
    let app = TestApp::start().await;
    let (person, other) = (app.person().await, app.person().await);
    let account = person.account("Wallet", "EUR").await;
    let of_other = other.account("Wallet", "EUR").await;
    for n in 1..=20 {
        person.spend(&account, &format!("-{n}.00"), "2026-09-14", "Mine").await;
        other.spend(&of_other, "-1.00", "2026-09-14", "Planted").await;
    }
    let head = person
        .patch("/users/me", json!({"name": "Ada"}))
        .await
        .expect(200)
        .position();
    let all = person.all("/audit/events?limit=7", head).await;
    let positions: Vec<i64> = all.iter().filter_map(|event| event["position"].as_i64()).collect();
    assert!(
        positions.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, each once: {positions:?}"
    );
    let text = json!(all).to_string();
    assert!(
        !text.contains("Planted") && !text.contains(&of_other),
        "nothing of anybody else's"
    );
    assert!(text.contains("Mine"), "one's own in clear");
    assert!(!text.contains("sealed:"), "{text}");
    for event in &all {
        assert!(
            event["event"].is_string() && event["subject"].is_string() && event["at"].is_string(),
            "{event}"
        );
        assert!(event["data"].is_object() && event["event_version"] == "1", "{event}");
    }
    // The password's hash is nobody's business.
    assert!(!text.contains("$argon2"), "no hash of a password is shown");

    let of_book = person.all(&format!("/audit/events?owner={}", person.book), head).await;
    assert!(
        of_book.len() < all.len() && of_book.iter().all(|event| event["owner"] == person.book.as_str()),
        "{of_book:?}"
    );
    person
        .get(&format!("/audit/events?owner={}", other.book))
        .await
        .expect_problem(404, "not-found");
    app.finish().await;
}

#[tokio::test]
async fn a_stream_of_events_goes_on_where_it_broke_off() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let before = person.all("/audit/events?limit=100", 0).await;
    let mut stream = person.follow("/audit/events", None).await;
    for expected in &before {
        let sent = stream.next().await.expect("what is there comes first");
        assert_eq!(sent.data["position"], expected["position"]);
        assert_eq!(sent.id, Some(expected["position"].to_string()));
    }
    // What happens now comes as it happens.
    let live = person.spend(&account, "-1.00", "2026-09-14", "Live").await;
    let sent = stream.next().await.expect("what happens comes");
    assert_eq!(
        (&sent.data["position"], sent.event.as_str()),
        (&json!(live.position()), "transaction.recorded")
    );
    drop(stream);
    let missed = person.spend(&account, "-2.00", "2026-09-14", "Missed").await;
    let mut stream = person.follow("/audit/events", sent.id.as_deref()).await;
    let next = stream.next().await.expect("what was missed comes");
    assert_eq!(next.data["position"], missed.position());
    let request = person
        .request(reqwest::Method::GET, "/audit/events")
        .header("accept", "text/event-stream");
    person
        .send(request.header("last-event-id", "yesterday"))
        .await
        .expect_problem(400, "invalid-header");
    // A server that is asked to stop does not wait for those who listen for ever.
    app.finish().await;
}
