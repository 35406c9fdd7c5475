//! Documents: upload, steps, confirmation.

use serde_json::{Value, json};
use spendlog_commands::{Context, Outcome, documents};
use spendlog_domain::{
    documents::{
        Check, CheckName, CheckOutcome, Confidence, Document, DocumentCommand, DocumentKind, Field, FieldName,
        FieldValue, Provenance, Source,
    },
    values::{DocumentId, FileRef, Text},
};
use uuid::Uuid;

use crate::fixture::{App, Person, id};

const PDF: &[u8] = b"%PDF-1.7 a receipt";

fn field(name: FieldName, value: FieldValue) -> Field {
    let provenance = Provenance {
        source: Source::TextLayer,
        engine: "pdf-extract".to_owned(),
        rule: "test".to_owned(),
        page: Some(1),
        area: None,
        confidence: Confidence(950),
        raw: None,
    };
    Field {
        name,
        value,
        provenance,
    }
}

/// The steps of the pipeline, for a receipt of 12.50 euros.
pub(crate) fn steps(kind: DocumentKind) -> Vec<DocumentCommand> {
    let engine = || "test".to_owned();
    let fields = vec![
        field(FieldName::Merchant, FieldValue::Text(Text::from("Corner shop"))),
        field(FieldName::Total, FieldValue::Amount("12.50".parse().unwrap())),
        field(FieldName::Date, FieldValue::Date("2026-09-01".parse().unwrap())),
        field(FieldName::Currency, FieldValue::Currency("EUR".parse().unwrap())),
    ];
    let text = FileRef {
        object: "ab".repeat(32),
        bytes: 1,
    };
    let checks = vec![Check {
        name: CheckName::RequiredFields,
        outcome: CheckOutcome::Holds,
        findings: vec![],
    }];
    vec![
        DocumentCommand::RecogniseText {
            text,
            pages: 1,
            words: 9,
            engine: engine(),
            confidence: Confidence(990),
            took_ms: 5,
        },
        DocumentCommand::Classify {
            kind,
            engine: engine(),
            confidence: Confidence(900),
            took_ms: 1,
        },
        DocumentCommand::ExtractFields {
            fields,
            lines: None,
            engine: engine(),
            took_ms: 1,
        },
        DocumentCommand::Validate {
            checks,
            engine: engine(),
            took_ms: 1,
        },
    ]
}

pub(crate) fn by_pipeline() -> Context {
    Context::of_processor("documents", Uuid::now_v7(), Uuid::now_v7(), 1)
}

async fn reviewed(ada: &Person<'_>, account: &str) -> DocumentId {
    let document: DocumentId = id(&ada.upload(&[("account", account)], PDF, &[]).await.with(201))
        .parse()
        .unwrap();
    for step in steps(DocumentKind::Receipt) {
        documents::advance(&ada.app.commands, &by_pipeline(), document, step)
            .await
            .unwrap();
    }
    document
}

async fn recorded(app: &App, book: &str, document: DocumentId) -> Vec<Value> {
    let book: spendlog_domain::values::BookId = book.parse().unwrap();
    let keys = app.journal.keyring().owner(book.uuid()).await.unwrap();
    let transaction = documents::transaction_of_document(&keys, document).to_string();
    let events = app.events("transaction", &transaction).await;
    events
        .iter()
        .map(|event| serde_json::from_str(&event.payload).unwrap())
        .collect()
}

#[actix_web::test]
async fn the_same_file_again_is_the_first_document() {
    let app = App::new().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let first = ada.upload(&[], PDF, &[]).await;
    assert!(first.header("location").starts_with("/finance/documents/doc_"));
    let first = first.with(201);
    let head = *app.journal.head().borrow();
    let again = ada.upload(&[], PDF, &[]).await.with(200);
    assert_eq!((&first["id"], &first["version"]), (&again["id"], &again["version"]));
    assert_eq!(*app.journal.head().borrow(), head);
    let theirs = bob.upload(&[], PDF, &[]).await.with(201);
    assert_ne!(first["id"], theirs["id"]);
    let both =
        futures_util::future::join(ada.upload(&[], b"%PDF other", &[]), ada.upload(&[], b"%PDF other", &[])).await;
    let mut codes = [both.0.status.as_u16(), both.1.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 201]);
}

