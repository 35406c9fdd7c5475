//! Checks whether what was extracted is plausible.

use chrono::Months;
use spendlog_domain::documents::{Check, CheckName, CheckOutcome, Confidence, DocumentKind, FieldName, FieldValue};
use spendlog_domain::values::{Currency, Date, Decimal};

use crate::extract::{Extraction, units};
use crate::reading::DocumentLine;

#[cfg(test)]
mod tests;

/// The least confidence with which a needed field may have been read.
const CONFIDENT: Confidence = Confidence(600);
/// How far sums of rounded amounts may be off: two cents, in ten-thousandths.
const ROUNDING: i64 = 200;
/// Cash is rounded to the smallest coin, so that lines and total may differ by five cents.
const COIN: i64 = 500;

/// Every check, with what came of it.
pub fn validate(extraction: &Extraction, kind: DocumentKind, today: Date) -> Vec<Check> {
    let seen = Seen { extraction };
    let check = |name, outcome| Check { name, outcome };
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

fn holds(condition: bool) -> CheckOutcome {
    if condition {
        CheckOutcome::Holds
    } else {
        CheckOutcome::Fails
    }
}

struct Seen<'a> {
    extraction: &'a Extraction,
}

impl Seen<'_> {
    fn value(&self, name: FieldName) -> Option<&FieldValue> {
        self.extraction
            .fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.value)
    }

    fn amount(&self, name: FieldName) -> Option<i64> {
        match self.value(name)? {
            FieldValue::Amount(amount) => units(*amount),
            _ => None,
        }
    }

    fn movements(&self) -> impl Iterator<Item = &crate::reading::Movement> {
        self.extraction.lines.iter().filter_map(|line| match line {
            DocumentLine::Movement(movement) => Some(movement),
            DocumentLine::Item(_) => None,
        })
    }

    fn required(&self, kind: DocumentKind) -> CheckOutcome {
        let fields = needed(kind).iter().all(|name| self.value(*name).is_some());
        let lines = kind != DocumentKind::BankStatement || !self.extraction.lines.is_empty();
        holds(fields && lines && kind != DocumentKind::Other)
    }

    /// What is missing is for the check of required fields to say; here only what is there is judged.
    fn confidence(&self, kind: DocumentKind) -> CheckOutcome {
        let fields = self
            .extraction
            .fields
            .iter()
            .filter(|field| needed(kind).contains(&field.name));
        let movements = self.movements().map(|movement| movement.confidence);
        holds(
            fields
                .map(|field| field.provenance.confidence)
                .chain(movements)
                .all(|confidence| confidence >= CONFIDENT),
        )
    }

    fn tax_sum(&self) -> CheckOutcome {
        match (
            self.amount(FieldName::NetTotal),
            self.amount(FieldName::Tax),
            self.amount(FieldName::Total),
        ) {
            (Some(net), Some(tax), Some(total)) => holds((net + tax - total).abs() <= COIN),
            _ => CheckOutcome::NotApplicable,
        }
    }

    /// Items may be given with or without taxes, and a total after discounts and charges that are no items: only
    /// where every item has a sum is there anything to check.
    fn lines_sum(&self, kind: DocumentKind) -> CheckOutcome {
        if !matches!(
            kind,
            DocumentKind::Receipt | DocumentKind::Invoice | DocumentKind::ExpenseReport
        ) {
            return CheckOutcome::NotApplicable;
        }
        let items: Option<Vec<i64>> = self
            .extraction
            .lines
            .iter()
            .map(|line| match line {
                DocumentLine::Item(item) => item.total.and_then(units),
                DocumentLine::Movement(_) => None,
            })
            .collect();
        let sums: Vec<i64> = [FieldName::NetTotal, FieldName::Total]
            .into_iter()
            .filter_map(|name| self.amount(name))
            .collect();
        match items {
            Some(items) if !items.is_empty() && !sums.is_empty() => {
                let sum: i64 = items.iter().sum();
                holds(sums.iter().any(|total| (total - sum).abs() <= COIN))
            }
            _ => CheckOutcome::NotApplicable,
        }
    }

    fn dates(&self, today: Date) -> CheckOutcome {
        let issued = match self.value(FieldName::Date) {
            Some(FieldValue::Date(date)) => Some(*date),
            _ => None,
        };
        let all: Vec<Date> = issued
            .into_iter()
            .chain(self.movements().map(|movement| movement.date))
            .collect();
        if all.is_empty() {
            return CheckOutcome::NotApplicable;
        }
        // A document from the other side of the world may be from tomorrow.
        let latest = today.succ_opt().unwrap_or(today);
        let earliest = today.checked_sub_months(Months::new(120)).unwrap_or(today);
        holds(all.iter().all(|date| (earliest..=latest).contains(date)))
    }

    fn balance_sum(&self) -> CheckOutcome {
        let amounts: Option<Vec<i64>> = self.movements().map(|movement| units(movement.amount)).collect();
        match (
            self.amount(FieldName::OpeningBalance),
            self.amount(FieldName::ClosingBalance),
            amounts,
        ) {
            (Some(opening), Some(closing), Some(amounts)) if !amounts.is_empty() => {
                holds((opening + amounts.iter().sum::<i64>() - closing).abs() <= ROUNDING)
            }
            _ => CheckOutcome::NotApplicable,
        }
    }

    fn currency(&self) -> CheckOutcome {
        let Some(FieldValue::Currency(currency)) = self.value(FieldName::Currency) else {
            return CheckOutcome::Fails;
        };
        let fits = |amount: Decimal, currency: Currency| amount.money(currency).is_ok();
        let fields = self.extraction.fields.iter().all(|field| match &field.value {
            FieldValue::Amount(amount) => fits(*amount, *currency),
            _ => true,
        });
        holds(
            fields
                && self
                    .movements()
                    .all(|movement| fits(movement.amount, movement.currency.unwrap_or(*currency))),
        )
    }
}
