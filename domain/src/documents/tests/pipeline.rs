//! The steps of the pipeline: their order, what they bring, and that each is done once.

use cqrs_es::Aggregate;
use proptest::{collection::vec, prelude::*};

use super::*;

/// The pipeline's commands in their order, with the event that each leads to.
fn steps() -> Vec<(Step, DocumentCommand, DocumentEvent)> {
    vec![
        (Step::Recognise, recognise(file('b'), "pp-ocrv6/ort", 948), recognised()),
        (
            Step::Classify,
            classify(DocumentKind::Receipt),
            classified(DocumentKind::Receipt),
        ),
        (Step::Extract, extract(read_fields()), extracted()),
        (
            Step::Validate,
            validate(CheckOutcome::Holds),
            validated(CheckOutcome::Holds),
        ),
        (Step::Confirm, by_policy(), confirmed(ConfirmedBy::Policy)),
    ]
}

#[test]
fn steps_are_done_in_their_order_and_once() {
    let mut given = vec![uploaded()];
    for (at, (step, command, event)) in steps().into_iter().enumerate() {
        assert_eq!(replay::<Document>(&given).next_step(), Some(step));
        for (_, done, _) in &steps()[..at] {
            nothing(&given, done.clone());
        }
        for (_, later, _) in &steps()[at + 1..] {
            refuse(&given, later.clone(), DocumentError::OutOfOrder { due: step });
        }
        then(&given, command, event.clone());
        given.push(event);
    }
    for (_, done, _) in steps() {
        nothing(&given, done);
    }
    let document: Document = replay(&given);
    assert_eq!((document.text(), document.pages()), (Some(&file('b')), 2));
    assert_eq!((document.kind(), document.lines()), (Some(DocumentKind::Receipt), None));
    assert_eq!(document.checks(), checks(CheckOutcome::Holds));
}

#[test]
fn a_step_fails_when_it_is_due() {
    let mut given = vec![uploaded()];
    for (at, (step, _, event)) in steps().into_iter().enumerate() {
        then(&given, fail(step), failed(step));
        for (done, _, _) in &steps()[..at] {
            nothing(&given, fail(*done));
        }
        for (later, _, _) in &steps()[at + 1..] {
            refuse(&given, fail(*later), DocumentError::OutOfOrder { due: step });
        }
        let mut and_failed = given.clone();
        and_failed.push(failed(step));
        let document: Document = replay(&and_failed);
        assert_eq!(
            (document.status(), document.next_step()),
            (Some(DocumentStatus::Failed), None)
        );
        assert_eq!(
            document.failure().map(|failure| (failure.step, failure.reason)),
            Some((step, FailureReason::TimeLimit))
        );
        for (step, command, _) in steps() {
            nothing(&and_failed, command);
            nothing(&and_failed, fail(step));
        }
        given.push(event);
    }
}

#[test]
fn what_a_reader_says_is_cut_to_size() {
    let command = |detail: Text| {
        let (step, reason) = (Step::Recognise, FailureReason::Malformed);
        DocumentCommand::Fail {
            step,
            reason,
            detail: Some(detail),
        }
    };
    let event = |detail| DocumentEvent::Failed {
        step: Step::Recognise,
        reason: FailureReason::Malformed,
        detail,
    };
    then(&[uploaded()], command(text(5000)), event(Some(text(1000))));
    then(
        &[uploaded()],
        command("line\nby line".into()),
        event(Some("line by line".into())),
    );
    then(&[uploaded()], command(" ".into()), event(None));
}