#[actix_web::test]
async fn an_upload_is_told_by_its_content_and_goes_where_it_is_said() {
    let app = App::new().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    ada.upload(&[], b"MZ\x90 no document", &[])
        .await
        .problem(415, "unsupported-media-type");
    ada.upload(&[], b"", &[]).await.problem(422, "invalid-value");
    ada.upload(&[("engine", "magic")], PDF, &[])
        .await
        .problem(422, "invalid-value");
    ada.upload(&[("colour", "red")], PDF, &[])
        .await
        .problem(400, "malformed-multipart");
    ada.post("/finance/documents", json!({}))
        .await
        .problem(415, "unsupported-media-type");
    eve.upload(&[("book", &ada.book)], PDF, &[])
        .await
        .problem(404, "not-found");
    let club = id(&ada.post("/finance/books", json!({"name": "Club"})).await.with(201));
    let before = id(&ada.upload(&[("book", &club)], PDF, &[]).await.with(201));
    let behind = id(&ada.upload(&[], PDF, &[("book", &club)]).await.with(200));
    assert_eq!(before, behind);
    let event = &app.events("document", &before).await[0];
    assert_eq!(format!("book_{}", event.owner.as_simple()), club);
    assert!(
        event.payload.contains("\"receipt.pdf\"") && event.payload.contains("application/pdf"),
        "{}",
        event.payload
    );
}

#[actix_web::test]
async fn large_uploads_pass_through_and_too_large_ones_do_not() {
    let app = App::with(|config| config.upload_bytes_max = 8 * 1024 * 1024).await;
    let ada = app.person("ada").await;
    let mut content = PDF.to_vec();
    content.resize(7 * 1024 * 1024, b'x');
    let document = id(&ada.upload(&[], &content, &[]).await.with(201));
    let event = &app.events("document", &document).await[0];
    assert!(event.payload.contains(&content.len().to_string()));
    content.resize(9 * 1024 * 1024, b'x');
    ada.upload(&[], &content, &[]).await.problem(413, "too-large");
}

#[actix_web::test]
async fn confirming_records_the_transaction_in_the_same_append_once() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let document = reviewed(&ada, &account).await;
    let path = format!("/finance/documents/{document}");
    let before = *app.journal.head().borrow();
    let confirmed = ada.post(&format!("{path}/confirm"), json!({})).await.with(200);
    assert_eq!(confirmed["position"], before + 2);
    let events = recorded(&app, &ada.book, document).await;
    let record = &events[0]["transaction.recorded"];
    assert_eq!(record["postings"][0]["money"]["minor"], -1250);
    assert_eq!(record["merchant"], "Corner shop");
    assert_eq!(record["origin"]["document"]["document"], document.to_string());
    let again = ada.post(&format!("{path}/confirm"), json!({})).await.with(200);
    assert_eq!(
        (&again["version"], &again["transaction"]),
        (&confirmed["version"], &confirmed["transaction"])
    );
    assert_eq!(*app.journal.head().borrow(), before + 2);
    ada.patch(&format!("{path}/fields"), json!({"total": "1"}))
        .await
        .problem(409, "document-finished");
    ada.post(&format!("{path}/reject"), json!({}))
        .await
        .problem(409, "document-finished");
}

