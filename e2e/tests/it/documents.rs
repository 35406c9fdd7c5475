//! Documents: what people do with what was read.

use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp, field, sample, value};

/// Somebody with an account and the digital invoice in review.
pub(crate) async fn in_review(app: &TestApp) -> (Person, String, String) {
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let uploaded = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[("account", &account)])
        .await
        .expect(201);
    let document = uploaded.text("id").to_owned();
    assert_eq!(
        uploaded.header("location"),
        Some(format!("/finance/documents/{document}").as_str())
    );
    person.document_in(&document, &["in_review"]).await;
    (person, account, document)
}

#[tokio::test]
async fn a_confirmed_document_becomes_a_transaction() {
    let app = TestApp::start().await;
    let (person, account, document) = in_review(&app).await;
    let path = format!("/finance/documents/{document}");
    let utilities = person.category("Utilities").await;
    let confirmed = person
        .post(&format!("{path}/confirm"), json!({"category": utilities}))
        .await
        .expect(200);
    let seen = person.get_at(&path, confirmed.position()).await.expect(200);
    assert_eq!((seen.text("status"), seen.etag()), ("confirmed", confirmed.etag()));
    let transaction = format!("/finance/transactions/{}", confirmed.text("transaction"));
    let recorded = person.get_at(&transaction, confirmed.position()).await.expect(200);
    assert_eq!(
        (recorded.text("amount"), recorded.text("booked_on")),
        ("-98.54", "2026-05-06")
    );
    assert_eq!(
        (recorded.text("account"), recorded.text("category")),
        (account.as_str(), utilities.as_str())
    );
    assert_eq!(recorded.text("merchant"), "Brightwater Energy Co-operative");
    assert_eq!(
        recorded.body["origin"],
        json!({"kind": "document", "document": document})
    );

    // Doing it twice changes nothing.
    let again = person
        .post(&format!("{path}/confirm"), json!({"category": utilities}))
        .await
        .expect(200);
    assert_eq!(
        (again.etag(), again.text("transaction")),
        (confirmed.etag(), confirmed.text("transaction"))
    );
    let all = person
        .all(
            &format!("/finance/transactions?document={document}"),
            confirmed.position(),
        )
        .await;
    assert_eq!(all.len(), 1);
    let fields = format!("{path}/fields");
    person
        .patch(&fields, json!({"total": "1.00"}))
        .await
        .expect_problem(409, "document-finished");
    person
        .post(&format!("{path}/reject"), json!({}))
        .await
        .expect_problem(409, "document-finished");
    person
        .post(&format!("{path}/unlock"), json!({"password": "x"}))
        .await
        .expect_problem(409, "document-not-locked");
    app.finish().await;
}

