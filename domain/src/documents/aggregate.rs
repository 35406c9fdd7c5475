//! A document as its events tell, and what may happen next.

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Check, ConfirmedBy, DocumentCommand, DocumentError, DocumentEvent, DocumentKind, EngineChoice, FailureReason,
    Field, FieldName, FieldValue, Lines, decide,
};
use crate::values::{AccountId, BookId, CategoryId, Currency, Date, Decimal, DocumentId, FileRef, Text};

/// A step of the pipeline, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum Step {
    /// Read its text.
    Recognise,
    /// Find out what it is.
    Classify,
    /// Read fields and lines from the text.
    Extract,
    /// Check the fields for plausibility.
    Validate,
    /// Confirm it, if the book's policy says so.
    Confirm,
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-open" = true))]
pub enum DocumentStatus {
    /// The pipeline is at work on it.
    Processing,
    /// It waits for a password.
    PasswordRequired,
    /// It is validated, and waits for a person or the book's policy.
    InReview,
    /// It is confirmed.
    Confirmed,
    /// It is rejected.
    Rejected,
    /// It can't be processed.
    Failed,
}

/// How a document was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who confirmed.
    pub by: ConfirmedBy,
    /// The account that it was paid from, or whose statement it is.
    pub account: AccountId,
    /// The category that the money went to; none for a statement.
    pub category: Option<CategoryId>,
}

/// Why a document can't be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub reason: FailureReason,
}

/// A document on its way from the upload to the confirmed fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub(super) id: Option<DocumentId>,
    pub(super) book: Option<BookId>,
    pub(super) file: Option<FileRef>,
    pub(super) media_type: String,
    pub(super) name: Option<Text>,
    pub(super) account: Option<AccountId>,
    pub(super) engine: Option<EngineChoice>,
    pub(super) locked: bool,
    pub(super) password: Option<Text>,
    pub(super) text: Option<FileRef>,
    pub(super) pages: u32,
    pub(super) kind: Option<DocumentKind>,
    pub(super) extracted: Option<Vec<Field>>,
    pub(super) lines: Option<Lines>,
    pub(super) corrections: BTreeMap<FieldName, Option<FieldValue>>,
    pub(super) checks: Option<Vec<Check>>,
    pub(super) checks_stale: bool,
    pub(super) confirmation: Option<Confirmation>,
    pub(super) rejected: bool,
    pub(super) failure: Option<Failure>,
}

impl Document {
    /// The id; none before the upload.
    pub fn id(&self) -> Option<DocumentId> {
        self.id
    }

    /// The book that it belongs to.
    pub fn book(&self) -> Option<BookId> {
        self.book
    }

    /// The original.
    pub fn file(&self) -> Option<&FileRef> {
        self.file.as_ref()
    }

    /// The original's type by content; empty before the upload.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The name that it was uploaded under.
    pub fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// The account that it was uploaded for.
    pub fn account_hint(&self) -> Option<AccountId> {
        self.account
    }

    /// The engine asked for.
    pub fn engine(&self) -> Option<EngineChoice> {
        self.engine
    }

    /// The password to open it with, as given last and not found wrong since.
    pub fn password(&self) -> Option<&Text> {
        self.password.as_ref()
    }

    /// The recognised text, with boxes and scores.
    pub fn text(&self) -> Option<&FileRef> {
        self.text.as_ref()
    }

    /// How many pages, sheets or tables it has; 0 before its text is recognised.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// What it is taken for.
    pub fn kind(&self) -> Option<DocumentKind> {
        self.kind
    }

    /// What was read, whatever was corrected since.
    pub fn extracted_fields(&self) -> &[Field] {
        self.extracted.as_deref().unwrap_or_default()
    }

    /// What persons corrected: none where they said that there is no such thing on the document.
    pub fn corrections(&self) -> &BTreeMap<FieldName, Option<FieldValue>> {
        &self.corrections
    }

    /// The fields that hold: what was read, and above it what persons corrected.
    pub fn fields(&self) -> Vec<Field> {
        let read = self
            .extracted_fields()
            .iter()
            .filter(|field| !self.corrections.contains_key(&field.name));
        let corrected = self
            .corrections
            .iter()
            .filter_map(|(name, value)| Some(Field::by_person(*name, value.clone()?)));
        read.cloned().chain(corrected).collect()
    }

    /// What a field says: what a person corrected it to, or else what was read.
    pub fn field(&self, name: FieldName) -> Option<&FieldValue> {
        let read = || {
            self.extracted_fields()
                .iter()
                .find(|field| field.name == name)
                .map(|field| &field.value)
        };
        self.corrections.get(&name).map_or_else(read, Option::as_ref)
    }

    /// The field [`FieldName::Merchant`].
    pub fn merchant(&self) -> Option<&Text> {
        match self.field(FieldName::Merchant) {
            Some(FieldValue::Text(merchant)) => Some(merchant),
            _ => None,
        }
    }

