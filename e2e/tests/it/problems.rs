//! Every refusal is a problem as in RFC 9457, whoever refuses.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use spendlog_e2e::{Answer, Person, TestApp, root};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn unknown_routes_are_not_found() {
    let app = TestApp::start().await;
    let person = app.person().await;
    for path in [
        "/",
        "/finance",
        "/finance/nothing",
        "/users/me/nothing",
        "/finance/transactions/",
        "/a/b/c/d/e",
    ] {
        let answer = person.get(path).await.expect_problem(404, "not-found");
        assert_eq!(answer.text("instance"), path);
    }
    person
        .post("/nowhere", json!({}))
        .await
        .expect_problem(404, "not-found");
    app.finish().await;
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let one = format!("/finance/accounts/{account}");
    let cases = [
        (Method::DELETE, "/finance/accounts", "GET, POST"),
        (Method::PUT, one.as_str(), "GET, PATCH"),
        (Method::GET, "/users/register", "POST"),
        (Method::POST, "/users/me", "DELETE, GET, PATCH"),
        (Method::DELETE, "/finance/summary", "GET"),
    ];
    for (method, path, allowed) in cases {
        let answer = person
            .send(person.request(method, path))
            .await
            .expect_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn bodies_must_be_what_they_should_be() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let send = async |kind: &str, body: &str| {
        let request = person
            .request(Method::POST, "/finance/accounts")
            .header("content-type", kind);
        person.send(request.body(body.to_owned())).await
    };
    let json = "application/json";
    for malformed in ["", "{", "{\"name\": }", "\u{1}", "{\"name\": \"A\", }"] {
        send(json, malformed).await.expect_problem(400, "malformed-json");
    }
    let cases = [
        r#"{"name": "A", "kind": "cash", "currency": "EUR", "colour": "red"}"#,
        r#"{"name": "A", "kind": "cash"}"#,
        r#"{"name": 7, "kind": "cash", "currency": "EUR"}"#,
        r#"{"name": "A", "kind": "piggy bank", "currency": "EUR"}"#,
        "[]",
        "null",
        "\"text\"",
    ];
    for case in cases {
        send(json, case).await.expect_problem(422, "invalid-body");
    }
    let right = r#"{"name": "A", "kind": "cash", "currency": "EUR"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        send(kind, right).await.expect_problem(415, "unsupported-media-type");
    }
    send("application/json; charset=utf-8", right).await.expect(201);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = send(json, &deep).await;
    assert!(
        answer.status.is_client_error(),
        "deep nesting is refused, and does no harm"
    );
    app.finish().await;
}

#[tokio::test]
async fn values_that_do_not_fit_are_named() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let open = async |name: &str, currency: &str| {
        person
            .post(
                "/finance/accounts",
                json!({"name": name, "kind": "cash", "currency": currency}),
            )
            .await
    };
    open("", "EUR")
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    open(&"x".repeat(201), "EUR")
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    open("two\nlines", "EUR")
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/name");
    for currency in ["", "eur", "EURO", "XXQ"] {
        open("A", currency)
            .await
            .expect_problem(422, "invalid-value")
            .of_field("/currency");
    }
    app.finish().await;
}

#[tokio::test]
async fn queries_must_be_known() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let lists = [
        "/finance/accounts",
        "/finance/categories",
        "/finance/transactions",
        "/finance/documents",
        "/finance/imports",
    ];
    for list in lists {
        for query in [
            "colour=red",
            "limit=0",
            "limit=101",
            "limit=many",
            "after=%21%21",
            "after=bm8",
        ] {
            person
                .get(&format!("{list}?{query}"))
                .await
                .expect_problem(400, "invalid-query");
        }
    }
    for query in [
        "from=2026-13-01",
        "from=yesterday",
        "amount_min=a",
        "status=open",
        "order=up",
        "account=x",
        "amount_max=1.00001",
        "at=-1",
        "at=noon",
    ] {
        person
            .get(&format!("/finance/transactions?{query}"))
            .await
            .expect_problem(400, "invalid-query");
    }
    for query in ["by=colour", "at=x", "from=1"] {
        person
            .get(&format!("/finance/summary?{query}"))
            .await
            .expect_problem(400, "invalid-query");
    }
    app.finish().await;
}

