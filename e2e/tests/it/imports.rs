//! Imports: statements accepted, met again, reverted and restored.

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp, eventually, sample, truth};

/// Uploads a statement, waits until it is read, and gives its document and import.
pub(crate) async fn read(person: &Person, name: &str, content: Vec<u8>, account: &str) -> (String, String) {
    let uploaded = person.upload(name, content, &[("account", account)]).await.expect(201);
    let document = uploaded.text("id").to_owned();
    person.document_in(&document, &["in_review"]).await;
    let import = eventually("the statement's import", async || {
        let listed = person.get("/finance/imports").await.expect(200);
        let all = listed.body["data"].as_array()?.clone();
        let found = all.into_iter().find(|import| import["document"] == document.as_str())?;
        Some(found["id"].as_str()?.to_owned())
    })
    .await;
    (document, import)
}

fn counts(answer: &Answer) -> (u64, u64, u64) {
    let count = |name: &str| {
        answer.body[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {}", answer.body))
    };
    (count("new"), count("there"), count("restored"))
}

/// What is told of each line that was accepted, in their order.
fn told<'a>(accepted: &'a Value, what: &str) -> Vec<&'a str> {
    let lines = accepted["lines"].as_array().expect("lines").iter();
    lines.map(|line| line[what].as_str().expect("a text")).collect()
}

/// A statement as a bank gives it as a table.
fn csv(lines: &[&str]) -> Vec<u8> {
    format!("date,amount,description\n{}\n", lines.join("\n")).into_bytes()
}

async fn balance(person: &Person, account: &str, position: i64) -> String {
    person
        .get_at(&format!("/finance/accounts/{account}"), position)
        .await
        .expect(200)
        .text("balance")
        .to_owned()
}

#[tokio::test]
async fn a_statement_is_accepted_reverted_and_accepted_again() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let (document, import) = read(&person, "statement.ofx", sample("statement.ofx"), &account).await;
    let path = format!("/finance/imports/{import}");
    let seen = person.get(&path).await.expect(200);
    assert_eq!(
        (seen.text("status"), seen.text("document")),
        ("read", document.as_str())
    );
    assert_eq!(seen.body["lines_count"], 6);
    let lines = person.all(&format!("{path}/lines?limit=4"), 0).await;
    let expected = truth("statement.ofx");
    let expected = expected["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), expected.len());
    for (line, truth) in lines.iter().zip(expected) {
        assert_eq!(
            (&line["date"], &line["amount"]),
            (&truth["date"], &truth["amount"]),
            "{line}"
        );
    }
    assert!(
        person.all("/finance/transactions", 0).await.is_empty(),
        "reading alone records nothing"
    );

    person
        .post(&format!("{path}/revert"), json!({}))
        .await
        .expect_problem(409, "import-not-accepted");
    let accepted = person.post(&format!("{path}/accept"), json!({})).await.expect(200);
    assert_eq!(counts(&accepted), (6, 0, 0));
    let sum = balance(&person, &account, accepted.position()).await;
    assert_eq!(sum, "1067.23");
    let transactions = person
        .all(
            &format!("/finance/transactions?document={document}"),
            accepted.position(),
        )
        .await;
    assert_eq!(transactions.len(), 6);
    assert!(
        transactions
            .iter()
            .all(|transaction| transaction["origin"]["import"] == import.as_str())
    );

    let again = person.post(&format!("{path}/accept"), json!({})).await.expect(200);
    assert_eq!(again.etag(), accepted.etag(), "doing it twice changes nothing");
    let other = person.account("Other", "EUR").await;
    let elsewhere = person.post(&format!("{path}/accept"), json!({"account": other})).await;
    elsewhere.expect_problem(409, "import-accepted");

    let reverted = person.post(&format!("{path}/revert"), json!({})).await.expect(200);
    assert_eq!(reverted.body["voided"], 6);
    assert_eq!(balance(&person, &account, reverted.position()).await, "0.00");
    let voided = person
        .all("/finance/transactions?status=voided", reverted.position())
        .await;
    assert_eq!(voided.len(), 6);
    assert_eq!(voided[0]["voided"], json!({"by": "import_reverted", "import": import}));
    let restored = person.post(&format!("{path}/accept"), json!({})).await.expect(200);
    assert_eq!(counts(&restored), (0, 0, 6));
    assert_eq!(balance(&person, &account, restored.position()).await, sum);
    app.finish().await;
}

