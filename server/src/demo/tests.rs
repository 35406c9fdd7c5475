//! Tests of the table.

use std::time::Duration;

use serde_json::json;

use super::table::{Row, render};

fn row(name: &str, about: serde_json::Value) -> Row {
    let mut document = json!({
        "id": "doc_1", "book": "book_1", "name": name, "media_type": "image/jpeg", "bytes": 1, "status": "confirmed",
        "kind": "receipt", "confidence": 931, "merchant": "Corner Leaf Market", "date": "2026-03-14", "total": "26.5",
        "currency": "EUR", "failure": null, "version": 6, "uploaded_at": "2026-11-01T00:00:00Z",
        "changed_at": "2026-11-01T00:00:00Z", "account": null, "engine": null, "password_tried": false,
        "kind_confidence": 900, "pages": 1, "words": 60, "text_confidence": 950, "fields": [], "lines_count": 5,
        "checks": [], "steps": [], "confirmation": null, "rejected_because": null, "transactions": [], "imports": [],
    });
    document
        .as_object_mut()
        .unwrap()
        .extend(about.as_object().unwrap().clone());
    Row::of(
        name,
        &serde_json::from_value(document).unwrap(),
        Duration::from_millis(2340),
    )
}

#[test]
fn the_table_says_what_came_of_each() {
    let checks = json!([
        {"name": "tax_sum", "outcome": "fails", "findings": []},
        {"name": "currency", "outcome": "holds", "findings": []},
    ]);
    let rows = [
        row("receipt.jpg", json!({})),
        row(
            "odd.pdf",
            json!({"status": "in_review", "checks": checks, "date": null, "kind": "invoice"}),
        ),
        row(
            "broken.pdf",
            json!({"status": "failed", "kind": null, "merchant": null, "date": null, "total": null,
            "confidence": null, "failure": {"step": "recognise", "reason": "time_limit", "detail": null}}),
        ),
    ];
    let table = render(&rows);
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    let cells = |line: usize| lines[line].split('│').map(str::trim).collect::<Vec<_>>();
    assert_eq!(
        cells(0),
        [
            "document",
            "taken for",
            "merchant",
            "date",
            "total",
            "sure",
            "outcome",
            "seconds"
        ]
    );
    let confirmed = "confirmed: every check holds";
    assert_eq!(
        cells(2),
        [
            "receipt.jpg",
            "receipt",
            "Corner Leaf Market",
            "2026-03-14",
            "26.50 EUR",
            "93 %",
            confirmed,
            "2.3"
        ]
    );
    let doubtful = "in review: net and tax don't make the total";
    assert_eq!(
        cells(3),
        [
            "odd.pdf",
            "invoice",
            "Corner Leaf Market",
            "—",
            "26.50 EUR",
            "93 %",
            doubtful,
            "2.3"
        ]
    );
    assert_eq!(
        cells(4),
        ["broken.pdf", "—", "—", "—", "—", "—", "failed: time limit", "2.3"]
    );
    let bars = |line: &str| {
        line.chars()
            .enumerate()
            .filter(|(_, c)| "│┼".contains(*c))
            .map(|(n, _)| n)
            .collect::<Vec<_>>()
    };
    assert!(
        lines.iter().all(|line| bars(line) == bars(lines[0])),
        "the columns stand under each other:\n{table}"
    );
    assert!(rows[2].is_broken() && !rows[1].is_broken());
}