#[tokio::test]
async fn what_was_read_wrongly_is_corrected_first() {
    let app = TestApp::start().await;
    let (person, _, document) = in_review(&app).await;
    let path = format!("/finance/documents/{document}");
    let fields = format!("{path}/fields");
    let correction = json!({"total": "99.00", "merchant": "Brightwater", "date": "2026-05-07", "tax": null});
    let corrected = person.patch(&fields, correction).await.expect(200);
    let seen = person.get_at(&path, corrected.position()).await.expect(200).body;
    assert_eq!(
        (value(&seen, "total"), value(&seen, "merchant")),
        (Some("99.00"), Some("Brightwater"))
    );
    assert_eq!(field(&seen, "tax"), None, "null says that there is no such thing");
    let by = field(&seen, "total").expect("a total");
    assert_eq!((&by["source"], &by["engine"]), (&json!("person"), &json!("person")));
    // The checks are made again on what is corrected.
    person.document_in(&document, &["in_review"]).await;

    person.patch(&fields, json!({"total": "1.234"})).await.expect(200);
    let refused = person.post(&format!("{path}/confirm"), json!({})).await;
    refused.expect_problem(409, "document-incomplete").of_field("/total");
    person.patch(&fields, json!({"total": null})).await.expect(200);
    let refused = person.post(&format!("{path}/confirm"), json!({})).await;
    refused.expect_problem(409, "document-incomplete").of_field("/total");
    person
        .patch(&fields, json!({"total": "much"}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/total");
    person
        .patch(&fields, json!({"currency": "XXQ"}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/currency");
    person
        .patch(&fields, json!({"merchant": ""}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/merchant");
    person
        .patch(&fields, json!({"total": "99.00", "currency": "USD"}))
        .await
        .expect(200);
    let refused = person.post(&format!("{path}/confirm"), json!({})).await;
    refused.expect_problem(422, "currency-mismatch");
    person.patch(&fields, json!({"currency": "EUR"})).await.expect(200);
    let confirmed = person.post(&format!("{path}/confirm"), json!({})).await.expect(200);
    let transaction = format!("/finance/transactions/{}", confirmed.text("transaction"));
    let recorded = person.get_at(&transaction, confirmed.position()).await.expect(200);
    assert_eq!(
        (recorded.text("amount"), recorded.text("merchant")),
        ("-99.00", "Brightwater")
    );
    assert_eq!(recorded.text("booked_on"), "2026-05-07");
    app.finish().await;
}

#[tokio::test]
async fn a_rejected_document_records_nothing() {
    let app = TestApp::start().await;
    let (person, _, document) = in_review(&app).await;
    let path = format!("/finance/documents/{document}");
    let rejected = person
        .post(&format!("{path}/reject"), json!({"reason": "not ours"}))
        .await
        .expect(200);
    let seen = person.get_at(&path, rejected.position()).await.expect(200);
    assert_eq!(seen.text("status"), "rejected");
    person
        .post(&format!("{path}/confirm"), json!({}))
        .await
        .expect_problem(409, "document-finished");
    assert!(
        person
            .all("/finance/transactions", rejected.position())
            .await
            .is_empty()
    );
    app.finish().await;
}

#[tokio::test]
async fn a_document_without_an_account_asks_for_one() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let document = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[])
        .await
        .expect(201)
        .text("id")
        .to_owned();
    person.document_in(&document, &["in_review"]).await;
    let path = format!("/finance/documents/{document}/confirm");
    person
        .post(&path, json!({}))
        .await
        .expect_problem(409, "account-unknown")
        .of_field("/account");
    let account = person.account("Wallet", "EUR").await;
    person
        .post(&format!("/finance/accounts/{account}/close"), json!({}))
        .await
        .expect(200);
    person
        .post(&path, json!({"account": account}))
        .await
        .expect_problem(409, "account-closed")
        .of_field("/account");
    let account = person.account("Other", "EUR").await;
    person.post(&path, json!({"account": account})).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn documents_are_listed_and_shown() {
    let app = TestApp::start().await;
    let (person, account, document) = in_review(&app).await;
    let other = person
        .upload("statement.csv", sample("statement.csv"), &[("account", &account)])
        .await
        .expect(201);
    person.document_in(other.text("id"), &["in_review"]).await;
    let head = person
        .post(&format!("/finance/documents/{document}/confirm"), json!({}))
        .await
        .expect(200)
        .position();
    let all = person.all("/finance/documents?limit=1", head).await;
    let names: Vec<&Value> = all.iter().map(|document| &document["name"]).collect();
    assert_eq!(names, ["statement.csv", "invoice.pdf"], "latest first");
    let confirmed = person.all("/finance/documents?status=confirmed", head).await;
    assert_eq!(confirmed.len(), 1);

    let one = person
        .get_at(&format!("/finance/documents/{document}"), head)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&one["media_type"], &one["kind"]),
        (&json!("application/pdf"), &json!("invoice"))
    );
    assert!(one["lines_count"].as_u64().is_some_and(|count| count >= 3), "{one}");
    for field in one["fields"].as_array().expect("fields") {
        assert!(
            field["engine"].is_string() && field["rule"].is_string() && field["confidence"].is_number(),
            "{field}"
        );
        assert!(field["page"].as_u64() == Some(1) || field["page"].is_null(), "{field}");
    }
    let total = field(&one, "total").expect("a total");
    assert_eq!((&total["source"], &total["page"]), (&json!("text_layer"), &json!(1)));
    assert!(
        total["area"]["x1"].as_u64() > total["area"]["x0"].as_u64(),
        "a total has its box: {total}"
    );

    let text = person
        .get(&format!("/finance/documents/{document}/text"))
        .await
        .expect(200);
    assert!(text.text("text").contains("Brightwater"), "{}", text.body);
    assert!(
        text.body["reading"]["pages"][0]["lines"].is_array(),
        "words with their boxes"
    );
    let lines = person
        .get(&format!("/finance/documents/{document}/lines"))
        .await
        .expect(200);
    assert!(
        lines.body["data"].as_array().is_some_and(|lines| lines.len() >= 3),
        "{}",
        lines.body
    );
    let original = person
        .get(&format!("/finance/documents/{document}/original"))
        .await
        .expect(200);
    assert_eq!(original.bytes, sample("invoice.pdf"));
    assert_eq!(original.header("content-type"), Some("application/pdf"));
    app.finish().await;
}

#[tokio::test]
async fn uploads_must_be_files_that_can_be_read() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let upload = async |name: &str, content: &[u8], parts: &[(&'static str, &str)]| {
        person.upload(name, content.to_vec(), parts).await
    };
    upload("empty.pdf", b"", &[])
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/file");
    // By content, not by name.
    upload("program.pdf", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", &[])
        .await
        .expect_problem(415, "unsupported-media-type");
    let uploaded = upload("photo.jpg", &sample("invoice.pdf"), &[]).await.expect(201);
    let seen = person
        .get_at(
            &format!("/finance/documents/{}", uploaded.text("id")),
            uploaded.position(),
        )
        .await
        .expect(200);
    assert_eq!(seen.text("media_type"), "application/pdf");
    let csv = b"date,amount,description\n2026-07-01,-1.00,One\n";
    upload("a.csv", csv, &[("engine", "eyes")])
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/engine");
    upload("a.csv", csv, &[("account", "acc_1")])
        .await
        .expect_problem(404, "not-found")
        .of_field("/account");
    upload("a.csv", csv, &[("colour", "red")])
        .await
        .expect_problem(400, "malformed-multipart");
    let form = reqwest::multipart::Form::new().text("engine", "ort");
    let nothing = person
        .request(reqwest::Method::POST, "/finance/documents")
        .multipart(form);
    person.send(nothing).await.expect_problem(400, "malformed-multipart");
    person
        .post("/finance/documents", json!({"file": "x"}))
        .await
        .expect_problem(415, "unsupported-media-type");
    person.document_in(uploaded.text("id"), &["in_review"]).await;
    app.finish().await;
}
