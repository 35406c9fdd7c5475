//! What happens to a document on a command.

use std::collections::HashSet;

use super::{
    Check, Confidence, ConfirmedBy, Document, DocumentCommand, DocumentError, DocumentEvent, DocumentKind,
    DocumentStatus, Field, FieldName, FieldValue, Step,
};
use crate::values::{AccountId, CategoryId, FileRef, Text, is_bookable, is_code};

/// The longest text of a field, in characters.
const FIELD_CHARS_MAX: usize = 500;
/// How much is kept of the words that a value was read from, in characters.
const RAW_CHARS_MAX: usize = 200;
/// How much is kept of what a reader said when it failed, in characters.
const DETAIL_CHARS_MAX: usize = 1000;
/// The longest password, in characters.
const PASSWORD_CHARS_MAX: usize = 1000;

pub(super) fn decide(document: &Document, command: DocumentCommand) -> Result<Vec<DocumentEvent>, DocumentError> {
    let event = match command {
        DocumentCommand::Upload {
            document: id,
            book,
            file,
            media_type,
            name,
            account,
            engine,
        } => {
            if document.id.is_some() {
                let same = document.file.as_ref() == Some(&file);
                return if same {
                    Ok(vec![])
                } else {
                    Err(DocumentError::AlreadyUploaded)
                };
            }
            check_file(&file)?;
            check_media_type(&media_type)?;
            let name = name.abridged(Text::NAME_CHARS_MAX);
            if !name.is_line(Text::NAME_CHARS_MAX) {
                return Err(DocumentError::InvalidName);
            }
            Some(DocumentEvent::Uploaded {
                document: id,
                book,
                file,
                media_type,
                name,
                account,
                engine,
            })
        }
        DocumentCommand::RequirePassword => {
            is_due(document, Step::Recognise)?.then(|| DocumentEvent::PasswordRequired {
                tried: document.password.is_some(),
            })
        }
        DocumentCommand::Unlock { password } => {
            if status(document)? != DocumentStatus::PasswordRequired {
                return Err(DocumentError::NotLocked);
            }
            // Blanks and control characters may well be part of a password.
            let chars = password
                .clear()
                .map_or(0, |text| text.chars().take(PASSWORD_CHARS_MAX + 1).count());
            if !(1..=PASSWORD_CHARS_MAX).contains(&chars) {
                return Err(DocumentError::InvalidPassword);
            }
            Some(DocumentEvent::Unlocked { password })
        }
        DocumentCommand::RecogniseText {
            text,
            pages,
            words,
            engine,
            confidence,
            took_ms,
        } => {
            check_file(&text)?;
            check_engine(&engine, confidence)?;
            is_due(document, Step::Recognise)?.then_some(DocumentEvent::TextRecognised {
                text,
                pages,
                words,
                engine,
                confidence,
                took_ms,
            })
        }
        DocumentCommand::Classify {
            kind,
            engine,
            confidence,
            took_ms,
        } => {
            check_engine(&engine, confidence)?;
            is_due(document, Step::Classify)?.then_some(DocumentEvent::Classified {
                kind,
                engine,
                confidence,
                took_ms,
            })
        }
        DocumentCommand::ExtractFields {
            fields,
            lines,
            engine,
            took_ms,
        } => {
            let fields = checked_fields(fields)?;
            if let Some(lines) = &lines {
                check_file(&lines.file)?;
            }
            let confidence = least_confidence(document.kind, &fields, lines.is_some());
            check_engine(&engine, confidence)?;
            is_due(document, Step::Extract)?.then_some(DocumentEvent::FieldsExtracted {
                fields,
                lines,
                engine,
                confidence,
                took_ms,
            })
        }
        DocumentCommand::Validate {
            checks,
            engine,
            took_ms,
        } => {
            let mut named = HashSet::new();
            if !checks.iter().all(|check| named.insert(check.name)) {
                return Err(DocumentError::CheckTwice);
            }
            let confidence = Confidence(if checks.iter().all(Check::holds) { 1000 } else { 0 });
            check_engine(&engine, confidence)?;
            is_due(document, Step::Validate)?.then_some(DocumentEvent::Validated {
                checks,
                engine,
                confidence,
                took_ms,
            })
        }
        DocumentCommand::CorrectField { field, value } => correct_field(document, field, value)?,
        DocumentCommand::Confirm { by, account, category } => confirm(document, by, account, category)?,
        DocumentCommand::Reject { reason } => {
            if reason
                .as_ref()
                .is_some_and(|reason| !reason.is_note(Text::NOTE_CHARS_MAX))
            {
                return Err(DocumentError::InvalidReason);
            }
            match status(document)? {
                DocumentStatus::Confirmed => return Err(DocumentError::Confirmed),
                DocumentStatus::Rejected => None,
                DocumentStatus::Processing
                | DocumentStatus::PasswordRequired
                | DocumentStatus::InReview
                | DocumentStatus::Failed => Some(DocumentEvent::Rejected { reason }),
            }
        }
        DocumentCommand::Fail { step, reason, detail } => {
            let detail = detail.map(|detail| detail.abridged(DETAIL_CHARS_MAX));
            let detail = detail.filter(|detail| detail.is_line(DETAIL_CHARS_MAX));
            is_due(document, step)?.then_some(DocumentEvent::Failed { step, reason, detail })
        }
    };
    Ok(event.into_iter().collect())
}

