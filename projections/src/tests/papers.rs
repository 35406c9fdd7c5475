//! Documents and imports: each event, once and again.

use serde_json::json;
use spendlog_domain::{
    documents::{DocumentStatus, FieldName, FieldValue},
    imports::ImportStatus,
    values::{DocumentId, ImportId},
};
use uuid::Uuid;

use super::{History, history::raw, project, projections, rows, writer};
use crate::{Group, documents, imports};

fn document_events(book: &str, document: &str, account: &str) -> Vec<(&'static str, serde_json::Value)> {
    let file = json!({"object": "ab".repeat(32), "bytes": 7});
    let provenance = json!({"source": "ocr", "engine": "tesseract", "rule": "total/label", "page": 1,
        "area": {"x0": 1, "y0": 2, "x1": 3, "y1": 4}, "confidence": 900, "raw": "TOTAL 12.50"});
    let amount = json!({"amount": {"unscaled": 1250, "scale": 2}});
    vec![
        (
            "document.uploaded",
            json!({"document": document, "book": book, "file": file, "media_type": "application/pdf",
            "name": "r.pdf", "account": account, "engine": "tesseract"}),
        ),
        ("document.password_required", json!({"tried": false})),
        ("document.password_required", json!({"tried": true})),
        ("document.unlocked", json!({"password": "letmein"})),
        (
            "document.text_recognised",
            json!({"text": file, "pages": 2, "words": 90, "engine": "tesseract", "confidence": 880, "took_ms": 12}),
        ),
        (
            "document.classified",
            json!({"kind": "receipt", "engine": "rules", "confidence": 990, "took_ms": 1}),
        ),
        (
            "document.fields_extracted",
            json!({"fields": [{"name": "total", "value": amount, "provenance": provenance}],
            "lines": {"file": file, "count": 3}, "engine": "rules", "confidence": 900, "took_ms": 2}),
        ),
        (
            "document.validated",
            json!({"checks": [{"name": "tax_sum", "outcome": "fails"}], "engine": "rules", "confidence": 0, "took_ms": 3}),
        ),
        (
            "document.field_corrected",
            json!({"field": "merchant", "from": null, "to": {"text": "Café"}}),
        ),
        (
            "document.field_corrected",
            json!({"field": "total", "from": amount, "to": null}),
        ),
        (
            "document.validated",
            json!({"checks": [{"name": "tax_sum", "outcome": "holds"}], "engine": "rules", "confidence": 1000, "took_ms": 4}),
        ),
        (
            "document.confirmed",
            json!({"by": "person", "account": account, "category": null}),
        ),
    ]
}

