//! The fields of a document, and where each value came from.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{Currency, Date, Decimal, Text};

/// What can be read from a document besides its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum FieldName {
    /// Who was paid, or who sent the invoice.
    Merchant,
    /// The merchant's postal address.
    MerchantAddress,
    /// The merchant's number with the tax office (VAT id or the like).
    MerchantTaxId,
    /// Who pays.
    Customer,
    /// When it was issued.
    Date,
    /// When it must be paid.
    DueDate,
    /// The document's own number.
    InvoiceNumber,
    /// The sum to be paid, taxes included.
    Total,
    /// The sum before taxes.
    NetTotal,
    /// The taxes.
    Tax,
    /// The currency of all amounts.
    Currency,
    /// The bank's number for the account of a statement (IBAN or the like).
    AccountNumber,
    /// A statement's balance before its first line.
    OpeningBalance,
    /// A statement's balance after its last line.
    ClosingBalance,
}

/// Its name, as it is stored and as requests and answers have it: `due_date`.
impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FieldName {
    /// Whether a value is of this field's kind: words, a day, an amount or a currency.
    pub fn fits(self, value: &FieldValue) -> bool {
        match self {
            Self::Merchant
            | Self::MerchantAddress
            | Self::MerchantTaxId
            | Self::Customer
            | Self::InvoiceNumber
            | Self::AccountNumber => matches!(value, FieldValue::Text(_)),
            Self::Date | Self::DueDate => matches!(value, FieldValue::Date(_)),
            Self::Total | Self::NetTotal | Self::Tax | Self::OpeningBalance | Self::ClosingBalance => {
                matches!(value, FieldValue::Amount(_))
            }
            Self::Currency => matches!(value, FieldValue::Currency(_)),
        }
    }
}

/// A value as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// Words.
    Text(Text),
    /// A day.
    Date(#[schemars(extend("x-open" = true))] Date),
    /// An amount; its currency is a field of its own.
    Amount(Decimal),
    /// A currency.
    Currency(Currency),
}

/// How sure an engine is: 0 to 1000 per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Confidence(pub u16);

/// A rectangle on a page, in ten-thousandths of the page's width (x) and height (y), from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Box2 {
    /// Left edge.
    pub x0: u16,
    /// Upper edge.
    pub y0: u16,
    /// Right edge.
    pub x1: u16,
    /// Lower edge.
    pub y1: u16,
}

/// What kind of thing a value was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum Source {
    /// Recognised on an image.
    Ocr,
    /// The text layer of a PDF.
    TextLayer,
    /// A cell of a sheet or of a CSV file.
    Cell,
    /// Structured data: OFX and the like.
    Data,
    /// The words of a text document.
    Words,
    /// Not read at all: taken from the account that the document was uploaded for.
    Account,
    /// A person typed it in.
    Person,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// What it was read from.
    pub source: Source,
    /// The engine that read the text, or the rule's name: `pp-ocrv6/ort`, `pdf-extract`.
    #[schemars(extend("x-open" = true))]
    pub engine: String,
    /// The rule that chose this value among the others.
    #[schemars(extend("x-open" = true))]
    pub rule: String,
    /// The page, sheet or table, from 1.
    pub page: Option<u32>,
    /// The place on the page.
    pub area: Option<Box2>,
    /// How sure the reading and the rule are together.
    pub confidence: Confidence,
    /// The words as they stood there.
    pub raw: Option<Text>,
}

/// A field as extracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it is.
    pub name: FieldName,
    /// What it says.
    pub value: FieldValue,
    /// Where it came from.
    pub provenance: Provenance,
}

impl Field {
    /// A field as a person corrected it.
    pub fn by_person(name: FieldName, value: FieldValue) -> Self {
        let provenance = Provenance {
            source: Source::Person,
            engine: "person".to_owned(),
            rule: "correction".to_owned(),
            page: None,
            area: None,
            confidence: Confidence(1000),
            raw: None,
        };
        Self {
            name,
            value,
            provenance,
        }
    }
}
