//! Checks whether what was extracted is plausible.

use chrono::Months;
use spendlog_domain::documents::{
    Check, CheckName, CheckOutcome, Confidence, DocumentKind, Field, FieldName, FieldValue, Finding,
};
use spendlog_domain::values::{Currency, Date, Decimal};

use crate::reading::DocumentLine;

#[cfg(test)]
mod tests;

/// The least confidence with which a needed field may have been read.
const CONFIDENT: Confidence = Confidence(600);
/// How far sums of rounded amounts may be off: two cents, in ten-thousandths.
const ROUNDING: i128 = 200;
/// Cash is rounded to the smallest coin, so that lines and total may differ by five cents.
const COIN: i128 = 500;

/// So many days that can hardly be meant are told of.
const DATES_MAX: usize = 10;

/// Every check of these fields and lines, with what came of it; so many lines more were left out.
pub fn validate(
    fields: &[Field],
    lines: &[DocumentLine],
    left_out: u32,
    kind: DocumentKind,
    today: Date,
) -> Vec<Check> {
    let seen = Seen {
        fields,
        lines,
        left_out,
    };
    let check = |name, (outcome, findings)| Check {
        name,
        outcome,
        findings,
    };
    vec![
        check(CheckName::RequiredFields, seen.required(kind)),
        check(CheckName::Confidence, seen.confidence(kind)),
        check(CheckName::TaxSum, seen.tax_sum()),
        check(CheckName::LinesSum, seen.lines_sum(kind)),
        check(CheckName::DatePlausible, seen.dates(today)),
        check(CheckName::BalanceSum, seen.balance_sum()),
        check(CheckName::Currency, seen.currency()),
    ]
}

/// The fields that a transaction needs.
fn needed(kind: DocumentKind) -> &'static [FieldName] {
    match kind {
        DocumentKind::BankStatement => &[FieldName::Currency],
        DocumentKind::ExpenseReport => &[FieldName::Total, FieldName::Currency],
        DocumentKind::Receipt | DocumentKind::Invoice | DocumentKind::Other => &[
            FieldName::Merchant,
            FieldName::Date,
            FieldName::Total,
            FieldName::Currency,
        ],
    }
}

/// What came of a check, and what it objects to.
type Judged = (CheckOutcome, Vec<Finding>);

const NOT_APPLICABLE: Judged = (CheckOutcome::NotApplicable, Vec::new());

/// It holds where there is nothing to object to.
fn judged(findings: Vec<Finding>) -> Judged {
    match findings.as_slice() {
        [] => (CheckOutcome::Holds, findings),
        _ => (CheckOutcome::Fails, findings),
    }
}

/// Whether a sum comes out as the document says, but for rounding.
fn summed(computed: i128, printed: i128, rounding: i128) -> Judged {
    if (computed - printed).abs() <= rounding {
        return judged(vec![]);
    }
    let findings = match (decimal(computed), decimal(printed)) {
        (Some(computed), Some(printed)) => vec![Finding::Sum { computed, printed }],
        _ => vec![],
    };
    (CheckOutcome::Fails, findings)
}

/// Ten-thousandths as a person writes them: with two digits behind the point, or more where there are more.
fn decimal(mut units: i128) -> Option<Decimal> {
    let mut scale = 4;
    while scale > 2 && units % 10 == 0 {
        (units, scale) = (units / 10, scale - 1);
    }
    Decimal::new(i64::try_from(units).ok()?, scale).ok()
}

/// An amount in ten-thousandths, wide enough for all that can be written, and for sums of it.
fn units(amount: Decimal) -> i128 {
    let unscaled = i128::from(amount.unscaled);
    match amount.scale {
        0..=4 => unscaled * 10_i128.pow(u32::from(4 - amount.scale)),
        scale => unscaled / 10_i128.pow(u32::from(scale - 4)),
    }
}

struct Seen<'a> {
    fields: &'a [Field],
    lines: &'a [DocumentLine],
    left_out: u32,
}