#[tokio::test]
async fn ids_that_are_none_name_nothing() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let hex = &account["acc_".len().min(account.len())..];
    let ids = [
        String::from("1"),
        format!("txn_{hex}"),
        account.to_uppercase(),
        format!("{account}0"),
        "%00".to_owned(),
    ];
    for id in ids {
        person
            .get(&format!("/finance/accounts/{id}"))
            .await
            .expect_problem(404, "not-found");
    }
    for feature in [
        "accounts",
        "categories",
        "transactions",
        "documents",
        "imports",
        "books",
    ] {
        person
            .get(&format!("/finance/{feature}/xyz"))
            .await
            .expect_problem(404, "not-found");
    }
    // An id in a body that is none names nothing either.
    let body = json!({"account": "1", "amount": "-1.00", "booked_on": "2026-09-14"});
    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(404, "not-found")
        .of_field("/account");
    app.finish().await;
}

#[tokio::test]
async fn requests_beyond_the_limits_are_refused() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let note = "x".repeat(5 * 1024 * 1024);
    let body = json!({"account": "a", "amount": "-1.00", "booked_on": "2026-09-14", "note": note});
    person
        .post("/finance/transactions", body)
        .await
        .expect_problem(413, "too-large");
    // Of somebody who is not known, less is taken.
    let nobody = Person::nobody(&app);
    for path in ["/users/register", "/users/token", "/users/token/refresh"] {
        let body = json!({"refresh": "x".repeat(17 * 1024)});
        nobody.post(path, body).await.expect_problem(413, "too-large");
    }
    let long = "x".repeat(60_000);
    person
        .get(&format!("/finance/transactions?text={long}"))
        .await
        .expect_problem(400, "invalid-query");
    // And the server is none the worse for it.
    person.get("/users/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn tokens_must_be_good() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let mut forged = person.token.clone();
    forged.replace_range(forged.len() - 2.., "AA");
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0.";
    for token in ["x", &forged, none, &person.refresh, &"x".repeat(10_000)] {
        let answer = person.with_token(token).get("/users/me").await;
        let answer = answer.expect_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let basic = app
        .client()
        .get(app.url("/users/me"))
        .header("authorization", "Basic YTpi")
        .send()
        .await;
    Answer::of(basic.expect("the server answers"))
        .await
        .expect_problem(401, "unauthenticated");
    app.finish().await;
}

#[tokio::test]
async fn heads_that_cannot_be_read_are_refused_without_a_body_and_harm_nobody() {
    let app = TestApp::start().await;
    let person = app.person().await;
    // An address longer than any may be, and a head that has not ended where the largest must have.
    let long_address = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70_000));
    let large = format!("GET /{}", "x".repeat(128 * 1024 - "GET /".len()));
    for (raw, status) in [
        ("hello\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET /users/me HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (long_address.as_str(), 400),
        (large.as_str(), 431),
    ] {
        let mut stream = TcpStream::connect(app.host()).await.expect("the server listens");
        stream.write_all(raw.as_bytes()).await.expect("it can be sent");
        let mut answer = Vec::new();
        // How the connection ends is of no interest; that it does is.
        let _ended = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        let begin = format!("HTTP/1.1 {status} ");
        assert!(
            text.starts_with(&begin) && text.ends_with("\r\n\r\n"),
            "{status}: {text}"
        );
    }
    person.get("/users/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn every_answer_is_guarded_and_named() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let given = "0197a2c4-e1b8-7d3c-9f0a-5b6c7d8e9f00";
    let answer = person
        .send(person.request(Method::GET, "/users/me").header("x-request-id", given))
        .await
        .expect(200);
    assert_eq!(answer.header("x-request-id"), Some(given));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    app.finish().await;
}

#[test]
fn every_code_has_its_paragraph() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("the repository has it");
    let (source, page) = (read("web/src/problem/table.rs"), read("docs/errors.md"));
    // Every answer takes its code from this table: name, "code", status, "title" and "advice" in a line each.
    let (_, table) = source.split_once("\ncodes! {\n").expect("there is a table of codes");
    let codes: BTreeSet<(&str, &str)> = table
        .lines()
        .filter_map(|line| {
            let mut pieces = line.split('"').skip(1);
            Some((pieces.next()?, pieces.next()?.trim()))
        })
        .collect();
    let explained: BTreeSet<(&str, &str)> = page
        .split("\n## ")
        .skip(1)
        .filter_map(|paragraph| {
            let (code, text) = paragraph.split_once("\n\n")?;
            let (status, advice) = text.split_once(". ")?;
            (!advice.trim().is_empty()).then_some((code, status))
        })
        .collect();
    assert_eq!(
        codes, explained,
        "docs/errors.md explains the codes of the table, and no others"
    );
    assert!(codes.contains(&("not-found", "404")), "{codes:?}");
}
