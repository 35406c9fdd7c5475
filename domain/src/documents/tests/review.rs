//! What people make of a document: corrections, confirmation, rejection.

use super::*;

#[test]
fn a_field_is_named_as_it_is_stored() {
    assert_eq!(FieldName::MerchantTaxId.to_string(), "merchant_tax_id");
}

#[test]
fn corrections_outrank_what_was_read() {
    let (from, to) = (Some(amount("12.50")), Some(amount("13.50")));
    let event = corrected(FieldName::Total, from.clone(), to.clone());
    then(&in_review(), correct(FieldName::Total, to.clone()), event.clone());
    nothing(&in_review(), correct(FieldName::Total, from));
    nothing(&in_review(), correct(FieldName::Customer, None));
    let mut given = in_review_and(event);
    nothing(&given, correct(FieldName::Total, to.clone()));
    let removed = corrected(FieldName::Merchant, Some(FieldValue::Text("Bakery".into())), None);
    then(&given, correct(FieldName::Merchant, None), removed.clone());
    given.push(removed);
    let added = corrected(FieldName::Customer, None, Some(FieldValue::Text("Grace".into())));
    then(
        &given,
        correct(FieldName::Customer, Some(FieldValue::Text("Grace".into()))),
        added.clone(),
    );
    given.push(added);
    let document: Document = replay(&given);
    assert_eq!(
        (document.total(), document.merchant()),
        (Some("13.50".parse().unwrap()), None)
    );
    assert_eq!(
        (document.date(), document.currency()),
        (Some(day("2026-10-03")), Some(currency("EUR")))
    );
    assert_eq!(
        document.field(FieldName::Customer),
        Some(&FieldValue::Text("Grace".into()))
    );
    assert_eq!(
        (document.extracted_fields().len(), document.corrections().len()),
        (4, 3)
    );
    let fields = document.fields();
    let source = |name| {
        fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.provenance.source)
    };
    assert_eq!(source(FieldName::Date), Some(Source::Ocr));
    assert_eq!(source(FieldName::Total), Some(Source::Person));
    assert_eq!((source(FieldName::Merchant), fields.len()), (None, 4));
}

#[test]
fn corrections_survive_what_is_read_later() {
    let to = Some(amount("13.50"));
    let given = [
        uploaded(),
        corrected(FieldName::Total, None, to),
        recognised(),
        classified(DocumentKind::Receipt),
        extracted(),
    ];
    assert_eq!(replay::<Document>(&given).total(), Some("13.50".parse().unwrap()));
}

#[test]
fn a_correction_fits_its_field() {
    let date = FieldValue::Date(day("2026-10-03"));
    let eur = FieldValue::Currency(currency("EUR"));
    for (field, value) in [
        (FieldName::Total, date.clone()),
        (FieldName::Date, amount("1")),
        (FieldName::Merchant, eur.clone()),
        (FieldName::Currency, FieldValue::Text("EUR".into())),
        (FieldName::OpeningBalance, eur),
        (FieldName::AccountNumber, date),
    ] {
        refuse(
            &in_review(),
            correct(field, Some(value)),
            DocumentError::WrongValue { field },
        );
    }
    for value in [Text::from(""), "a\nb".into(), text(501), Text::Forgotten] {
        let field = FieldName::Merchant;
        refuse(
            &in_review(),
            correct(field, Some(FieldValue::Text(value))),
            DocumentError::ValueOutOfRange { field },
        );
    }
    let field = FieldName::DueDate;
    let far = FieldValue::Date(day("+10000-01-01"));
    refuse(
        &in_review(),
        correct(field, Some(far)),
        DocumentError::ValueOutOfRange { field },
    );
}

#[test]
fn a_correction_opens_the_review_again() {
    let all_hold: Document = replay(&in_review());
    assert_eq!(
        (all_hold.status(), all_hold.next_step()),
        (Some(DocumentStatus::InReview), Some(Step::Confirm))
    );
    let mut given = in_review_and(corrected(
        FieldName::Total,
        Some(amount("12.50")),
        Some(amount("13.50")),
    ));
    // The checks are made again, and a person need not wait for them.
    let document: Document = replay(&given);
    assert_eq!(
        (document.status(), document.next_step()),
        (Some(DocumentStatus::InReview), Some(Step::Validate))
    );
    nothing(&given, by_policy());
    then(&given, by_person(), confirmed(ConfirmedBy::Person));
    then(&given, validate(CheckOutcome::Fails), validated(CheckOutcome::Fails));
    // From now on it is a person's.
    given.push(validated(CheckOutcome::Holds));
    assert_eq!(replay::<Document>(&given).next_step(), None);
    nothing(&given, by_policy());
    nothing(&given, validate(CheckOutcome::Fails));
}

#[test]
fn what_is_finished_is_not_corrected() {
    let correction = correct(FieldName::Total, Some(amount("1")));
    refuse(
        &in_review_and(confirmed(ConfirmedBy::Person)),
        correction.clone(),
        DocumentError::Confirmed,
    );
    refuse(&in_review_and(rejected()), correction.clone(), DocumentError::Rejected);
    refuse(
        &[uploaded(), failed(Step::Recognise)],
        correction,
        DocumentError::Failed,
    );
}

