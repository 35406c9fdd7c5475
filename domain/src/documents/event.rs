//! What can have happened to a document.

use std::str::FromStr;

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer as _, value},
};

use super::{Confidence, Field, FieldName, FieldValue, Step};
use crate::values::{AccountId, BookId, CategoryId, Date, Decimal, DocumentId, FileRef, Text};

/// What a document is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum DocumentKind {
    /// A till receipt.
    Receipt,
    /// An invoice.
    Invoice,
    /// A bank's list of movements.
    BankStatement,
    /// A list of expenses in a sheet or text document.
    ExpenseReport,
    /// None of these.
    Other,
}

impl DocumentKind {
    /// The fields without which nothing can be recorded from it; of a statement the lines say all.
    pub fn needed_fields(self) -> &'static [FieldName] {
        match self {
            Self::BankStatement => &[],
            Self::Receipt | Self::Invoice | Self::ExpenseReport | Self::Other => {
                &[FieldName::Total, FieldName::Date, FieldName::Currency]
            }
        }
    }
}

/// The engine asked for to recognise text on images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum EngineChoice {
    /// PP-OCR weights by ONNX Runtime.
    Ort,
    /// PP-OCR weights by ocrs (pure Rust).
    Ocrs,
    /// Tesseract.
    Tesseract,
}

/// By the word that it is stored as.
impl FromStr for EngineChoice {
    type Err = value::Error;

    fn from_str(word: &str) -> Result<Self, value::Error> {
        Self::deserialize(word.into_deserializer())
    }
}

/// Lines of a document, in a file: items of a receipt, movements of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// The file.
    pub file: FileRef,
    /// How many there are.
    pub count: u32,
    /// How many more the document has, at least, that could not be read.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// A check of a document's plausibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum CheckName {
    /// All fields that a transaction needs are there.
    RequiredFields,
    /// Each needed field was read with enough confidence.
    Confidence,
    /// Net total and tax make the total.
    TaxSum,
    /// No line is left out, and the items make the net total or the total.
    LinesSum,
    /// The date is not in the future, nor more than ten years back.
    DatePlausible,
    /// Opening balance and movements make the closing balance.
    BalanceSum,
    /// The currency is known and the amounts fit its digits.
    Currency,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum CheckOutcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// There is nothing to check.
    NotApplicable,
}

/// Something that a check objects to: what whoever reviews the document has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Finding {
    /// A field that is needed is not there.
    Missing {
        /// The field.
        field: FieldName,
    },
    /// There are no movements.
    NoLines {},
    /// There are lines that could not be read.
    LeftOut {
        /// How many, at least.
        count: u32,
    },
    /// A field was read with too little confidence.
    Doubtful {
        /// The field.
        field: FieldName,
        /// How sure reading and rule are together.
        confidence: Confidence,
    },
    /// A sum is not what the document says it is.
    Sum {
        /// What its parts come to.
        computed: Decimal,
        /// What the document says.
        printed: Decimal,
    },
    /// A day that can hardly be meant.
    Implausible {
        /// The day.
        #[schemars(extend("x-open" = true))]
        date: Date,
    },
    /// An amount with more digits behind the point than the currency has.
    Unfit {
        /// The field.
        field: FieldName,
    },
}

/// A check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The check.
    pub name: CheckName,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// What it objects to, where it fails and can say so: none in what was stored by version 1.
    pub findings: Vec<Finding>,
}

impl Check {
    /// Whether it did not fail: it holds, or there was nothing to check.
    pub fn holds(&self) -> bool {
        self.outcome != CheckOutcome::Fails
    }
}

/// Who confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum ConfirmedBy {
    /// A person.
    Person,
    /// The book's policy, because every check held.
    Policy,
}

/// Why a document can't be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum FailureReason {
    /// No kind of file that we can read.
    UnsupportedType,
    /// The file is damaged, or not what it says it is.
    Malformed,
    /// Reading it took longer than allowed.
    TimeLimit,
    /// Reading it took more memory than allowed.
    MemoryLimit,
    /// It has more pages, cells or text than allowed.
    TooLarge,
    /// The reader died.
    ReaderDied,
    /// There is nothing to read on it.
    NoText,
    /// No engine is installed that can read it.
    NoEngine,
}