impl Seen<'_> {
    fn value(&self, name: FieldName) -> Option<&FieldValue> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.value)
    }

    fn amount(&self, name: FieldName) -> Option<i128> {
        match self.value(name)? {
            FieldValue::Amount(amount) => Some(units(*amount)),
            _ => None,
        }
    }

    fn movements(&self) -> impl Iterator<Item = &crate::reading::Movement> {
        self.lines.iter().filter_map(|line| match line {
            DocumentLine::Movement(movement) => Some(movement),
            DocumentLine::Item(_) => None,
        })
    }

    fn required(&self, kind: DocumentKind) -> Judged {
        let missing = needed(kind).iter().filter(|name| self.value(**name).is_none());
        let mut findings: Vec<Finding> = missing.map(|field| Finding::Missing { field: *field }).collect();
        if kind == DocumentKind::BankStatement && self.lines.is_empty() {
            findings.push(Finding::NoLines {});
        }
        match kind {
            // Of a document that is none of ours, nothing is recorded unseen.
            DocumentKind::Other => (CheckOutcome::Fails, findings),
            _ => judged(findings),
        }
    }

    /// What is missing is for the check of required fields to say; here only what is there is judged.
    fn confidence(&self, kind: DocumentKind) -> Judged {
        let fields = self.fields.iter().filter(|field| needed(kind).contains(&field.name));
        let doubtful = fields.filter(|field| field.provenance.confidence < CONFIDENT);
        let doubtful = doubtful.map(|field| Finding::Doubtful {
            field: field.name,
            confidence: field.provenance.confidence,
        });
        let findings = doubtful.collect();
        match self.movements().all(|movement| movement.confidence >= CONFIDENT) {
            true => judged(findings),
            // Each line has its confidence beside it.
            false => (CheckOutcome::Fails, findings),
        }
    }

    fn tax_sum(&self) -> Judged {
        match (
            self.amount(FieldName::NetTotal),
            self.amount(FieldName::Tax),
            self.amount(FieldName::Total),
        ) {
            (Some(net), Some(tax), Some(total)) => summed(net + tax, total, COIN),
            _ => NOT_APPLICABLE,
        }
    }

    /// Items may be given with or without taxes, and a total after discounts and charges that are no items: only
    /// where every item has a sum is there anything to check.
    fn lines_sum(&self, kind: DocumentKind) -> Judged {
        if self.left_out > 0 {
            return judged(vec![Finding::LeftOut { count: self.left_out }]);
        }
        if !matches!(
            kind,
            DocumentKind::Receipt | DocumentKind::Invoice | DocumentKind::ExpenseReport
        ) {
            return NOT_APPLICABLE;
        }
        let items: Option<Vec<i128>> = self
            .lines
            .iter()
            .map(|line| match line {
                DocumentLine::Item(item) => item.total.map(units),
                DocumentLine::Movement(_) => None,
            })
            .collect();
        let sums: Vec<i128> = [FieldName::NetTotal, FieldName::Total]
            .into_iter()
            .filter_map(|name| self.amount(name))
            .collect();
        match items {
            Some(items) if !items.is_empty() && !sums.is_empty() => {
                let sum: i128 = items.iter().sum();
                // What it misses least is what it is held against.
                let nearest = sums.iter().min_by_key(|total| (**total - sum).abs());
                nearest.map_or(NOT_APPLICABLE, |total| summed(sum, *total, COIN))
            }
            _ => NOT_APPLICABLE,
        }
    }

    fn dates(&self, today: Date) -> Judged {
        let issued = match self.value(FieldName::Date) {
            Some(FieldValue::Date(date)) => Some(*date),
            _ => None,
        };
        let all: Vec<Date> = issued
            .into_iter()
            .chain(self.movements().map(|movement| movement.date))
            .collect();
        if all.is_empty() {
            return NOT_APPLICABLE;
        }
        // A document from the other side of the world may be from tomorrow.
        let latest = today.succ_opt().unwrap_or(today);
        let earliest = today.checked_sub_months(Months::new(120)).unwrap_or(today);
        let mut implausible: Vec<Date> = all;
        implausible.retain(|date| !(earliest..=latest).contains(date));
        implausible.sort_unstable();
        implausible.dedup();
        // A statement may have thousands of lines, an event has 64 KiB.
        implausible.truncate(DATES_MAX);
        let findings = implausible.into_iter().map(|date| Finding::Implausible { date });
        judged(findings.collect())
    }

    fn balance_sum(&self) -> Judged {
        let amounts: Vec<i128> = self.movements().map(|movement| units(movement.amount)).collect();
        match (
            self.amount(FieldName::OpeningBalance),
            self.amount(FieldName::ClosingBalance),
        ) {
            (Some(opening), Some(closing)) if !amounts.is_empty() => {
                summed(opening + amounts.iter().sum::<i128>(), closing, ROUNDING)
            }
            _ => NOT_APPLICABLE,
        }
    }

    fn currency(&self) -> Judged {
        let field = FieldName::Currency;
        let Some(FieldValue::Currency(currency)) = self.value(field) else {
            return judged(vec![Finding::Missing { field }]);
        };
        let fits = |amount: Decimal, currency: Currency| amount.money(currency).is_ok();
        let unfit = self.fields.iter().filter(|field| match &field.value {
            FieldValue::Amount(amount) => !fits(*amount, *currency),
            _ => false,
        });
        let findings = unfit.map(|field| Finding::Unfit { field: field.name }).collect();
        let mut movements = self.movements();
        match movements.all(|movement| fits(movement.amount, movement.currency.unwrap_or(*currency))) {
            true => judged(findings),
            false => (CheckOutcome::Fails, findings),
        }
    }
}