#[tokio::test]
async fn overlapping_statements_meet_in_the_same_transactions() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let (first, cafe, second) = (
        "2026-07-01,-780.00,RENT",
        "2026-07-12,-7.60,CAFE",
        "2026-07-20,12.00,REFUND",
    );
    let (_, one) = read(&person, "one.csv", csv(&[first, cafe, cafe]), &account).await;
    let (_, two) = read(&person, "two.csv", csv(&[cafe, cafe, second]), &account).await;
    let accept = async |import: &str| {
        person
            .post(&format!("/finance/imports/{import}/accept"), json!({}))
            .await
            .expect(200)
    };
    let revert = async |import: &str| {
        person
            .post(&format!("/finance/imports/{import}/revert"), json!({}))
            .await
            .expect(200)
    };
    assert_eq!(counts(&accept(&one).await), (3, 0, 0), "two equal purchases stay two");
    let accepted = accept(&two).await;
    assert_eq!(
        counts(&accepted),
        (1, 2, 0),
        "equal lines of another file are the same purchases"
    );
    assert_eq!(balance(&person, &account, accepted.position()).await, "-783.20");

    // Reverting voids only what that import brought.
    let reverted = revert(&two).await;
    assert_eq!(reverted.body["voided"], 1);
    assert_eq!(balance(&person, &account, reverted.position()).await, "-795.20");
    // What a person voided stays so.
    let all = person.all("/finance/transactions?text=rent", reverted.position()).await;
    let rent = all[0]["id"].as_str().expect("an id");
    person
        .post(&format!("/finance/transactions/{rent}/void"), json!({}))
        .await
        .expect(200);
    revert(&one).await;
    let again = accept(&one).await;
    assert_eq!(counts(&again), (0, 1, 2));
    assert_eq!(balance(&person, &account, again.position()).await, "-15.20");
    app.finish().await;
}

#[tokio::test]
async fn accepting_says_which_lines_were_new_which_were_there_and_which_count_again() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let (rent, cafe, refund) = (
        "2026-07-01,-780.00,RENT",
        "2026-07-12,-7.60,CAFE",
        "2026-07-20,12.00,REFUND",
    );
    let (_, one) = read(&person, "one.csv", csv(&[rent, cafe, cafe]), &account).await;
    let (document, two) = read(&person, "two.csv", csv(&[cafe, cafe, refund]), &account).await;
    let accept = async |import: &str, key: &str| {
        let path = format!("/finance/imports/{import}/accept");
        let answer = person.post_with(&path, ("idempotency-key", key), json!({})).await;
        answer.expect(200)
    };
    let first = accept(&one, "one").await;
    assert_eq!(told(&first.body, "outcome"), ["new", "new", "new"]);
    let second = accept(&two, "two").await;
    assert_eq!(told(&second.body, "outcome"), ["there", "there", "new"]);
    assert_eq!(second.body["lines"][2]["number"], 2);
    let (known, met) = (told(&first.body, "transaction"), told(&second.body, "transaction"));
    assert_eq!(met[..2], known[1..], "the same purchases");
    let newest = format!("/finance/transactions/{}", met[2]);
    let newest = person.get_at(&newest, second.position()).await.expect(200);
    assert_eq!(newest.text("merchant"), "REFUND");
    let again = accept(&two, "again").await;
    assert_eq!(
        again.body["lines"], second.body["lines"],
        "doing it twice tells the same"
    );

    let revert = format!("/finance/imports/{two}/revert");
    person.post(&revert, json!({})).await.expect(200);
    let restored = accept(&two, "restored").await;
    assert_eq!(told(&restored.body, "outcome"), ["there", "there", "restored"]);
    assert_eq!(told(&restored.body, "transaction"), met);
    let repeated = accept(&two, "two").await;
    assert_eq!(repeated.body, second.body, "the same request gets the first answer");

    let confirm = format!("/finance/documents/{document}/confirm");
    let confirmed = person.post(&confirm, json!({})).await.expect(200);
    let accepted = &confirmed.body["imports"][0];
    assert_eq!(accepted["id"], two.as_str());
    assert_eq!(accepted["lines"], restored.body["lines"]);
    app.finish().await;
}