/// Events of the stream `document`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum DocumentEvent {
    /// The document was uploaded.
    #[serde(rename = "document.uploaded")]
    Uploaded {
        /// The new document; its id is derived from book and content.
        document: DocumentId,
        /// The book that it belongs to.
        book: BookId,
        /// The original.
        file: FileRef,
        /// Its type by content: `application/pdf`.
        #[schemars(extend("x-open" = true))]
        media_type: String,
        /// The name that it was uploaded under.
        name: Text,
        /// The account that it was uploaded for.
        account: Option<AccountId>,
        /// The engine asked for.
        engine: Option<EngineChoice>,
    },
    /// It is locked, and needs a password.
    #[serde(rename = "document.password_required")]
    PasswordRequired {
        /// Whether a password was tried and found wrong.
        tried: bool,
    },
    /// Somebody gave a password.
    #[serde(rename = "document.unlocked")]
    Unlocked {
        /// The password.
        password: Text,
    },
    /// Its text was recognised.
    #[serde(rename = "document.text_recognised")]
    TextRecognised {
        /// The text with its boxes and scores.
        text: FileRef,
        /// How many pages, sheets or tables it has.
        pages: u32,
        /// How many words.
        words: u32,
        /// What read it.
        #[schemars(extend("x-open" = true))]
        engine: String,
        /// How sure the engine is on the whole.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// It was found out what it is.
    #[serde(rename = "document.classified")]
    Classified {
        /// What it is taken for.
        kind: DocumentKind,
        /// What decided.
        #[schemars(extend("x-open" = true))]
        engine: String,
        /// How sure it is.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// Fields and lines were read from the text.
    #[serde(rename = "document.fields_extracted")]
    FieldsExtracted {
        /// The fields; one that is not there could not be read.
        fields: Vec<Field>,
        /// Items or movements.
        lines: Option<Lines>,
        /// What read them.
        #[schemars(extend("x-open" = true))]
        engine: String,
        /// The least confidence of the fields that a transaction needs.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// The fields were checked for plausibility.
    #[serde(rename = "document.validated")]
    Validated {
        /// All checks.
        checks: Vec<Check>,
        /// What checked them.
        #[schemars(extend("x-open" = true))]
        engine: String,
        /// 1000 when no check failed, 0 otherwise.
        confidence: Confidence,
        /// How long it took.
        took_ms: u64,
    },
    /// A person corrected a field.
    #[serde(rename = "document.field_corrected")]
    FieldCorrected {
        /// The field.
        field: FieldName,
        /// What was read, or corrected before.
        from: Option<FieldValue>,
        /// What it says from now on; none if there is no such thing on the document.
        to: Option<FieldValue>,
    },
    /// It was confirmed: a transaction (or, of a statement, an import) follows from it.
    #[serde(rename = "document.confirmed")]
    Confirmed {
        /// Who confirmed.
        by: ConfirmedBy,
        /// The account that it was paid from, or whose statement it is.
        account: AccountId,
        /// The category that the money went to; none for a statement.
        category: Option<CategoryId>,
    },
    /// A person said that nothing is to be recorded from it.
    #[serde(rename = "document.rejected")]
    Rejected {
        /// Why.
        reason: Option<Text>,
    },
    /// It can't be processed.
    #[serde(rename = "document.failed")]
    Failed {
        /// The step that failed.
        step: Step,
        /// Why.
        reason: FailureReason,
        /// What the reader said; never the document's text.
        detail: Option<Text>,
    },
}

impl DocumentEvent {
    /// The file that it names.
    pub fn file(&self) -> Option<&FileRef> {
        match self {
            Self::Uploaded { file, .. } => Some(file),
            Self::TextRecognised { text, .. } => Some(text),
            Self::FieldsExtracted { lines, .. } => lines.as_ref().map(|lines| &lines.file),
            Self::PasswordRequired { .. }
            | Self::Unlocked { .. }
            | Self::Classified { .. }
            | Self::Validated { .. }
            | Self::FieldCorrected { .. }
            | Self::Confirmed { .. }
            | Self::Rejected { .. }
            | Self::Failed { .. } => None,
        }
    }
}

impl DomainEvent for DocumentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Uploaded { .. } => "document.uploaded",
            Self::PasswordRequired { .. } => "document.password_required",
            Self::Unlocked { .. } => "document.unlocked",
            Self::TextRecognised { .. } => "document.text_recognised",
            Self::Classified { .. } => "document.classified",
            Self::FieldsExtracted { .. } => "document.fields_extracted",
            Self::Validated { .. } => "document.validated",
            Self::FieldCorrected { .. } => "document.field_corrected",
            Self::Confirmed { .. } => "document.confirmed",
            Self::Rejected { .. } => "document.rejected",
            Self::Failed { .. } => "document.failed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            // Since version 2 a check says what it objects to: see `upcast`.
            Self::Validated { .. } => "2",
            _ => "1",
        }
        .to_owned()
    }
}
