//! The description of the API: as it is checked in, as it is served, and the page that shows it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use spendlog_e2e::{Person, TestApp, root};

#[tokio::test]
async fn the_description_is_the_one_that_is_checked_in() {
    let app = TestApp::start().await;
    let served = Person::nobody(&app).get("/openapi.json").await.expect(200);
    let path = root().join("schemas/openapi.json");
    let printed = app.command(&["openapi"]).await;
    assert!(printed.status.success());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &printed.stdout).expect("the description can be written");
    }
    let checked_in = fs::read_to_string(&path).expect("there is a description");
    let same = checked_in.as_bytes() == printed.stdout;
    assert!(
        same,
        "schemas/openapi.json is not what the handlers say: make openapi (or UPDATE_OPENAPI=1) writes it anew"
    );
    let checked_in: Value = serde_json::from_str(&checked_in).expect("the description is JSON");
    assert_eq!(served.body, checked_in, "what is served is what is checked in");
    app.finish().await;
}

#[tokio::test]
async fn the_description_is_whole() {
    let app = TestApp::start().await;
    let description = Person::nobody(&app).get("/openapi.json").await.expect(200).body;
    assert!(
        description["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "OpenAPI 3.1"
    );
    let mut ids = BTreeSet::new();
    for (path, item) in description["paths"].as_object().expect("there are paths") {
        for (method, operation) in item.as_object().expect("a path has operations") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let name = format!("{method} {path}");
            assert!(
                id.contains('.') && ids.insert(id.to_owned()),
                "{name} needs an operationId of its own: {id}"
            );
            let feature = operation["tags"][0].as_str().or_else(|| id.split('.').next());
            assert!(feature.is_some(), "{name} belongs to a feature");
            let says = operation["summary"]
                .as_str()
                .or_else(|| operation["description"].as_str())
                .unwrap_or_default();
            assert!(!says.is_empty(), "{name} says what it does");
            let responses = operation["responses"].as_object().expect("an operation has responses");
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{name} says what it answers"
            );
            for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with(['2', '3'])) {
                let kinds = response["content"]
                    .as_object()
                    .map(|content| content.keys().cloned().collect::<Vec<_>>());
                assert_eq!(
                    kinds,
                    Some(vec!["application/problem+json".to_owned()]),
                    "{status} of {name} is a problem"
                );
            }
        }
    }
    let whole = description.to_string();
    for reference in whole
        .split("\"$ref\":\"#/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        let found = description.pointer(&format!("/{reference}"));
        assert!(found.is_some(), "#/{reference} leads nowhere");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_page_takes_nothing_from_outside() {
    let app = TestApp::start().await;
    let page = app.client().get(app.url("/docs")).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    let policy = page.headers().get("content-security-policy").cloned();
    let policy = policy.expect("the browser is told, too");
    assert_eq!(
        policy,
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
    );
    let base = page.url().clone();
    let html = page.text().await.expect("text");
    let mut assets = 0;
    for part in html.split(['<', '>']) {
        let takes = ["script ", "link ", "img ", "iframe "]
            .iter()
            .any(|tag| part.starts_with(tag));
        let links = part.split("src=\"").skip(1).chain(part.split("href=\"").skip(1));
        for link in links.filter(|_| takes).filter_map(|rest| rest.split('"').next()) {
            assert!(!link.contains("//"), "{link} is from outside");
            let asset = base.join(link).expect("a link");
            let answer = app.client().get(asset).send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{link}");
            let text = answer.text().await.unwrap_or_default();
            assert!(
                !text.contains("@import") && !text.contains("url(http"),
                "{link} takes something from outside"
            );
            assets += 1;
        }
    }
    assert!(assets > 0, "the page has a script of its own:\n{html}");
    assert!(!html.contains("<script>"), "a script in the page would not run");
    let initializer = base.join("swagger-initializer.js").expect("a link");
    let initializer = app.client().get(initializer).send().await.expect("an answer");
    let initializer = initializer.text().await.expect("text");
    assert!(
        initializer.contains(r#""url": "/openapi.json""#) && initializer.contains(r#""validatorUrl": "none""#),
        "the page asks somebody else whether the description is right:\n{initializer}"
    );
    app.finish().await;
}
