//! What is kept in files: lines of documents and statements, recognised text.

use serde::Deserialize;
use spendlog_domain::{
    documents::{Box2, Confidence},
    values::{BookId, Currency, Date, Decimal, FileRef},
};
use spendlog_event_store::{FileError, KeyError};
use spendlog_projections::documents::Document;
use spendlog_schemas::{documents::DocumentLine, history::Area};
use spendlog_web::{Code, Problem};

use crate::ReadApi;

/// The largest file that is read into memory.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Lines as they are kept: see the documents' processor, which writes them.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Item(Item),
    Movement(Movement),
}

#[derive(Deserialize)]
struct Item {
    description: String,
    #[serde(default)]
    date: Option<Date>,
    #[serde(default)]
    quantity: Option<Decimal>,
    #[serde(default)]
    unit_price: Option<Decimal>,
    #[serde(default)]
    total: Option<Decimal>,
    #[serde(default)]
    page: Option<u32>,
    #[serde(default)]
    area: Option<Box2>,
    confidence: Confidence,
}

#[derive(Deserialize)]
struct Movement {
    date: Date,
    amount: Decimal,
    description: String,
    #[serde(default)]
    balance: Option<Decimal>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    page: Option<u32>,
    #[serde(default)]
    area: Option<Box2>,
    confidence: Confidence,
}

/// A rectangle as it is answered.
pub(crate) fn area(from: Box2) -> Area {
    let Box2 { x0, y0, x1, y1 } = from;
    Area { x0, y0, x1, y1 }
}

/// A failed file, as the client hears of it.
pub(crate) fn failed(error: FileError) -> Problem {
    match error {
        FileError::NotFound => Problem::internal("a file that the journal names is not there"),
        error @ (FileError::Damaged | FileError::TooLarge { .. }) => Problem::internal(error),
        error => Problem::unavailable(error),
    }
}

/// A missing key, as the client hears of it.
pub(crate) fn keyless(error: KeyError) -> Problem {
    match error {
        KeyError::Forgotten => Code::OwnerForgotten.into(),
        error => Problem::unavailable(error),
    }
}

/// The content of a file of a book's.
pub(crate) async fn content(api: &ReadApi, book: BookId, file: &FileRef) -> Result<Vec<u8>, Problem> {
    let keys = api.journal.keyring().owner(book.uuid()).await.map_err(keyless)?;
    api.files
        .get_bytes(&keys, book.uuid(), &file.object, BYTES_MAX)
        .await
        .map_err(failed)
}

/// The lines that a file holds which was made of a document. What read the document read them.
pub(crate) async fn lines(api: &ReadApi, document: &Document, file: &FileRef) -> Result<Vec<DocumentLine>, Problem> {
    let content = content(api, document.book, file).await?;
    let lines: Vec<Line> = serde_json::from_slice(&content).map_err(Problem::internal)?;
    let engine = document.read_by().unwrap_or_default();
    let lines = (0..).zip(lines);
    Ok(lines.map(|(number, kept)| line(number, kept, engine)).collect())
}

fn line(number: u32, kept: Line, engine: &str) -> DocumentLine {
    let text = |number: Option<Decimal>| number.map(|number| number.to_string());
    match kept {
        Line::Item(item) => DocumentLine {
            number,
            kind: "item".to_owned(),
            description: item.description,
            date: item.date,
            amount: text(item.total),
            currency: None,
            quantity: text(item.quantity),
            unit_price: text(item.unit_price),
            balance: None,
            reference: None,
            engine: engine.to_owned(),
            page: item.page,
            area: item.area.map(area),
            confidence: item.confidence.0,
        },
        Line::Movement(movement) => DocumentLine {
            number,
            kind: "movement".to_owned(),
            description: movement.description,
            date: Some(movement.date),
            amount: Some(movement.amount.to_string()),
            currency: movement.currency.map(|currency| currency.code().to_owned()),
            quantity: None,
            unit_price: None,
            balance: text(movement.balance),
            reference: movement.reference,
            engine: engine.to_owned(),
            page: movement.page,
            area: movement.area.map(area),
            confidence: movement.confidence.0,
        },
    }
}