#[test]
fn engines_are_codes_and_confidences_per_mille() {
    for engine in ["", "my own engine", "größe", &"a".repeat(65)] {
        refuse(
            &[uploaded()],
            recognise(file('b'), engine, 1),
            DocumentError::InvalidEngine,
        );
        let classify = DocumentCommand::Classify {
            kind: DocumentKind::Other,
            engine: engine.to_owned(),
            confidence: Confidence(1),
            took_ms: 1,
        };
        refuse(&[uploaded(), recognised()], classify, DocumentError::InvalidEngine);
        let validate = DocumentCommand::Validate {
            checks: vec![],
            engine: engine.to_owned(),
            took_ms: 1,
        };
        refuse(&in_review()[..4], validate, DocumentError::InvalidEngine);
        for (rule, engine) in [(engine, "ok"), ("ok", engine)] {
            let mut fields = read_fields();
            fields[0].provenance.rule = rule.to_owned();
            fields[0].provenance.engine = engine.to_owned();
            refuse(&in_review()[..3], extract(fields), DocumentError::InvalidEngine);
        }
    }
    refuse(
        &[uploaded()],
        recognise(file('b'), "ok", 1001),
        DocumentError::InvalidConfidence,
    );
    let mut fields = read_fields();
    fields[0].provenance.confidence = Confidence(1001);
    refuse(&in_review()[..3], extract(fields), DocumentError::InvalidConfidence);
}

#[test]
fn files_are_named_by_hashes() {
    refuse(
        &[uploaded()],
        recognise(bad_file(), "ok", 1),
        DocumentError::InvalidFile,
    );
    let lines = Some(Lines {
        file: bad_file(),
        count: 1,
        left_out: 0,
    });
    let command = DocumentCommand::ExtractFields {
        fields: vec![],
        lines,
        engine: "rules".to_owned(),
        took_ms: 4,
    };
    refuse(&in_review()[..3], command, DocumentError::InvalidFile);
}

#[test]
fn fields_and_checks_come_once_each() {
    let mut fields = read_fields();
    fields.push(fields[2].clone());
    refuse(
        &in_review()[..3],
        extract(fields),
        DocumentError::FieldTwice {
            field: FieldName::Total,
        },
    );
    let mut twice = checks(CheckOutcome::Holds);
    twice.extend(twice.clone());
    let command = DocumentCommand::Validate {
        checks: twice,
        engine: "checks".to_owned(),
        took_ms: 1,
    };
    refuse(&in_review()[..4], command, DocumentError::CheckTwice);
    let mut fields = read_fields();
    fields[2].value = FieldValue::Text("12.50".into());
    refuse(
        &in_review()[..3],
        extract(fields),
        DocumentError::WrongValue {
            field: FieldName::Total,
        },
    );
}

#[test]
fn what_was_read_is_cut_to_size() {
    let given = &in_review()[..3];
    let mut fields = read_fields();
    fields[0].value = FieldValue::Text(text(600));
    fields[0].provenance.raw = Some("a\u{0}b".into());
    fields[1].provenance.raw = Some(text(300));
    fields[2].provenance.raw = Some("\n".into());
    fields.push(field(FieldName::Customer, FieldValue::Text(" \n".into()), 1));
    let mut kept = fields[..4].to_vec();
    kept[0].value = FieldValue::Text(text(500));
    kept[0].provenance.raw = Some("a b".into());
    kept[1].provenance.raw = Some(text(200));
    kept[2].provenance.raw = None;
    then(given, extract(fields), extracted_as(kept, None, 800));
}

#[test]
fn the_confidence_is_the_least_of_what_is_needed() {
    let given = &in_review()[..3];
    then(given, extract(vec![]), extracted_as(vec![], None, 0));
    then(
        given,
        extract(read_fields()[..3].to_vec()),
        extracted_as(read_fields()[..3].to_vec(), None, 0),
    );
    let statement = [uploaded(), recognised(), classified(DocumentKind::BankStatement)];
    let with = |fields: Vec<Field>, lines: Option<Lines>, confidence| {
        let (engine, event) = (
            "rules".to_owned(),
            extracted_as(fields.clone(), lines.clone(), confidence),
        );
        then(
            &statement,
            DocumentCommand::ExtractFields {
                fields,
                lines,
                engine,
                took_ms: 4,
            },
            event,
        );
    };
    let lines = Some(Lines {
        file: file('c'),
        count: 3,
        left_out: 1,
    });
    with(vec![], lines.clone(), 1000);
    with(vec![], None, 0);
    with(read_fields(), lines, 500);
}

