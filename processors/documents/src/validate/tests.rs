//! Extractions made up for the test.

use spendlog_domain::documents::{Field, Provenance, Source};

use super::*;
use crate::reading::{Item, Movement};

fn field(name: FieldName, value: FieldValue) -> Field {
    let provenance = Provenance {
        source: Source::Ocr,
        engine: "test".into(),
        rule: "test".into(),
        page: Some(1),
        area: None,
        confidence: Confidence(900),
        raw: None,
    };
    Field {
        name,
        value,
        provenance,
    }
}

fn amount(name: FieldName, value: &str) -> Field {
    field(name, FieldValue::Amount(value.parse().unwrap()))
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// What was extracted.
struct Extracted {
    fields: Vec<Field>,
    lines: Vec<DocumentLine>,
    left_out: u32,
}

impl Extracted {
    fn checks(&self, kind: DocumentKind) -> Vec<Check> {
        validate(&self.fields, &self.lines, self.left_out, kind, day("2024-06-01"))
    }
}

fn receipt() -> Extracted {
    let fields = vec![
        field(FieldName::Merchant, FieldValue::Text("Gasthof Adler".into())),
        field(FieldName::Date, FieldValue::Date(day("2024-05-06"))),
        amount(FieldName::Total, "11.90"),
        amount(FieldName::NetTotal, "10.00"),
        amount(FieldName::Tax, "1.90"),
        field(FieldName::Currency, FieldValue::Currency("EUR".parse().unwrap())),
    ];
    Extracted {
        fields,
        lines: vec![item("5.95"), item("5.95")],
        left_out: 0,
    }
}

fn item(total: &str) -> DocumentLine {
    DocumentLine::Item(Item {
        description: "Suppe".into(),
        date: None,
        quantity: None,
        unit_price: None,
        total: total.parse().ok(),
        page: Some(1),
        area: None,
        confidence: Confidence(900),
    })
}

fn movement(date: &str, amount: &str) -> DocumentLine {
    DocumentLine::Movement(Movement {
        date: day(date),
        amount: amount.parse().unwrap(),
        description: "Miete".into(),
        balance: None,
        reference: None,
        currency: None,
        page: None,
        area: None,
        confidence: Confidence(900),
    })
}

/// What a check objects to.
fn findings(extraction: &Extracted, kind: DocumentKind, name: CheckName) -> Vec<Finding> {
    let checks = extraction.checks(kind);
    checks.into_iter().find(|check| check.name == name).unwrap().findings
}

fn outcome(extraction: &Extracted, kind: DocumentKind, name: CheckName) -> CheckOutcome {
    let checks = extraction.checks(kind);
    assert_eq!(checks.len(), 7);
    checks.into_iter().find(|check| check.name == name).unwrap().outcome
}

#[test]
fn a_receipt_that_adds_up_passes_every_check() {
    let checks = receipt().checks(DocumentKind::Receipt);
    let failed: Vec<CheckName> = checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Fails)
        .map(|check| check.name)
        .collect();
    assert_eq!(failed, []);
}

#[test]
fn a_missing_field_fails() {
    let mut extraction = receipt();
    extraction.fields.retain(|field| field.name != FieldName::Date);
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::RequiredFields),
        CheckOutcome::Fails
    );
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::DatePlausible),
        CheckOutcome::NotApplicable
    );
}

#[test]
fn a_failing_check_says_what_it_objects_to() {
    let mut extraction = receipt();
    extraction.fields.remove(1);
    extraction.fields[1].provenance.confidence = Confidence(599);
    extraction.fields[3] = amount(FieldName::Tax, "2.905");
    extraction.lines.push(item("3.00"));
    let of = |name| findings(&extraction, DocumentKind::Receipt, name);
    let field = FieldName::Date;
    assert_eq!(of(CheckName::RequiredFields), [Finding::Missing { field }]);
    let (field, confidence) = (FieldName::Total, Confidence(599));
    assert_eq!(of(CheckName::Confidence), [Finding::Doubtful { field, confidence }]);
    let sum = |computed: &str, printed: &str| Finding::Sum {
        computed: computed.parse().unwrap(),
        printed: printed.parse().unwrap(),
    };
    assert_eq!(of(CheckName::TaxSum), [sum("12.905", "11.90")]);
    assert_eq!(of(CheckName::LinesSum), [sum("14.90", "11.90")]);
    let field = FieldName::Tax;
    assert_eq!(of(CheckName::Currency), [Finding::Unfit { field }]);
    assert_eq!(of(CheckName::DatePlausible), []);

    let mut extraction = receipt();
    let date = day("2024-06-03");
    extraction.fields[1] = super::tests::field(FieldName::Date, FieldValue::Date(date));
    let found = findings(&extraction, DocumentKind::Receipt, CheckName::DatePlausible);
    assert_eq!(found, [Finding::Implausible { date }]);
}

