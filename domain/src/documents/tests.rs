//! Given events, when a command, then events or an error.

mod pipeline;
mod review;

use super::{
    Check, CheckName, CheckOutcome, Confidence, Confirmation, ConfirmedBy, Document, DocumentCommand, DocumentError,
    DocumentEvent, DocumentKind, DocumentStatus, EngineChoice, FailureReason, Field, FieldName, FieldValue, Lines,
    Provenance, Source, Step,
};
use crate::{
    samples::{ACCOUNT, BOOK, CATEGORY, DOCUMENT, account, bad_file, check, currency, day, file, replay, text},
    values::{AccountId, CategoryId, Decimal, FileRef, Text},
};

fn upload(file: FileRef, media_type: &str, name: Text) -> DocumentCommand {
    let (media_type, account, engine) = (media_type.to_owned(), Some(ACCOUNT), Some(EngineChoice::Ocrs));
    DocumentCommand::Upload {
        document: DOCUMENT,
        book: BOOK,
        file,
        media_type,
        name,
        account,
        engine,
    }
}

fn uploaded() -> DocumentEvent {
    DocumentEvent::Uploaded {
        document: DOCUMENT,
        book: BOOK,
        file: file('a'),
        media_type: "image/jpeg".to_owned(),
        name: "receipt.jpg".into(),
        account: Some(ACCOUNT),
        engine: Some(EngineChoice::Ocrs),
    }
}

fn recognise(text: FileRef, engine: &str, confidence: u16) -> DocumentCommand {
    let (engine, confidence) = (engine.to_owned(), Confidence(confidence));
    DocumentCommand::RecogniseText {
        text,
        pages: 2,
        words: 87,
        engine,
        confidence,
        took_ms: 1630,
    }
}

fn recognised() -> DocumentEvent {
    let (engine, confidence) = ("pp-ocrv6/ort".to_owned(), Confidence(948));
    DocumentEvent::TextRecognised {
        text: file('b'),
        pages: 2,
        words: 87,
        engine,
        confidence,
        took_ms: 1630,
    }
}

fn classify(kind: DocumentKind) -> DocumentCommand {
    DocumentCommand::Classify {
        kind,
        engine: "keywords".to_owned(),
        confidence: Confidence(900),
        took_ms: 1,
    }
}

fn classified(kind: DocumentKind) -> DocumentEvent {
    DocumentEvent::Classified {
        kind,
        engine: "keywords".to_owned(),
        confidence: Confidence(900),
        took_ms: 1,
    }
}

fn field(name: FieldName, value: FieldValue, confidence: u16) -> Field {
    let provenance = Provenance {
        source: Source::Ocr,
        engine: "pp-ocrv6/ort".to_owned(),
        rule: "by-keyword".to_owned(),
        page: Some(1),
        area: None,
        confidence: Confidence(confidence),
        raw: Some("as it stood".into()),
    };
    Field {
        name,
        value,
        provenance,
    }
}

fn amount(text: &str) -> FieldValue {
    FieldValue::Amount(text.parse::<Decimal>().unwrap())
}

fn read_fields() -> Vec<Field> {
    vec![
        field(FieldName::Merchant, FieldValue::Text("Bakery".into()), 500),
        field(FieldName::Date, FieldValue::Date(day("2026-10-03")), 930),
        field(FieldName::Total, amount("12.50"), 960),
        field(FieldName::Currency, FieldValue::Currency(currency("EUR")), 800),
    ]
}

fn extract(fields: Vec<Field>) -> DocumentCommand {
    DocumentCommand::ExtractFields {
        fields,
        lines: None,
        engine: "rules".to_owned(),
        took_ms: 4,
    }
}

fn extracted_as(fields: Vec<Field>, lines: Option<Lines>, confidence: u16) -> DocumentEvent {
    let confidence = Confidence(confidence);
    DocumentEvent::FieldsExtracted {
        fields,
        lines,
        engine: "rules".to_owned(),
        confidence,
        took_ms: 4,
    }
}

fn extracted() -> DocumentEvent {
    extracted_as(read_fields(), None, 800)
}

fn checks(outcome: CheckOutcome) -> Vec<Check> {
    let not_applicable = Check {
        name: CheckName::LinesSum,
        outcome: CheckOutcome::NotApplicable,
        findings: vec![],
    };
    vec![
        Check {
            name: CheckName::TaxSum,
            outcome,
            findings: vec![],
        },
        not_applicable,
    ]
}

