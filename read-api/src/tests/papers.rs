//! Documents: fields with their places, the file itself, text, lines, steps as they happen.

use std::future::pending;

use actix_web::http::StatusCode;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use spendlog_domain::values::{DocumentId, ImportId};
use spendlog_web::Problem;
use uuid::Uuid;

use crate::state::{WHOLES_MAX, WHOLES_WAITING_MAX};

use super::house::{House, account, book};

fn document() -> DocumentId {
    DocumentId::new(Uuid::from_u128(0xf001))
}

impl House {
    async fn file(&self, content: &[u8]) -> Value {
        let keys = self.journal.keyring().owner(book(1).uuid()).await.unwrap();
        let stored = self.files.put_bytes(&keys, book(1).uuid(), content).await.unwrap();
        json!({"object": stored.object, "bytes": stored.bytes})
    }

    async fn step(&self, version: i64, event_type: &str, content: Value) -> i64 {
        self.happen(
            "document",
            &document().to_string(),
            book(1).uuid(),
            version,
            event_type,
            content,
        )
        .await
    }

    /// A document up to its validation.
    async fn read_document(&self) -> i64 {
        let file = self.file(b"%PDF- the original").await;
        let word = |text: &str| json!({"text": text, "area": {"x0": 1, "y0": 2, "x1": 3, "y1": 4}, "confidence": 900});
        let reading = json!({"pages": [{"number": 1, "width": 100, "height": 200, "lines": [{"words": [word("TOTAL"), word("12.50")]}]}],
            "tables": [], "statements": [], "engine": "tesseract", "source": "ocr", "confidence": 900});
        let text = self.file(reading.to_string().as_bytes()).await;
        let line = json!([{"item": {"description": "Bread", "date": null, "quantity": {"unscaled": 2, "scale": 0}, "unit_price": null,
            "total": {"unscaled": 1250, "scale": 2}, "page": 1, "area": null, "confidence": 800}},
            {"movement": {"date": "2026-09-01", "amount": {"unscaled": -5, "scale": 1}, "description": "Fee", "balance": null,
            "reference": "r1", "currency": null, "page": null, "area": null, "confidence": 1000}}]);
        let lines = self.file(line.to_string().as_bytes()).await;
        let uploaded = json!({"document": document(), "book": book(1), "file": file, "media_type": "application/pdf", "name": "réçu.pdf", "account": null, "engine": null});
        self.step(0, "document.uploaded", uploaded).await;
        self.step(1, "document.unlocked", json!({"password": "letmein"})).await;
        self.step(
            2,
            "document.text_recognised",
            json!({"text": text, "pages": 1, "words": 2, "engine": "tesseract", "confidence": 900, "took_ms": 5}),
        )
        .await;
        self.step(
            3,
            "document.classified",
            json!({"kind": "receipt", "engine": "rules", "confidence": 990, "took_ms": 1}),
        )
        .await;
        let provenance = json!({"source": "ocr", "engine": "tesseract", "rule": "label", "page": 1, "area": {"x0": 1, "y0": 2, "x1": 3, "y1": 4}, "confidence": 900, "raw": "12.50"});
        let fields =
            json!([{"name": "total", "value": {"amount": {"unscaled": 1250, "scale": 2}}, "provenance": provenance}]);
        self.step(4, "document.fields_extracted", json!({"fields": fields, "lines": {"file": lines, "count": 2}, "engine": "rules", "confidence": 900, "took_ms": 2})).await;
        self.step(5, "document.validated", json!({"checks": [{"name": "tax_sum", "outcome": "holds"}], "engine": "rules", "confidence": 1000, "took_ms": 1})).await
    }
}