#[test]
fn nothing_is_recorded_from_a_document_of_no_kind() {
    assert_eq!(
        outcome(&receipt(), DocumentKind::Other, CheckName::RequiredFields),
        CheckOutcome::Fails
    );
}

#[test]
fn a_doubtful_field_fails() {
    let mut extraction = receipt();
    extraction.fields[2].provenance.confidence = Confidence(599);
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::Confidence),
        CheckOutcome::Fails
    );
}

#[test]
fn sums_that_do_not_add_up_fail() {
    let mut extraction = receipt();
    extraction.fields[4] = amount(FieldName::Tax, "2.90");
    extraction.lines.push(item("3.00"));
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::TaxSum),
        CheckOutcome::Fails
    );
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::LinesSum),
        CheckOutcome::Fails
    );
}

#[test]
fn dates_in_the_future_and_of_long_ago_fail() {
    for date in ["2024-06-03", "2013-01-01"] {
        let mut extraction = receipt();
        extraction.fields[1] = field(FieldName::Date, FieldValue::Date(day(date)));
        assert_eq!(
            outcome(&extraction, DocumentKind::Receipt, CheckName::DatePlausible),
            CheckOutcome::Fails
        );
    }
}

#[test]
fn balances_and_movements_must_agree() {
    let fields = vec![
        amount(FieldName::OpeningBalance, "100.00"),
        amount(FieldName::ClosingBalance, "70.00"),
        field(FieldName::Currency, FieldValue::Currency("EUR".parse().unwrap())),
    ];
    let mut extraction = Extracted {
        fields,
        lines: vec![movement("2024-05-01", "-50.00"), movement("2024-05-02", "20.00")],
        left_out: 0,
    };
    assert_eq!(
        outcome(&extraction, DocumentKind::BankStatement, CheckName::BalanceSum),
        CheckOutcome::Holds
    );
    assert_eq!(
        outcome(&extraction, DocumentKind::BankStatement, CheckName::RequiredFields),
        CheckOutcome::Holds
    );
    extraction.lines.pop();
    assert_eq!(
        outcome(&extraction, DocumentKind::BankStatement, CheckName::BalanceSum),
        CheckOutcome::Fails
    );
    extraction.lines.clear();
    assert_eq!(
        outcome(&extraction, DocumentKind::BankStatement, CheckName::RequiredFields),
        CheckOutcome::Fails
    );
}

#[test]
fn lines_that_are_left_out_fail() {
    let mut extraction = Extracted {
        fields: vec![field(FieldName::Currency, FieldValue::Currency("EUR".parse().unwrap()))],
        lines: vec![movement("2024-05-01", "-50.00")],
        left_out: 0,
    };
    let kind = DocumentKind::BankStatement;
    let all_hold = |extraction: &Extracted| extraction.checks(kind).iter().all(Check::holds);
    assert!(all_hold(&extraction));
    extraction.left_out = 3;
    assert!(!all_hold(&extraction));
    let found = findings(&extraction, kind, CheckName::LinesSum);
    assert_eq!(found, [Finding::LeftOut { count: 3 }]);
}

#[test]
fn amounts_have_no_more_digits_than_their_currency() {
    let mut extraction = receipt();
    extraction.fields[5] = field(FieldName::Currency, FieldValue::Currency("JPY".parse().unwrap()));
    assert_eq!(
        outcome(&extraction, DocumentKind::Receipt, CheckName::Currency),
        CheckOutcome::Fails
    );
}

/// Whatever a person may enter is summed without an overflow.
#[test]
fn the_largest_amounts_can_be_summed() {
    let mut extraction = receipt();
    let largest = "999999999999999999";
    extraction.fields[2] = amount(FieldName::Total, "1.00");
    extraction.fields[3] = amount(FieldName::NetTotal, largest);
    extraction.fields[4] = amount(FieldName::Tax, largest);
    extraction.lines = vec![item(largest), item(largest)];
    for check in [CheckName::TaxSum, CheckName::LinesSum] {
        assert_eq!(outcome(&extraction, DocumentKind::Receipt, check), CheckOutcome::Fails);
    }
    extraction.fields[0] = amount(FieldName::OpeningBalance, largest);
    extraction.fields[1] = amount(FieldName::ClosingBalance, "0.00");
    extraction.lines = vec![movement("2024-05-01", largest), movement("2024-05-02", largest)];
    let balances = outcome(&extraction, DocumentKind::BankStatement, CheckName::BalanceSum);
    assert_eq!(balances, CheckOutcome::Fails);
}