fn validate(outcome: CheckOutcome) -> DocumentCommand {
    DocumentCommand::Validate {
        checks: checks(outcome),
        engine: "checks".to_owned(),
        took_ms: 1,
    }
}

fn validated(outcome: CheckOutcome) -> DocumentEvent {
    let confidence = Confidence(if outcome == CheckOutcome::Fails { 0 } else { 1000 });
    DocumentEvent::Validated {
        checks: checks(outcome),
        engine: "checks".to_owned(),
        confidence,
        took_ms: 1,
    }
}

fn correct(field: FieldName, value: Option<FieldValue>) -> DocumentCommand {
    DocumentCommand::CorrectField { field, value }
}

fn corrected(field: FieldName, from: Option<FieldValue>, to: Option<FieldValue>) -> DocumentEvent {
    DocumentEvent::FieldCorrected { field, from, to }
}

fn confirm(by: ConfirmedBy, account: AccountId, category: Option<CategoryId>) -> DocumentCommand {
    DocumentCommand::Confirm { by, account, category }
}

fn confirmed(by: ConfirmedBy) -> DocumentEvent {
    DocumentEvent::Confirmed {
        by,
        account: ACCOUNT,
        category: Some(CATEGORY),
    }
}

fn by_person() -> DocumentCommand {
    confirm(ConfirmedBy::Person, ACCOUNT, Some(CATEGORY))
}

fn by_policy() -> DocumentCommand {
    confirm(ConfirmedBy::Policy, ACCOUNT, Some(CATEGORY))
}

fn rejected() -> DocumentEvent {
    DocumentEvent::Rejected { reason: None }
}

fn fail(step: Step) -> DocumentCommand {
    DocumentCommand::Fail {
        step,
        reason: FailureReason::TimeLimit,
        detail: None,
    }
}

fn failed(step: Step) -> DocumentEvent {
    DocumentEvent::Failed {
        step,
        reason: FailureReason::TimeLimit,
        detail: None,
    }
}

/// A document that waits for confirmation: extracted and validated with these fields.
fn validated_with(kind: DocumentKind, fields: Vec<Field>) -> Vec<DocumentEvent> {
    let extracted = extracted_as(fields, None, 0);
    vec![
        uploaded(),
        recognised(),
        classified(kind),
        extracted,
        validated(CheckOutcome::Holds),
    ]
}

fn in_review() -> Vec<DocumentEvent> {
    validated_with(DocumentKind::Receipt, read_fields())
}

/// The same, and one event more.
fn in_review_and(event: DocumentEvent) -> Vec<DocumentEvent> {
    let mut given = in_review();
    given.push(event);
    given
}

fn then(given: &[DocumentEvent], when: DocumentCommand, event: DocumentEvent) {
    check::<Document>(given, when, Ok(vec![event]));
}

fn nothing(given: &[DocumentEvent], when: DocumentCommand) {
    check::<Document>(given, when, Ok(vec![]));
}

fn refuse(given: &[DocumentEvent], when: DocumentCommand, error: DocumentError) {
    check::<Document>(given, when, Err(error));
}

#[test]
fn the_same_file_is_uploaded_once() {
    then(&[], upload(file('a'), "image/jpeg", "receipt.jpg".into()), uploaded());
    nothing(&[uploaded()], upload(file('a'), "image/jpeg", "again.jpg".into()));
    refuse(
        &[uploaded()],
        upload(file('b'), "image/jpeg", "receipt.jpg".into()),
        DocumentError::AlreadyUploaded,
    );
    let document: Document = replay(&[uploaded()]);
    assert_eq!(
        (document.id(), document.book(), document.file()),
        (Some(DOCUMENT), Some(BOOK), Some(&file('a')))
    );
    assert_eq!(
        (document.media_type(), document.name()),
        ("image/jpeg", Some(&"receipt.jpg".into()))
    );
    assert_eq!(
        (document.account_hint(), document.engine()),
        (Some(ACCOUNT), Some(EngineChoice::Ocrs))
    );
}