#[test]
fn a_person_confirms_what_is_validated() {
    then(&in_review(), by_person(), confirmed(ConfirmedBy::Person));
    let mut failing = in_review();
    failing.push(validated(CheckOutcome::Fails));
    then(&failing, by_person(), confirmed(ConfirmedBy::Person));
    refuse(&in_review()[..4], by_person(), DocumentError::NotValidated);
    refuse(&in_review_and(rejected()), by_person(), DocumentError::Rejected);
    refuse(
        &[uploaded(), failed(Step::Recognise)],
        by_person(),
        DocumentError::Failed,
    );
    let given = in_review_and(confirmed(ConfirmedBy::Policy));
    nothing(&given, by_person());
    nothing(&given, by_policy());
    refuse(
        &given,
        confirm(ConfirmedBy::Person, account(99), Some(CATEGORY)),
        DocumentError::Confirmed,
    );
    let document: Document = replay(&given);
    let confirmation = Confirmation {
        by: ConfirmedBy::Policy,
        account: ACCOUNT,
        category: Some(CATEGORY),
    };
    assert_eq!(document.confirmation(), Some(confirmation));
    assert_eq!(
        (document.status(), document.next_step()),
        (Some(DocumentStatus::Confirmed), None)
    );
}

#[test]
fn the_policy_confirms_only_what_passes_every_check() {
    then(&in_review(), by_policy(), confirmed(ConfirmedBy::Policy));
    let mut failing = in_review();
    failing[4] = validated(CheckOutcome::Fails);
    assert_eq!(replay::<Document>(&failing).next_step(), None);
    nothing(&failing, by_policy());
    refuse(
        &in_review()[..4],
        by_policy(),
        DocumentError::OutOfOrder { due: Step::Validate },
    );
    nothing(&in_review_and(rejected()), by_policy());
    let incomplete = validated_with(DocumentKind::Invoice, vec![]);
    refuse(
        &incomplete,
        by_policy(),
        DocumentError::FieldMissing {
            field: FieldName::Total,
        },
    );
}

#[test]
fn a_transaction_needs_total_date_currency_and_category() {
    let kinds = [
        DocumentKind::Receipt,
        DocumentKind::Invoice,
        DocumentKind::ExpenseReport,
        DocumentKind::Other,
    ];
    for kind in kinds {
        for name in [FieldName::Total, FieldName::Date, FieldName::Currency] {
            let mut fields = read_fields();
            fields.retain(|field| field.name != name);
            refuse(
                &validated_with(kind, fields),
                by_person(),
                DocumentError::FieldMissing { field: name },
            );
        }
        let command = confirm(ConfirmedBy::Person, ACCOUNT, None);
        refuse(
            &validated_with(kind, read_fields()),
            command,
            DocumentError::CategoryMissing,
        );
    }
}

#[test]
fn total_and_date_can_be_recorded() {
    let with = |total| {
        let mut fields = read_fields();
        fields[2].value = total;
        validated_with(DocumentKind::Receipt, fields)
    };
    for total in ["12.505", "0.00", "10000000000000.01"] {
        refuse(&with(amount(total)), by_person(), DocumentError::UnusableTotal);
    }
    for total in ["12.500", "-3", "10000000000000"] {
        then(&with(amount(total)), by_person(), confirmed(ConfirmedBy::Person));
    }
    let mut fields = read_fields();
    fields[1].value = FieldValue::Date(day("0203-10-03"));
    refuse(
        &validated_with(DocumentKind::Receipt, fields),
        by_person(),
        DocumentError::UnusableDate,
    );
}

#[test]
fn a_statement_needs_no_fields_and_has_no_category() {
    let given = validated_with(DocumentKind::BankStatement, vec![]);
    let event = DocumentEvent::Confirmed {
        by: ConfirmedBy::Person,
        account: ACCOUNT,
        category: None,
    };
    then(&given, confirm(ConfirmedBy::Person, ACCOUNT, None), event);
    refuse(&given, by_person(), DocumentError::CategoryOfStatement);
}

#[test]
fn only_what_is_unconfirmed_is_rejected() {
    let reject = DocumentCommand::Reject { reason: None };
    let locked = vec![uploaded(), DocumentEvent::PasswordRequired { tried: false }];
    for given in [
        vec![uploaded()],
        locked,
        in_review(),
        vec![uploaded(), failed(Step::Recognise)],
    ] {
        then(&given, reject.clone(), rejected());
        let mut given = given;
        given.push(rejected());
        nothing(&given, reject.clone());
        let document: Document = replay(&given);
        assert_eq!(
            (document.status(), document.next_step()),
            (Some(DocumentStatus::Rejected), None)
        );
    }
    refuse(
        &in_review_and(confirmed(ConfirmedBy::Person)),
        reject,
        DocumentError::Confirmed,
    );
    for reason in [Text::from(""), text(4001), Text::Forgotten] {
        refuse(
            &in_review(),
            DocumentCommand::Reject { reason: Some(reason) },
            DocumentError::InvalidReason,
        );
    }
    let reason = Some(Text::from("twice\nthe same"));
    then(
        &in_review(),
        DocumentCommand::Reject { reason: reason.clone() },
        DocumentEvent::Rejected { reason },
    );
}