#[tokio::test]
async fn confirming_tells_of_each_statement_in_a_file() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let august = String::from_utf8(sample("statement.ofx")).expect("text");
    let begin = august.find("<STMTTRNRS>").expect("a statement");
    let end = august.find("</BANKMSGSRSV1>").expect("its end");
    let again = &august[begin..end];
    let july = again.replace("202608", "202607");
    let three = format!("{}{july}{again}{}", &august[..end], &august[end..]);
    let uploaded = person
        .upload("three.ofx", three.into_bytes(), &[("account", &account)])
        .await
        .expect(201);
    let confirm = format!("/finance/documents/{}/confirm", uploaded.text("id"));
    let confirmed = eventually("the statements are ready", async || {
        let answer = person.post(&confirm, json!({})).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    let imports = confirmed.body["imports"].as_array().expect("imports");
    let outcomes: Vec<Vec<&str>> = imports.iter().map(|import| told(import, "outcome")).collect();
    assert_eq!(outcomes, [["new"; 6], ["new"; 6], ["there"; 6]]);
    let mut transactions: Vec<&str> = imports.iter().flat_map(|import| told(import, "transaction")).collect();
    transactions.sort_unstable();
    transactions.dedup();
    assert_eq!(transactions.len(), 12);
    app.finish().await;
}

#[tokio::test]
async fn a_closed_account_takes_no_statement() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let dollars = person.account("Dollars", "USD").await;
    let (document, import) = read(&person, "statement.ofx", sample("statement.ofx"), &account).await;
    let path = format!("/finance/imports/{import}/accept");
    let dollars = person.post(&path, json!({"account": dollars})).await;
    dollars.expect_problem(422, "currency-mismatch");
    person
        .post(&format!("/finance/accounts/{account}/close"), json!({}))
        .await
        .expect(200);
    person
        .post(&path, json!({}))
        .await
        .expect_problem(409, "account-closed");
    let confirm = format!("/finance/documents/{document}/confirm");
    person
        .post(&confirm, json!({}))
        .await
        .expect_problem(409, "account-closed");
    assert!(
        person.all("/finance/transactions", 0).await.is_empty(),
        "all or nothing"
    );
    app.finish().await;
}

#[tokio::test]
async fn confirming_a_statement_accepts_its_lines() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let (document, import) = read(&person, "statement.csv", sample("statement.csv"), &account).await;
    let confirmed = person
        .post(&format!("/finance/documents/{document}/confirm"), json!({}))
        .await
        .expect(200);
    assert_eq!(confirmed.body.get("transaction"), None);
    let accepted = &confirmed.body["imports"][0];
    assert_eq!((&accepted["id"], &accepted["new"]), (&json!(import), &json!(7)));
    assert_eq!(told(accepted, "outcome"), ["new"; 7]);
    let seen = person
        .get_at(&format!("/finance/imports/{import}"), confirmed.position())
        .await
        .expect(200);
    assert_eq!(
        (seen.text("status"), seen.text("account")),
        ("accepted", account.as_str())
    );
    let transactions = person
        .all("/finance/transactions?order=booked_on", confirmed.position())
        .await;
    let expected = truth("statement.csv");
    let pairs = transactions.iter().zip(expected["lines"].as_array().expect("lines"));
    for (transaction, line) in pairs {
        assert_eq!(
            (&transaction["booked_on"], &transaction["amount"]),
            (&line["date"], &line["amount"])
        );
        assert_eq!(transaction["merchant"], line["description"]);
    }
    assert_eq!(transactions.len(), 7);
    assert_eq!(Value::from(transactions.len()), seen.body["new"]);
    app.finish().await;
}

#[tokio::test]
async fn thousands_of_lines_are_accepted_at_once() {
    const LINES: usize = 5000;
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let lines = (0..LINES).map(|n| {
        format!(
            "2026-{:02}-{:02},-{}.25,SHOP {n}",
            n / 28 % 12 + 1,
            n % 28 + 1,
            n % 90 + 1
        )
    });
    let csv = format!("date,amount,description\n{}\n", lines.collect::<Vec<_>>().join("\n"));
    let (document, import) = read(&person, "years.csv", csv.into_bytes(), &account).await;
    let accepted = person
        .post(&format!("/finance/imports/{import}/accept"), json!({}))
        .await
        .expect(200);
    assert_eq!(counts(&accepted), (5000, 0, 0));
    assert_eq!(told(&accepted.body, "outcome"), ["new"; LINES]);
    // One append: its events stand side by side, the import's among them.
    let after = accepted.position() - i64::try_from(LINES).expect("a number") - 1;
    let events = person
        .all(&format!("/audit/events?limit=100&owner={}", person.book), 0)
        .await;
    let of_append: Vec<&Value> = events
        .iter()
        .filter(|event| event["position"].as_i64() > Some(after))
        .collect();
    assert_eq!(of_append.len(), LINES + 1);
    assert!(
        of_append
            .iter()
            .all(|event| event["correlation"] == of_append[0]["correlation"]),
        "of one request"
    );
    let listed = person
        .all(
            &format!("/finance/transactions?limit=100&document={document}"),
            accepted.position(),
        )
        .await;
    assert_eq!(listed.len(), LINES);
    let cents: i64 = (0..LINES)
        .map(|n| i64::try_from(n % 90 + 1).expect("a number") * 100 + 25)
        .sum();
    let expected = format!("-{}.{:02}", cents / 100, cents % 100);
    assert_eq!(balance(&person, &account, accepted.position()).await, expected);
    let reverted = person
        .post(&format!("/finance/imports/{import}/revert"), json!({}))
        .await
        .expect(200);
    assert_eq!(reverted.body["voided"], LINES);
    assert_eq!(balance(&person, &account, reverted.position()).await, "0.00");
    app.finish().await;
}