#[test]
fn the_fullest_extraction_fits_into_an_event() {
    let wide = |chars: usize| Text::from("😀".repeat(chars));
    let names = [
        FieldName::Merchant,
        FieldName::MerchantAddress,
        FieldName::MerchantTaxId,
        FieldName::Customer,
        FieldName::InvoiceNumber,
        FieldName::AccountNumber,
        FieldName::Date,
        FieldName::DueDate,
        FieldName::Total,
        FieldName::NetTotal,
        FieldName::Tax,
        FieldName::Currency,
        FieldName::OpeningBalance,
        FieldName::ClosingBalance,
    ];
    let values = [
        FieldValue::Text(wide(9000)),
        FieldValue::Date(day("9999-12-31")),
        amount("-999999999.999999999"),
        FieldValue::Currency(currency("EUR")),
    ];
    let value = |name: FieldName| values.iter().find(|value| name.fits(value)).unwrap().clone();
    let mut fields: Vec<_> = names.map(|name| field(name, value(name), 1000)).to_vec();
    for field in &mut fields {
        field.provenance.raw = Some(wide(9000));
    }
    let events = replay::<Document>(&in_review()[..3]).decide(extract(fields)).unwrap();
    let clear = serde_json::to_string(&events[0]).unwrap().len();
    // Sealing turns three bytes into four, and adds a nonce and a tag to each text.
    assert!(clear * 4 / 3 + 20 * 60 < 64 * 1024, "{clear} bytes in clear");
}

fn commands() -> impl Strategy<Value = DocumentCommand> {
    let outcomes = prop_oneof![Just(CheckOutcome::Holds), Just(CheckOutcome::Fails)];
    let kinds = prop_oneof![Just(DocumentKind::Receipt), Just(DocumentKind::BankStatement)];
    let by = prop_oneof![Just(ConfirmedBy::Person), Just(ConfirmedBy::Policy)];
    let step = prop_oneof![
        Just(Step::Recognise),
        Just(Step::Classify),
        Just(Step::Extract),
        Just(Step::Validate)
    ];
    prop_oneof![
        4 => Just(recognise(file('b'), "pp-ocrv6/ort", 948)),
        4 => kinds.prop_map(classify),
        4 => (0..5_usize).prop_map(|count| extract(read_fields()[..count.min(4)].to_vec())),
        4 => outcomes.prop_map(validate),
        1 => Just(DocumentCommand::RequirePassword),
        1 => Just(DocumentCommand::Unlock { password: "secret".into() }),
        2 => (0..9_i64).prop_map(|n| correct(FieldName::Total, Some(amount(&n.to_string())))),
        2 => (by, prop::bool::ANY).prop_map(|(by, category)| confirm(by, ACCOUNT, category.then_some(CATEGORY))),
        1 => Just(DocumentCommand::Reject { reason: None }),
        1 => step.prop_map(fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_same_again_changes_nothing_and_replay_makes_the_same_state(commands in vec(commands(), 0..40)) {
        let mut history = vec![uploaded()];
        let mut document: Document = replay(&history);
        for command in commands {
            let before = (document.status(), document.next_step());
            let Ok(events) = document.decide(command.clone()) else { continue };
            for event in &events {
                document.apply(event.clone());
            }
            prop_assert_eq!(document.decide(command).unwrap_or_default(), vec![]);
            // What is confirmed or rejected stays so.
            if matches!(before.0, Some(DocumentStatus::Confirmed | DocumentStatus::Rejected)) {
                prop_assert_eq!(before, (document.status(), document.next_step()));
            }
            history.extend(events);
        }
        prop_assert_eq!(&replay::<Document>(&history), &document);
        let loaded: Vec<DocumentEvent> = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
        prop_assert_eq!(&replay::<Document>(&loaded), &document);
        let snapshot: Document = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        prop_assert_eq!(&snapshot, &document);
    }
}