fn status(document: &Document) -> Result<DocumentStatus, DocumentError> {
    document.status().ok_or(DocumentError::NotUploaded)
}

/// Whether a step is to be done now: not where it is done or can't be done any more, an error where it comes too early.
fn is_due(document: &Document, step: Step) -> Result<bool, DocumentError> {
    status(document)?;
    match document.next_step() {
        Some(due) if step > due && document.checks.is_none() => Err(DocumentError::OutOfOrder { due }),
        next => Ok(next == Some(step)),
    }
}

fn correct_field(
    document: &Document,
    field: FieldName,
    to: Option<FieldValue>,
) -> Result<Option<DocumentEvent>, DocumentError> {
    check_unfinished(document)?;
    match &to {
        Some(value) if !field.fits(value) => return Err(DocumentError::WrongValue { field }),
        Some(FieldValue::Text(text)) if !text.is_line(FIELD_CHARS_MAX) => {
            return Err(DocumentError::ValueOutOfRange { field });
        }
        Some(FieldValue::Date(day)) if !is_bookable(*day) => return Err(DocumentError::ValueOutOfRange { field }),
        _ => {}
    }
    let from = document.field(field).cloned();
    Ok((from != to).then_some(DocumentEvent::FieldCorrected { field, from, to }))
}

fn confirm(
    document: &Document,
    by: ConfirmedBy,
    account: AccountId,
    category: Option<CategoryId>,
) -> Result<Option<DocumentEvent>, DocumentError> {
    match by {
        ConfirmedBy::Policy if !is_due(document, Step::Confirm)? => return Ok(None),
        ConfirmedBy::Policy => {}
        ConfirmedBy::Person => {
            // Said twice, it holds as it held.
            if document
                .confirmation
                .is_some_and(|done| (done.account, done.category) == (account, category))
            {
                return Ok(None);
            }
            check_unfinished(document)?;
            if document.checks.is_none() {
                return Err(DocumentError::NotValidated);
            }
        }
    }
    if document.kind == Some(DocumentKind::BankStatement) {
        if category.is_some() {
            return Err(DocumentError::CategoryOfStatement);
        }
    } else {
        if category.is_none() {
            return Err(DocumentError::CategoryMissing);
        }
        check_recordable(document)?;
    }
    Ok(Some(DocumentEvent::Confirmed { by, account, category }))
}