#[test]
fn what_is_uploaded_has_a_file_a_type_and_a_name() {
    refuse(
        &[],
        upload(bad_file(), "image/jpeg", "receipt.jpg".into()),
        DocumentError::InvalidFile,
    );
    for media_type in ["", "jpeg", "image/", "/jpeg", "image/jpeg; name=secret", "image/jpeg/2"] {
        refuse(
            &[],
            upload(file('a'), media_type, "receipt.jpg".into()),
            DocumentError::InvalidMediaType,
        );
    }
    for name in [Text::from(""), " \n".into(), Text::Forgotten] {
        refuse(&[], upload(file('a'), "image/jpeg", name), DocumentError::InvalidName);
    }
    let long = Document::default().decide(upload(
        file('a'),
        "image/jpeg",
        Text::from("a\nb".to_owned() + &"c".repeat(300)),
    ));
    let Ok([DocumentEvent::Uploaded { name, .. }]) = long.as_deref() else {
        panic!("{long:?}")
    };
    assert_eq!(name, &Text::from("a b".to_owned() + &"c".repeat(197)));
}

#[test]
fn nothing_is_possible_before_the_upload() {
    for command in [
        DocumentCommand::RequirePassword,
        DocumentCommand::Unlock { password: "x".into() },
        recognise(file('b'), "pdf-extract", 1000),
        classify(DocumentKind::Receipt),
        extract(vec![]),
        validate(CheckOutcome::Holds),
        correct(FieldName::Date, None),
        by_person(),
        by_policy(),
        DocumentCommand::Reject { reason: None },
        fail(Step::Recognise),
    ] {
        refuse(&[], command, DocumentError::NotUploaded);
    }
    assert_eq!(
        (Document::default().status(), Document::default().next_step()),
        (None, None)
    );
}

#[test]
fn a_locked_document_waits_for_a_password() {
    let required = |tried| DocumentEvent::PasswordRequired { tried };
    let unlocked = DocumentEvent::Unlocked {
        password: "secret".into(),
    };
    let unlock = DocumentCommand::Unlock {
        password: "secret".into(),
    };
    let mut given = vec![uploaded()];
    refuse(&given, unlock.clone(), DocumentError::NotLocked);
    then(&given, DocumentCommand::RequirePassword, required(false));
    given.push(required(false));
    nothing(&given, DocumentCommand::RequirePassword);
    nothing(&given, recognise(file('b'), "pdf-extract", 1000));
    nothing(&given, fail(Step::Recognise));
    let document: Document = replay(&given);
    assert_eq!(
        (document.status(), document.next_step()),
        (Some(DocumentStatus::PasswordRequired), None)
    );
    then(&given, unlock.clone(), unlocked.clone());
    given.push(unlocked.clone());
    refuse(&given, unlock.clone(), DocumentError::NotLocked);
    let document: Document = replay(&given);
    assert_eq!(
        (document.password(), document.next_step()),
        (Some(&"secret".into()), Some(Step::Recognise))
    );
    then(&given, DocumentCommand::RequirePassword, required(true));
    given.push(required(true));
    assert_eq!(replay::<Document>(&given).password(), None);
    then(&given, unlock, unlocked);
    nothing(&[uploaded(), recognised()], DocumentCommand::RequirePassword);
}

#[test]
fn a_password_has_1_to_1000_characters_of_any_kind() {
    let given = [uploaded(), DocumentEvent::PasswordRequired { tried: false }];
    for password in [Text::from(""), text(1001), Text::Forgotten] {
        refuse(
            &given,
            DocumentCommand::Unlock { password },
            DocumentError::InvalidPassword,
        );
    }
    for password in [text(1000), " ".into(), "\u{7}".into()] {
        let unlocked = DocumentEvent::Unlocked {
            password: password.clone(),
        };
        then(&given, DocumentCommand::Unlock { password }, unlocked);
    }
}

#[test]
fn an_engine_is_asked_for_by_the_word_that_it_is_stored_as() {
    for (word, engine) in [
        ("ort", EngineChoice::Ort),
        ("ocrs", EngineChoice::Ocrs),
        ("tesseract", EngineChoice::Tesseract),
    ] {
        assert_eq!(word.parse(), Ok(engine));
    }
    for wrong in ["", "Ort", "auto"] {
        assert!(wrong.parse::<EngineChoice>().is_err(), "{wrong}");
    }
}
