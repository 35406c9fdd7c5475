//! What was read from a file, before anybody asks what it means.

use serde::{Deserialize, Serialize};
use spendlog_domain::documents::{Box2, Confidence, Source};
use spendlog_domain::values::{Currency, Date, Decimal};

/// The text of a document, with places and scores. Stored as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Pages with words at places: PDFs and images; a text document has one page without places.
    pub pages: Vec<Page>,
    /// Sheets, CSV files, tables of text documents.
    pub tables: Vec<Table>,
    /// Statements of structured bank files.
    pub statements: Vec<Statement>,
    /// What read it: `pp-ocrv6/ort`, `pdf-extract`, `calamine`, `csv`, `ofx` …
    pub engine: String,
    /// What kind of thing it was read from.
    pub source: Source,
    /// How sure the engine is on the whole; 1000 where nothing had to be recognised.
    pub confidence: Confidence,
    /// How many movements of a structured file, or sheets, are damaged and not here, or not whole. Unknown, and then 0,
    /// in what was stored before they were counted.
    #[serde(default)]
    pub left_out: u32,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Width, in pixels or points.
    pub width: u32,
    /// Height, in the same unit.
    pub height: u32,
    /// Its lines from top to bottom, a row of words each.
    pub lines: Vec<Line>,
}

/// Words that stand in one row, from left to right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The words.
    pub words: Vec<Word>,
}

/// A word at its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub area: Box2,
    /// How sure the engine is.
    pub confidence: Confidence,
}

/// A table of cells, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The sheet's name, or nothing.
    pub name: String,
    /// Rows of cells. Dates are ISO, numbers plain decimals.
    pub rows: Vec<Vec<String>>,
}

/// What a bank's structured file says of one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The bank's number for the account.
    pub account_number: Option<String>,
    /// The account's currency.
    pub currency: Option<Currency>,
    /// Before the first movement.
    pub opening_balance: Option<Decimal>,
    /// After the last movement.
    pub closing_balance: Option<Decimal>,
    /// In the file's order.
    pub movements: Vec<Movement>,
}

/// A line of a bank statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    /// The day it was booked.
    pub date: Date,
    /// Signed: negative leaves the account.
    pub amount: Decimal,
    /// What the bank says about it.
    pub description: String,
    /// The balance after it.
    pub balance: Option<Decimal>,
    /// The bank's own id for it.
    pub reference: Option<String>,
    /// Where it differs from the statement's.
    pub currency: Option<Currency>,
    /// The page or sheet, from 1.
    pub page: Option<u32>,
    /// Where it stands on the page.
    pub area: Option<Box2>,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// A line of a receipt, an invoice or an expense report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What was bought.
    pub description: String,
    /// The day, in an expense report.
    pub date: Option<Date>,
    /// How many.
    pub quantity: Option<Decimal>,
    /// The price of one.
    pub unit_price: Option<Decimal>,
    /// The price of all.
    pub total: Option<Decimal>,
    /// The page or sheet, from 1.
    pub page: Option<u32>,
    /// Where it stands on the page.
    pub area: Option<Box2>,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// A line of a document. Stored as a JSON array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentLine {
    /// Of a receipt, an invoice or an expense report.
    Item(Item),
    /// Of a bank statement.
    Movement(Movement),
}