/// Whether a transaction can be made of the fields.
fn check_recordable(document: &Document) -> Result<(), DocumentError> {
    let missing = |field| DocumentError::FieldMissing { field };
    let total = document.total().ok_or(missing(FieldName::Total))?;
    let date = document.date().ok_or(missing(FieldName::Date))?;
    let currency = document.currency().ok_or(missing(FieldName::Currency))?;
    let amount = total.money(currency).map_err(|_| DocumentError::UnusableTotal)?;
    if amount.minor == 0 || !amount.is_within_limit() {
        return Err(DocumentError::UnusableTotal);
    }
    if is_bookable(date) {
        Ok(())
    } else {
        Err(DocumentError::UnusableDate)
    }
}

/// Refuses what is confirmed, rejected or failed.
fn check_unfinished(document: &Document) -> Result<(), DocumentError> {
    match status(document)? {
        DocumentStatus::Confirmed => Err(DocumentError::Confirmed),
        DocumentStatus::Rejected => Err(DocumentError::Rejected),
        DocumentStatus::Failed => Err(DocumentError::Failed),
        DocumentStatus::Processing | DocumentStatus::PasswordRequired | DocumentStatus::InReview => Ok(()),
    }
}

fn check_file(file: &FileRef) -> Result<(), DocumentError> {
    if file.is_valid() {
        Ok(())
    } else {
        Err(DocumentError::InvalidFile)
    }
}

fn check_media_type(media_type: &str) -> Result<(), DocumentError> {
    let halves = media_type.split_once('/');
    let valid = halves.is_some_and(|(kind, form)| is_code(kind) && is_code(form) && !form.contains('/'));
    if valid {
        Ok(())
    } else {
        Err(DocumentError::InvalidMediaType)
    }
}

fn check_engine(engine: &str, confidence: Confidence) -> Result<(), DocumentError> {
    if !is_code(engine) {
        return Err(DocumentError::InvalidEngine);
    }
    if confidence.0 > 1000 {
        Err(DocumentError::InvalidConfidence)
    } else {
        Ok(())
    }
}

/// The fields with their texts cut to size, and without those that say nothing.
fn checked_fields(mut fields: Vec<Field>) -> Result<Vec<Field>, DocumentError> {
    let mut named = HashSet::new();
    for Field {
        name,
        value,
        provenance,
    } in &mut fields
    {
        if !named.insert(*name) {
            return Err(DocumentError::FieldTwice { field: *name });
        }
        if !name.fits(value) {
            return Err(DocumentError::WrongValue { field: *name });
        }
        check_engine(&provenance.engine, provenance.confidence)?;
        check_engine(&provenance.rule, provenance.confidence)?;
        if let FieldValue::Text(text) = value {
            *text = text.clone().abridged(FIELD_CHARS_MAX);
        }
        let raw = provenance.raw.take().map(|raw| raw.abridged(RAW_CHARS_MAX));
        provenance.raw = raw.filter(|raw| raw.is_line(RAW_CHARS_MAX));
    }
    fields.retain(|field| match &field.value {
        FieldValue::Text(text) => text.is_line(FIELD_CHARS_MAX),
        FieldValue::Date(_) | FieldValue::Amount(_) | FieldValue::Currency(_) => true,
    });
    Ok(fields)
}

/// The least confidence of the fields that a transaction needs, 0 where one is missing; of a statement, whose lines
/// have theirs, the least of the fields that are there.
fn least_confidence(kind: Option<DocumentKind>, fields: &[Field], has_lines: bool) -> Confidence {
    let of = |name| {
        fields
            .iter()
            .find(|field| field.name == name)
            .map_or(Confidence(0), |f| f.provenance.confidence)
    };
    let needed = kind
        .map_or(&[][..], DocumentKind::needed_fields)
        .iter()
        .map(|name| of(*name))
        .min();
    let present = || fields.iter().map(|field| field.provenance.confidence).min();
    needed
        .or_else(present)
        .unwrap_or(Confidence(if has_lines { 1000 } else { 0 }))
}
