//! What is answered about documents.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::EngineChoice;
use crate::history::Area;

/// A document in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentItem {
    /// Its id.
    #[schema(example = "doc_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// Its book.
    pub book: String,
    /// The name that it was uploaded under; null if that is forgotten.
    pub name: Option<String>,
    /// Its type, by content.
    #[schema(example = "application/pdf")]
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// Where it stands.
    pub status: DocumentStatus,
    /// What it is taken for.
    #[schema(example = "receipt")]
    pub kind: Option<String>,
    /// The least confidence of the fields that a transaction needs, in thousandths.
    pub confidence: Option<u16>,
    /// Who was paid, as read or corrected.
    pub merchant: Option<String>,
    /// When it was issued.
    pub date: Option<NaiveDate>,
    /// The sum to be paid.
    pub total: Option<String>,
    /// The currency.
    pub currency: Option<String>,
    /// Why it can't be processed.
    pub failure: Option<DocumentFailure>,
    /// Its version.
    pub version: i64,
    /// When it was uploaded.
    pub uploaded_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// A document, with all that was read from it and where it stands on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// What a list says of it.
    #[serde(flatten)]
    pub item: DocumentItem,
    /// The account that it was uploaded for.
    pub account: Option<String>,
    /// The engine asked for.
    pub engine: Option<EngineChoice>,
    /// Whether a password was tried and found wrong.
    pub password_tried: bool,
    /// How sure it is that it is of its kind, in thousandths.
    pub kind_confidence: Option<u16>,
    /// How many pages, sheets or tables it has.
    pub pages: Option<u32>,
    /// How many words were recognised.
    pub words: Option<u32>,
    /// How sure the recognition is on the whole, in thousandths.
    pub text_confidence: Option<u16>,
    /// The fields that hold: as read, or as corrected.
    pub fields: Vec<DocumentField>,
    /// How many items or movements it has.
    pub lines_count: u32,
    /// The checks of its plausibility.
    pub checks: Vec<DocumentCheck>,
    /// The steps that are done.
    pub steps: Vec<DocumentStep>,
    /// How it was confirmed.
    pub confirmation: Option<DocumentConfirmation>,
    /// Why it was rejected.
    pub rejected_because: Option<String>,
    /// The transactions that were recorded from it.
    pub transactions: Vec<String>,
    /// The imports whose statements it has.
    pub imports: Vec<String>,
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// It is being read.
    Processing,
    /// It waits for a password.
    PasswordRequired,
    /// It waits for a person, or the book's policy.
    InReview,
    /// It is confirmed.
    Confirmed,
    /// It is rejected.
    Rejected,
    /// It can't be processed.
    Failed,
}

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentField {
    /// What it is.
    #[schema(example = "total")]
    pub name: String,
    /// What it says: words, a day, a decimal number or a currency; null if that is forgotten.
    #[schema(example = "12.50")]
    pub value: Option<String>,
    /// What it was read from: `ocr`, `text_layer`, `cell`, `data`, `words`, `account` or `person`.
    #[schema(example = "ocr")]
    pub source: String,
    /// What read it.
    #[schema(example = "pp-ocrv6/ort")]
    pub engine: String,
    /// The rule that chose this value among others.
    pub rule: String,
    /// The page, sheet or table, from 1.
    pub page: Option<u32>,
    /// Where it stands on the page.
    pub area: Option<Area>,
    /// How sure reading and rule are together, in thousandths.
    pub confidence: u16,
    /// The words as they stand there.
    pub raw: Option<String>,
}

/// A check of a document's plausibility.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentCheck {
    /// The check.
    #[schema(example = "tax_sum")]
    pub name: String,
    /// What came of it: `holds`, `fails` or `not_applicable`.
    #[schema(example = "fails")]
    pub outcome: String,
    /// What it objects to, where it fails and can say so.
    pub findings: Vec<DocumentFinding>,
}

/// Something that a check objects to: what a review has to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentFinding {
    /// What: `missing` (a field), `no_lines`, `left_out` (lines that could not be read), `doubtful` (a field read with too little
    /// confidence), `sum` (parts that don't come to what is printed), `implausible` (a date), `unfit` (an amount with more digits
    /// than the currency has).
    #[schema(example = "sum")]
    pub kind: String,
    /// The field that is meant.
    pub field: Option<String>,
    /// How sure its reading was, in thousandths.
    pub confidence: Option<u16>,
    /// What the parts come to.
    #[schema(example = "119.00")]
    pub computed: Option<String>,
    /// What the document says.
    #[schema(example = "119.90")]
    pub printed: Option<String>,
    /// The day that is meant.
    pub date: Option<NaiveDate>,
    /// How many, at least.
    pub count: Option<u32>,
}

/// A step that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentStep {
    /// The step: `recognise`, `classify`, `extract` or `validate`.
    #[schema(example = "recognise")]
    pub step: String,
    /// What did it.
    pub engine: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How a document was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentConfirmation {
    /// Who confirmed: `person` or `policy`.
    pub by: String,
    /// The account that it was paid from, or whose statement it is.
    pub account: String,
    /// The category that the money went to.
    pub category: Option<String>,
}

/// Why a document can't be processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentFailure {
    /// The step that failed.
    pub step: String,
    /// Why.
    #[schema(example = "time_limit")]
    pub reason: String,
    /// What the reader said.
    pub detail: Option<String>,
}

/// The recognised text of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocumentText {
    /// The words page by page, a text line each.
    pub text: String,
    /// All that was recognised: pages with lines and words at their places, tables, statements.
    #[schema(value_type = Object)]
    pub reading: serde_json::Value,
}

/// The file as it was uploaded.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct OriginalFile(pub Vec<u8>);

/// Which documents.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentsQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// Only those that stand here.
    #[param(inline)]
    pub status: Option<DocumentStatus>,
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}

/// Which lines of a document or an import.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinesQuery {
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}

/// An item of a receipt or an invoice, or a movement of a bank statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentLine {
    /// Its place, from 0.
    pub number: u32,
    /// `item` or `movement`.
    #[schema(example = "movement")]
    pub kind: String,
    /// What was bought, or what the bank says.
    pub description: String,
    /// The day.
    pub date: Option<NaiveDate>,
    /// The price of all, or the amount of the movement.
    #[schema(example = "-12.50")]
    pub amount: Option<String>,
    /// The currency, where it is another than the document's.
    pub currency: Option<String>,
    /// How many.
    pub quantity: Option<String>,
    /// The price of one.
    pub unit_price: Option<String>,
    /// The balance after it.
    pub balance: Option<String>,
    /// The bank's own id for it.
    pub reference: Option<String>,
    /// What read it.
    #[schema(example = "pp-ocrv6/ort")]
    pub engine: String,
    /// The page or sheet, from 1.
    pub page: Option<u32>,
    /// Where it stands on the page.
    pub area: Option<Area>,
    /// How sure the reading is, in thousandths.
    pub confidence: u16,
}