#[tokio::test]
async fn each_event_of_a_document_counts_once() {
    let mut history = History::new(51).await;
    let book = history.open_book().await;
    let account = history.accounts_of(book)[0].0.to_string();
    let writer = writer(&history).await;
    let id = DocumentId::new(Uuid::from_u128(9));
    let events = document_events(&book.to_string(), &id.to_string(), &account);
    let projections = projections(&history);
    let expected = [
        DocumentStatus::Processing,
        DocumentStatus::PasswordRequired,
        DocumentStatus::PasswordRequired,
        DocumentStatus::Processing,
        DocumentStatus::Processing,
        DocumentStatus::Processing,
        DocumentStatus::Processing,
        DocumentStatus::InReview,
        DocumentStatus::InReview,
        DocumentStatus::InReview,
        DocumentStatus::InReview,
        DocumentStatus::Confirmed,
    ];
    for (version, ((event_type, content), status)) in (0..).zip(events.into_iter().zip(expected)) {
        history
            .append_raw(
                "document",
                id.to_string(),
                book.uuid(),
                version,
                vec![raw(event_type, content)],
            )
            .await;
        project(&history, &writer, 100).await;
        let once = rows(&writer, Group::Documents).await;
        project(&history, &writer, 1).await;
        assert_eq!(rows(&writer, Group::Documents).await, once, "{event_type} again");
        let found = documents::one(projections.reader(), &[book.uuid()], id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((found.status, found.version), (status, version + 1), "{event_type}");
    }
    let found = documents::one(projections.reader(), &[book.uuid()], id)
        .await
        .unwrap()
        .unwrap();
    let fields = found.fields();
    assert_eq!(fields.len(), 1, "the total was said not to be there");
    assert_eq!(
        (fields[0].name, &fields[0].value),
        (FieldName::Merchant, &FieldValue::Text("Café".into()))
    );
    assert_eq!(found.steps.len(), 4);
    assert_eq!(found.checks.len(), 1);
    assert!(found.is_final() && found.password_tried);
    assert!(
        !rows(&writer, Group::Documents).await.concat().contains("letmein"),
        "no password in a read table"
    );
    let reader = projections.reader();
    let confirmed = Some(DocumentStatus::Confirmed);
    assert_eq!(
        documents::list(reader, book, confirmed, i64::MAX, 9).await.unwrap(),
        vec![found.clone()]
    );
    assert_eq!(
        documents::list(reader, book, Some(DocumentStatus::Failed), i64::MAX, 9)
            .await
            .unwrap(),
        vec![]
    );
    assert_eq!(
        documents::list(reader, book, None, found.uploaded_position, 9)
            .await
            .unwrap(),
        vec![]
    );
    assert_eq!(documents::one(reader, &[Uuid::nil()], id).await.unwrap(), None);
}

/// Rows of documents that were validated before checks said what they object to get what a rebuild would give them.
#[tokio::test]
async fn rows_of_before_are_brought_up() {
    let mut history = History::new(53).await;
    let book = history.open_book().await;
    let account = history.accounts_of(book)[0].0.to_string();
    let writer = writer(&history).await;
    let id = DocumentId::new(Uuid::from_u128(9));
    // A name that looks like a check.
    let mut events = document_events(&book.to_string(), &id.to_string(), &account);
    events[0].1["name"] = json!(r#"{"name":"tax_sum","outcome":"fails"}"#);
    let events = events
        .into_iter()
        .map(|(event_type, content)| raw(event_type, content))
        .collect();
    history
        .append_raw("document", id.to_string(), book.uuid(), 0, events)
        .await;
    project(&history, &writer, 100).await;
    let today = rows(&writer, Group::Documents).await;
    let pool = history.journal.database().pool();
    let before = "UPDATE read.documents SET body = replace(body, ',\"findings\":[]', '')";
    sqlx::raw_sql(before).execute(pool).await.unwrap();
    assert_ne!(rows(&writer, Group::Documents).await, today);
    for _ in 0..2 {
        let migration = include_str!("../../../migrations/202611240200_read_documents_findings.sql");
        sqlx::raw_sql(migration).execute(pool).await.unwrap();
        assert_eq!(rows(&writer, Group::Documents).await, today);
    }
}

#[tokio::test]
async fn failed_and_rejected_documents_say_why() {
    let mut history = History::new(52).await;
    let book = history.open_book().await;
    let writer = writer(&history).await;
    for (number, last) in [
        (
            1,
            raw(
                "document.failed",
                json!({"step": "recognise", "reason": "time_limit", "detail": "30 s"}),
            ),
        ),
        (2, raw("document.rejected", json!({"reason": {"forgotten": true}}))),
    ] {
        let id = DocumentId::new(Uuid::from_u128(number));
        let account = history.accounts_of(book)[0].0.to_string();
        let (event_type, content) = document_events(&book.to_string(), &id.to_string(), &account).remove(0);
        history
            .append_raw(
                "document",
                id.to_string(),
                book.uuid(),
                0,
                vec![raw(event_type, content), last],
            )
            .await;
    }
    project(&history, &writer, 100).await;
    let projections = projections(&history);
    let all = documents::list(projections.reader(), book, None, i64::MAX, 9)
        .await
        .unwrap();
    assert_eq!(all[0].rejected_because, Some(spendlog_domain::values::Text::Forgotten));
    assert_eq!(all[1].failure.as_ref().unwrap().detail, Some("30 s".into()));
    assert!(all.iter().all(documents::Document::is_final));
}

#[tokio::test]
async fn each_event_of_an_import_counts_once() {
    let mut history = History::new(53).await;
    let book = history.open_book().await;
    let account = history.accounts_of(book)[0].0.to_string();
    let writer = writer(&history).await;
    let (id, document) = (ImportId::new(Uuid::from_u128(5)), DocumentId::new(Uuid::from_u128(6)));
    let file = json!({"object": "ab".repeat(32), "bytes": 7});
    let events = [
        (
            "import.read",
            json!({"import": id, "book": book, "document": document, "account": null, "currency": "EUR", "lines": file, "lines_count": 9}),
            ImportStatus::Read,
        ),
        (
            "import.accepted",
            json!({"account": account, "new_count": 7, "there_count": 2, "restored_count": 0}),
            ImportStatus::Accepted,
        ),
        ("import.reverted", json!({"voided_count": 7}), ImportStatus::Reverted),
        (
            "import.accepted",
            json!({"account": account, "new_count": 0, "there_count": 2, "restored_count": 7}),
            ImportStatus::Accepted,
        ),
    ];
    let projections = projections(&history);
    for (version, (event_type, content, status)) in (0..).zip(events) {
        history
            .append_raw(
                "import",
                id.to_string(),
                book.uuid(),
                version,
                vec![raw(event_type, content)],
            )
            .await;
        project(&history, &writer, 100).await;
        let once = rows(&writer, Group::Documents).await;
        project(&history, &writer, 1).await;
        assert_eq!(rows(&writer, Group::Documents).await, once, "{event_type} again");
        let found = imports::one(projections.reader(), &[book.uuid()], id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((found.status, found.version), (status, version + 1));
    }
    let reader = projections.reader();
    let listed = imports::list(reader, book, i64::MAX, 9).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].restored_count, listed[0].voided_count),
        (1, 7, 7)
    );
    assert_eq!(imports::of_document(reader, document).await.unwrap(), vec![id]);
    assert_eq!(imports::one(reader, &[], id).await.unwrap(), None);
}
