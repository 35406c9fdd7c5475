//! What is kept in files: lines of documents and statements, recognised text.

use bytes::Bytes;
use futures_util::stream::BoxStream;
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
fn failed(error: FileError) -> Problem {
    match error {
        FileError::NotFound => Problem::internal("a file that the journal names is not there"),
        error @ (FileError::Damaged | FileError::TooLarge { .. }) => Problem::internal(error),
        error => Problem::unavailable(error),
    }
}

/// A missing key, as the client hears of it.
fn keyless(error: KeyError) -> Problem {
    match error {
        KeyError::Forgotten => Code::OwnerForgotten.into(),
        error => Problem::unavailable(error),
    }
}

/// The content of a file of a book's, in pieces.
pub(crate) async fn content(
    api: &ReadApi,
    book: BookId,
    file: &FileRef,
) -> Result<BoxStream<'static, Result<Bytes, FileError>>, Problem> {
    let keys = api.journal.keyring().owner(book.uuid()).await.map_err(keyless)?;
    let content = api.files.get(&keys, book.uuid(), &file.object).await;
    content.map_err(failed)
}

/// What is made of the whole content of a file of a book's.
pub(crate) async fn parsed<T: Send + 'static>(
    api: &ReadApi,
    book: BookId,
    file: &FileRef,
    parse: impl FnOnce(&[u8]) -> serde_json::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let load = async {
        let keys = api.journal.keyring().owner(book.uuid()).await.map_err(keyless)?;
        // The journal says how large it is: whatever could be written can be read.
        let content = api.files.get_bytes(&keys, book.uuid(), &file.object, file.bytes).await;
        content.map_err(failed)
    };
    let parsed = api.whole(load, move |content: Vec<u8>| parse(&content)).await?;
    // The error of a parser may quote what it stumbled over, which is personal.
    parsed.map_err(|_| Problem::internal("a file that was made of a document can't be read"))
}

/// So many of the lines, from this one on, that a file holds which was made of a document. What read the document read them.
pub(crate) async fn lines(
    api: &ReadApi,
    document: &Document,
    file: &FileRef,
    from: u32,
    count: usize,
) -> Result<Vec<DocumentLine>, Problem> {
    let engine = document.read_by().unwrap_or_default().to_owned();
    let skipped = usize::try_from(from).unwrap_or(usize::MAX);
    parsed(api, document.book, file, move |content| {
        let lines: Vec<Line> = serde_json::from_slice(content)?;
        let lines = (0..).zip(lines).skip(skipped).take(count);
        Ok(lines.map(|(number, kept)| line(number, kept, &engine)).collect())
    })
    .await
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