#[actix_web::test]
async fn a_document_shows_its_fields_and_where_they_stand() {
    let house = House::new().await;
    let position = house.read_document().await;
    let path = format!("/finance/documents/{}", document());
    let found = house.get(1, &path, position).await;
    assert_eq!(found.header("etag"), "\"6\"");
    let found = found.json();
    assert_eq!(
        (&found["status"], &found["kind"], &found["total"]),
        (&json!("in_review"), &json!("receipt"), &json!("12.50"))
    );
    assert_eq!(found["fields"][0]["area"], json!({"x0": 1, "y0": 2, "x1": 3, "y1": 4}));
    assert_eq!((&found["lines_count"], &found["transactions"]), (&json!(2), &json!([])));
    let listed = house
        .get(1, "/finance/documents?status=in_review", position)
        .await
        .json();
    assert_eq!(listed["data"][0]["id"], document().to_string());
    assert_eq!(
        house.get(1, "/finance/documents?status=failed", position).await.json()["data"],
        json!([])
    );
    for path in [
        path.clone(),
        format!("{path}/original"),
        format!("{path}/text"),
        format!("{path}/lines"),
        format!("{path}/history"),
        format!("{path}/events"),
    ] {
        assert_eq!(
            house.get(2, &path, position).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let text = house.get(1, &format!("{path}/text"), position).await.json();
    assert_eq!(
        (&text["text"], &text["reading"]["engine"]),
        (&json!("TOTAL 12.50\n"), &json!("tesseract"))
    );
    let lines = house.get(1, &format!("{path}/lines?limit=1"), position).await.json();
    assert_eq!(
        (&lines["data"][0]["description"], &lines["data"][0]["amount"]),
        (&json!("Bread"), &json!("12.50"))
    );
    assert_eq!(lines["data"][0]["engine"], "tesseract", "what read the text");
    let next = lines["next"].as_str().unwrap();
    let lines = house
        .get(1, &format!("{path}/lines?limit=1&after={next}"), position)
        .await
        .json();
    assert_eq!(
        (&lines["data"][0]["kind"], &lines["data"][0]["amount"], &lines["next"]),
        (&json!("movement"), &json!("-0.5"), &json!(null))
    );
}

#[actix_web::test]
async fn few_files_and_books_are_held_whole_at_the_same_time() {
    let house = House::new().await;
    let position = house.read_document().await;
    let paths = [
        format!("/finance/documents/{}/text", document()),
        format!("/finance/documents/{}/lines", document()),
        "/audit/replay".to_owned(),
    ];
    let mut others: Vec<_> = (0..WHOLES_MAX + WHOLES_WAITING_MAX)
        .map(|_| Box::pin(house.api.whole(pending::<Result<(), Problem>>(), drop)))
        .collect();
    for other in &mut others {
        assert!(other.now_or_never().is_none(), "it holds its place, or waits for it");
    }
    for path in &paths {
        let answer = house.get(1, path, position).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, Some("busy")),
            "{path}"
        );
    }
    drop(others);
    for path in &paths {
        assert_eq!(house.get(1, path, position).await.status, StatusCode::OK, "{path}");
    }
}

#[actix_web::test]
async fn the_original_comes_back_as_a_file_to_save() {
    let house = House::new().await;
    let position = house.read_document().await;
    let answer = house
        .get(1, &format!("/finance/documents/{}/original", document()), position)
        .await;
    assert_eq!(
        (answer.status, answer.bytes.as_slice()),
        (StatusCode::OK, &b"%PDF- the original"[..])
    );
    assert_eq!(answer.header("content-type"), "application/pdf");
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename=\"r__u.pdf\"; filename*=UTF-8''r%C3%A9"),
        "{:?}",
        answer.headers
    );
}

#[actix_web::test]
async fn steps_are_told_as_they_happen_and_end_with_the_last() {
    let house = House::new().await;
    house.read_document().await;
    let path = format!("/finance/documents/{}/events", document());
    let confirming = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        house
            .step(
                6,
                "document.confirmed",
                json!({"by": "person", "account": account(1), "category": null}),
            )
            .await
    };
    let (pieces, last) = tokio::join!(house.stream(1, &path, &[], 100), confirming);
    assert_eq!(pieces.len(), 7, "{pieces:?}");
    assert!(pieces[0].contains("event: document.uploaded\n"));
    assert!(pieces[5].contains("\"status\":\"in_review\""));
    assert!(
        pieces[6].starts_with(&format!("id: {last}\nevent: document.confirmed\n"))
            && pieces[6].contains("\"status\":\"confirmed\"")
    );
    assert!(!pieces.concat().contains("letmein"), "no password is told");
    let rest = house
        .stream(1, &path, &[("last-event-id", &(last - 1).to_string())], 100)
        .await;
    assert_eq!(rest.len(), 1);
    let history = house
        .get(1, &format!("/finance/documents/{}/history", document()), last)
        .await
        .json();
    assert_eq!(history["data"][4]["sources"][0]["page"], 1);
    assert_eq!(history["data"][2]["took_ms"], 5);
}

#[actix_web::test]
async fn an_import_shows_its_lines() {
    let house = House::new().await;
    house.read_document().await;
    let mut lines = br#"[{"movement": {"date": "2026-09-01", "amount": {"unscaled": -500, "scale": 2}, "description": "Fee", "confidence": 1000}}]"#.to_vec();
    // Whatever could be written can be read, however large.
    lines.resize(65 * 1024 * 1024, b' ');
    let lines = house.file(&lines).await;
    let id = ImportId::new(Uuid::from_u128(0xf002));
    let read = json!({"import": id, "book": book(1), "document": document(), "account": null, "currency": "EUR", "lines": lines, "lines_count": 1});
    let position = house
        .happen("import", &id.to_string(), book(1).uuid(), 0, "import.read", read)
        .await;
    let listed = house.get(1, "/finance/imports", position).await.json();
    assert_eq!(
        (&listed["data"][0]["status"], &listed["data"][0]["lines_count"]),
        (&json!("read"), &json!(1))
    );
    let lines = house
        .get(1, &format!("/finance/imports/{id}/lines"), position)
        .await
        .json();
    assert_eq!(
        (&lines["data"][0]["amount"], &lines["data"][0]["engine"]),
        (&json!("-5.00"), &json!("tesseract"))
    );
    assert_eq!(
        house.get(2, &format!("/finance/imports/{id}"), position).await.status,
        StatusCode::NOT_FOUND
    );
    let document = house
        .get(1, &format!("/finance/documents/{}", document()), position)
        .await
        .json();
    assert_eq!(document["imports"], json!([id.to_string()]));
}