#[actix_web::test]
async fn what_can_not_be_recorded_is_not_confirmed() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let document = reviewed(&ada, &account).await;
    let path = format!("/finance/documents/{document}");
    ada.patch(
        &format!("{path}/fields"),
        json!({"total": null, "merchant": "The shop"}),
    )
    .await
    .with(200);
    let problem = ada
        .post(&format!("{path}/confirm"), json!({}))
        .await
        .problem(409, "document-incomplete");
    assert_eq!(problem["errors"][0]["pointer"], "/total");
    ada.patch(&format!("{path}/fields"), json!({"total": "8.00"}))
        .await
        .with(200);
    let problem = ada
        .patch(&format!("{path}/fields"), json!({"total": "8,00"}))
        .await
        .problem(422, "invalid-value");
    assert_eq!(problem["errors"][0]["pointer"], "/total");
    ada.post(&format!("/finance/accounts/{account}/close"), json!({}))
        .await
        .with(200);
    ada.post(&format!("{path}/confirm"), json!({}))
        .await
        .problem(409, "account-closed");
    assert!(recorded(&app, &ada.book, document).await.is_empty());
    let dollars = id(&ada
        .post(
            "/finance/accounts",
            json!({"name": "D", "kind": "cash", "currency": "USD"}),
        )
        .await
        .with(201));
    ada.post(&format!("{path}/confirm"), json!({"account": dollars}))
        .await
        .problem(422, "currency-mismatch");
    let euros = ada.account().await;
    ada.post(&format!("{path}/confirm"), json!({"account": euros}))
        .await
        .with(200);
    let events = recorded(&app, &ada.book, document).await;
    assert_eq!(events[0]["transaction.recorded"]["postings"][1]["money"]["minor"], 800);
    assert_eq!(events[0]["transaction.recorded"]["merchant"], "The shop");
}

#[actix_web::test]
async fn a_policy_confirms_only_where_the_book_says_so() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let document = reviewed(&ada, &account).await;
    let context = by_pipeline();
    assert!(
        documents::confirm_by_policy(&app.commands, &context, document)
            .await
            .unwrap()
            .is_none()
    );
    ada.patch(
        &format!("/finance/books/{}", ada.book),
        json!({"policy": "when_checks_hold"}),
    )
    .await
    .with(200);
    let done = documents::confirm_by_policy(&app.commands, &context, document)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(done.outcome, Outcome::Recorded);
    let again = documents::confirm_by_policy(&app.commands, &context, document)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.outcome, again.version), (Outcome::Repeated, done.version));
    assert_eq!(recorded(&app, &ada.book, document).await.len(), 1);
    // Without an account it is left to a person.
    let unknown: DocumentId = id(&ada.upload(&[], b"%PDF another", &[]).await.with(201))
        .parse()
        .unwrap();
    for step in steps(DocumentKind::Receipt) {
        documents::advance(&app.commands, &by_pipeline(), unknown, step)
            .await
            .unwrap();
    }
    assert!(
        documents::confirm_by_policy(&app.commands, &by_pipeline(), unknown)
            .await
            .unwrap()
            .is_none()
    );
}

#[actix_web::test]
async fn a_step_is_done_once_and_in_order() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let document: DocumentId = id(&ada.upload(&[], PDF, &[]).await.with(201)).parse().unwrap();
    let path = format!("/finance/documents/{document}");
    ada.post(&format!("{path}/unlock"), json!({"password": "x"}))
        .await
        .problem(409, "document-not-locked");
    ada.post(&format!("{path}/confirm"), json!({}))
        .await
        .problem(409, "account-unknown");
    documents::advance(
        &app.commands,
        &by_pipeline(),
        document,
        DocumentCommand::RequirePassword,
    )
    .await
    .unwrap();
    ada.post(&format!("{path}/unlock"), json!({"password": "x"}))
        .await
        .with(200);
    let steps = steps(DocumentKind::Receipt);
    let refused = documents::advance(&app.commands, &by_pipeline(), document, steps[1].clone())
        .await
        .unwrap_err();
    assert_eq!(refused.code.code(), "document-not-ready");
    let context = by_pipeline();
    let first = documents::advance(&app.commands, &context, document, steps[0].clone())
        .await
        .unwrap();
    let again = documents::advance(&app.commands, &context, document, steps[0].clone())
        .await
        .unwrap();
    assert_eq!((again.outcome, again.version), (Outcome::Repeated, first.version));
    let late = documents::advance(&app.commands, &by_pipeline(), document, steps[0].clone())
        .await
        .unwrap();
    assert_eq!((late.outcome, late.version), (Outcome::Nothing, first.version));
    let state: &Document = &late.state;
    assert_eq!(state.pages(), 1);
    ada.post(&format!("{path}/reject"), json!({"reason": "not mine"}))
        .await
        .with(200);
}
