//! What can be asked about documents.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    imports::Accepted,
    patch::{Change, present},
};

/// The engine asked for to recognise text on images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    /// PP-OCR weights by ONNX Runtime.
    Ort,
    /// PP-OCR weights by ocrs.
    Ocrs,
    /// Tesseract.
    Tesseract,
}

/// The parts of an upload. All others come before `file`.
#[derive(ToSchema)]
pub struct UploadDocument {
    /// The document.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// The account that it is meant for.
    pub account: Option<String>,
    /// The engine asked for.
    pub engine: Option<EngineChoice>,
    /// The book that it goes into: the account's, or the first one, unless said otherwise.
    pub book: Option<String>,
}

/// Gives the password of a locked document.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockDocument {
    /// The password.
    #[schema(format = "password", min_length = 1, max_length = 256)]
    pub password: String,
}

/// Corrects what was read; what is absent stays, `null` says that there is no such thing on the document.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectFields {
    /// Who was paid, or who sent the invoice.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub merchant: Change<String>,
    /// The merchant's postal address.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub merchant_address: Change<String>,
    /// The merchant's number with the tax office.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub merchant_tax_id: Change<String>,
    /// Who pays.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub customer: Change<String>,
    /// When it was issued.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NaiveDate>)]
    pub date: Change<NaiveDate>,
    /// When it must be paid.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NaiveDate>)]
    pub due_date: Change<NaiveDate>,
    /// The document's own number.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub invoice_number: Change<String>,
    /// The sum to be paid, taxes included.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "12.50")]
    pub total: Change<String>,
    /// The sum before taxes.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub net_total: Change<String>,
    /// The taxes.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tax: Change<String>,
    /// The currency of all amounts.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$")]
    pub currency: Change<String>,
    /// The bank's number for the account of a statement.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub account_number: Change<String>,
    /// A statement's balance before its first line.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub opening_balance: Change<String>,
    /// A statement's balance after its last line.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub closing_balance: Change<String>,
}

/// Confirms what was read: of a receipt or an invoice a transaction is recorded, of a statement the lines are accepted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDocument {
    /// The account that it was paid from, or whose statement it is; the one that it was uploaded for unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The category that the money went to; uncategorised unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// Says that nothing is to be recorded from a document.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectDocument {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// The answer to a confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// The document.
    pub id: String,
    /// Its version now.
    pub version: i64,
    /// The journal's position that this stands at.
    pub position: i64,
    /// The transaction that was recorded from it, unless it is a statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// Of a bank's document: what came of the lines, as accepting is answered; an import for each statement in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Accepted>,
}