    /// The field [`FieldName::Date`].
    pub fn date(&self) -> Option<Date> {
        match self.field(FieldName::Date) {
            Some(FieldValue::Date(date)) => Some(*date),
            _ => None,
        }
    }

    /// The field [`FieldName::Total`].
    pub fn total(&self) -> Option<Decimal> {
        match self.field(FieldName::Total) {
            Some(FieldValue::Amount(total)) => Some(*total),
            _ => None,
        }
    }

    /// The field [`FieldName::Currency`].
    pub fn currency(&self) -> Option<Currency> {
        match self.field(FieldName::Currency) {
            Some(FieldValue::Currency(currency)) => Some(*currency),
            _ => None,
        }
    }

    /// Items or movements.
    pub fn lines(&self) -> Option<&Lines> {
        self.lines.as_ref()
    }

    /// The checks of the last validation.
    pub fn checks(&self) -> &[Check] {
        self.checks.as_deref().unwrap_or_default()
    }

    /// How it was confirmed.
    pub fn confirmation(&self) -> Option<Confirmation> {
        self.confirmation
    }

    /// Why it can't be processed.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Where it stands; none before the upload.
    pub fn status(&self) -> Option<DocumentStatus> {
        self.id?;
        Some(if self.rejected {
            DocumentStatus::Rejected
        } else if self.confirmation.is_some() {
            DocumentStatus::Confirmed
        } else if self.failure.is_some() {
            DocumentStatus::Failed
        } else if self.locked {
            DocumentStatus::PasswordRequired
        } else if self.checks.is_some() {
            DocumentStatus::InReview
        } else {
            DocumentStatus::Processing
        })
    }

    /// The step of the pipeline that is still to be done. None where it is finished, failed or locked, or where only
    /// a person can go on.
    ///
    /// [`Step::Confirm`] is due when no check failed and no person has corrected anything: then the book's policy
    /// decides. A correction after the validation makes [`Step::Validate`] due again, so that the checks tell of
    /// the fields as they are; a person need not wait for it to confirm.
    pub fn next_step(&self) -> Option<Step> {
        match self.status()? {
            DocumentStatus::PasswordRequired
            | DocumentStatus::Confirmed
            | DocumentStatus::Rejected
            | DocumentStatus::Failed => None,
            DocumentStatus::InReview if self.checks_stale => Some(Step::Validate),
            DocumentStatus::InReview => {
                let holds = self.checks().iter().all(|check| check.holds()) && self.corrections.is_empty();
                holds.then_some(Step::Confirm)
            }
            DocumentStatus::Processing => Some(if self.text.is_none() {
                Step::Recognise
            } else if self.kind.is_none() {
                Step::Classify
            } else if self.extracted.is_none() {
                Step::Extract
            } else {
                Step::Validate
            }),
        }
    }

    /// What happens on this command. Commands of the pipeline are no event where their step is not to be done any
    /// more, and an error where another one comes first.
    pub fn decide(&self, command: DocumentCommand) -> Result<Vec<DocumentEvent>, DocumentError> {
        decide::decide(self, command)
    }
}

impl Aggregate for Document {
    const TYPE: &'static str = "document";
    type Command = DocumentCommand;
    type Event = DocumentEvent;
    type Error = DocumentError;
    type Services = ();

    async fn handle(&mut self, command: DocumentCommand, _: &(), sink: &EventSink<Self>) -> Result<(), DocumentError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: DocumentEvent) {
        match event {
            DocumentEvent::Uploaded {
                document,
                book,
                file,
                media_type,
                name,
                account,
                engine,
            } => {
                self.id = Some(document);
                self.book = Some(book);
                self.file = Some(file);
                self.media_type = media_type;
                self.name = Some(name);
                self.account = account;
                self.engine = engine;
            }
            DocumentEvent::PasswordRequired { tried: _ } => {
                self.locked = true;
                self.password = None;
            }
            DocumentEvent::Unlocked { password } => {
                self.locked = false;
                self.password = Some(password);
            }
            DocumentEvent::TextRecognised { text, pages, .. } => {
                self.text = Some(text);
                self.pages = pages;
            }
            DocumentEvent::Classified { kind, .. } => self.kind = Some(kind),
            DocumentEvent::FieldsExtracted { fields, lines, .. } => {
                self.extracted = Some(fields);
                self.lines = lines;
            }
            DocumentEvent::Validated { checks, .. } => {
                self.checks = Some(checks);
                self.checks_stale = false;
            }
            DocumentEvent::FieldCorrected { field, from: _, to } => {
                self.corrections.insert(field, to);
                self.checks_stale = true;
            }
            DocumentEvent::Confirmed { by, account, category } => {
                self.confirmation = Some(Confirmation { by, account, category });
            }
            DocumentEvent::Rejected { reason: _ } => self.rejected = true,
            DocumentEvent::Failed {
                step,
                reason,
                detail: _,
            } => self.failure = Some(Failure { step, reason }),
        }
    }
}
