//! The total, the net total and the taxes: by their labels, and by what adds up.

use std::collections::BTreeMap;

use super::amounts::from_units;
use super::entries::{Entries, Entry};
use super::labels::Label;
use spendlog_domain::values::Decimal;

/// A sum that was found.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    /// The amount where it stands best.
    pub entry: Entry,
    /// The value; the entry's own.
    pub value: Decimal,
    /// Which evidence carried it.
    pub rule: &'static str,
    /// 0 to 1000.
    pub score: u16,
}

/// Total, net total and taxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// What must be paid.
    pub total: Option<Sum>,
    /// Before taxes.
    pub net: Option<Sum>,
    /// The taxes.
    pub tax: Option<Sum>,
}

/// A cent and a half: sums of rounded amounts may be off by one.
const CENT: i64 = 150;

struct Evidence {
    paid: Vec<i64>,
    change: Vec<i64>,
    rounding: Vec<i64>,
    taxes: Vec<i64>,
    bases: Vec<i64>,
    extras: Vec<i64>,
    discounts: Vec<i64>,
    summary: Vec<(i64, i64)>,
    items: Option<i64>,
    prepaid: Vec<i64>,
    totals: Vec<Entry>,
}

impl Evidence {
    fn of(entries: &Entries, items: Option<i64>) -> Self {
        let units = |labels: &[Label]| -> Vec<i64> {
            labels
                .iter()
                .flat_map(|label| entries.labelled(*label))
                .map(|entry| entry.units)
                .collect()
        };
        let mut rows = BTreeMap::<usize, Vec<i64>>::new();
        // Rows of base and tax stand in a table of their own, or as rows that are labelled as taxes.
        let pair = |entry: &&Entry| entry.monetary && (entry.summary || entry.in_row == 2 && entry.taxed);
        for entry in entries.all.iter().filter(pair) {
            rows.entry(entry.row).or_default().push(entry.units);
        }
        let pairs = rows.values().filter_map(|row| match row[..] {
            [base, tax, ..] if tax >= 0 && base > tax => Some((base, tax)),
            _ => None,
        });
        Self {
            paid: units(&[Label::Paid]).into_iter().map(i64::abs).collect(),
            change: units(&[Label::Change]),
            rounding: units(&[Label::Rounding]),
            taxes: units(&[Label::Tax]),
            bases: units(&[Label::TotalExcluding, Label::Net, Label::Subtotal]),
            extras: units(&[Label::Service]),
            discounts: units(&[Label::Discount]),
            summary: pairs.collect(),
            items,
            prepaid: units(&[Label::Prepaid]),
            totals: entries.all.iter().filter(|entry| entry.monetary).cloned().collect(),
        }
    }

    /// Points for what speaks for this value as the total, and the strongest reason.
    fn of_value(&self, value: i64) -> (i32, &'static str) {
        let near = |a: i64, b: i64| (a - b).abs() <= CENT;
        let (mut points, mut rule) = (0, "label");
        let mut add = |more: i32, why: &'static str| {
            points += more;
            rule = why;
        };
        let rounded = || self.rounding.iter().copied().chain([0]);
        let taxes = || self.taxes.iter().copied().chain([0]);
        let bases = self.bases.iter().chain(&self.items);
        let sum = |base: i64| {
            taxes().any(|tax| {
                rounded().any(|round| {
                    let extras = [0]
                        .into_iter()
                        .chain(self.extras.iter().copied())
                        .chain([self.extras.iter().sum()]);
                    let mut less = [0].into_iter().chain(self.discounts.iter().map(|d| -d.abs()));
                    let extras: Vec<i64> = extras.collect();
                    less.any(|less| {
                        extras.iter().any(|extra| {
                            near(base + tax + round + extra + less, value) && (tax, round, *extra, less) != (0, 0, 0, 0)
                        })
                    })
                })
            })
        };
        if bases.clone().any(|base| sum(*base)) {
            add(25, "subtotal and tax");
        }
        if self
            .items
            .is_some_and(|items| rounded().any(|round| near(items + round, value)))
        {
            add(20, "sum of items");
        }
        let net: i64 = self.summary.iter().map(|(base, _)| base).sum();
        let tax: i64 = self.summary.iter().map(|(_, tax)| tax).sum();
        let whole = |base: i64, tax: i64| rounded().any(|round| near(base + tax + round, value));
        if !self.summary.is_empty() && (whole(net, tax) || self.summary.iter().any(|(base, tax)| whole(*base, *tax))) {
            add(20, "tax table");
        }
        let rounds_up = |total: &Entry| {
            label_points(total.label) >= 45
                && !total.summary
                && self
                    .rounding
                    .iter()
                    .any(|round| *round != 0 && total.units + round == value)
        };
        if self.totals.iter().any(rounds_up) {
            add(25, "total and rounding");
        }
        if self.paid.contains(&value) {
            add(20, "payment");
        }
        if self
            .paid
            .iter()
            .any(|paid| self.change.iter().any(|change| *paid - change.abs() == value))
        {
            add(45, "cash and change");
        }
        // A total less what was paid before is the rest of it, not the total.
        let rest = |total: &Entry| {
            label_points(total.label) >= 45
                && !total.summary
                && self
                    .prepaid
                    .iter()
                    .any(|prepaid| *prepaid != 0 && total.units - prepaid.abs() == value)
        };
        if self.totals.iter().any(rest) {
            points -= 45;
        }
        (points, rule)
    }
}

fn label_points(label: Option<Label>) -> i32 {
    match label {
        Some(Label::Grand) => 70,
        Some(Label::TotalIncluding) => 60,
        Some(Label::Total) => 55,
        Some(Label::Net) => 45,
        Some(Label::TotalExcluding) => 12,
        Some(Label::Amount) => 33,
        Some(Label::Subtotal) => 20,
        Some(Label::Paid) => 12,
        Some(Label::Rounding) => -10,
        Some(Label::Balance) => -5,
        Some(Label::Tax | Label::Service | Label::Discount | Label::Change | Label::Prepaid | Label::Count) => -60,
        None => 0,
    }
}

/// Finds the sums. `items` is what the lines of the document add up to, where it has any.
pub(crate) fn sums(entries: &Entries, items: Option<i64>) -> Sums {
    let evidence = Evidence::of(entries, items);
    let last_row = entries.all.iter().map(|entry| entry.row).max().unwrap_or(0).max(1);
    let mut scored: Vec<(i32, &Entry, &'static str)> = Vec::new();
    for entry in entries.all.iter().filter(|entry| entry.monetary && entry.units > 0) {
        let (points, rule) = evidence.of_value(entry.units);
        let mut score = label_points(entry.label) + points;
        if entry.summary {
            score -= 40;
        }
        if entry.label == Some(Label::Total) && entry.in_row > 2 {
            score -= 10;
        }
        if entry.column + 1 < entry.in_row && entry.label.is_some() {
            score -= 12;
        }
        if entry.class {
            score -= 35;
        }
        if entry.borrowed {
            score -= 8;
        }
        // Nearer to the end of the document is nearer to the last word on the sum.
        score += i32::try_from(entry.row * 10 / last_row).unwrap_or(0);
        let same = |other: &&Entry| {
            other.units == entry.units && other.row != entry.row && other.monetary && label_points(other.label) >= 40
        };
        score += 6 * i32::try_from(entries.all.iter().filter(same).count().min(2)).unwrap_or(0);
        scored.push((score, entry, rule));
    }
    scored.sort_by_key(|(score, entry, _)| (std::cmp::Reverse(*score), std::cmp::Reverse(entry.units)));
    let total = scored
        .first()
        .filter(|(score, ..)| *score >= 40)
        .map(|(score, entry, rule)| {
            let rival = scored
                .iter()
                .find(|(_, other, _)| other.units != entry.units)
                .map_or(0, |(score, ..)| *score);
            Sum {
                entry: (*entry).clone(),
                value: entry.value,
                rule,
                score: confidence(*score, score - rival),
            }
        });
    let (net, tax) = parts(entries, &evidence, total.as_ref());
    Sums { total, net, tax }
}

/// 0 to 1000 from the points and the lead before the next value.
fn confidence(points: i32, lead: i32) -> u16 {
    u16::try_from((430 + points * 3 + lead.clamp(0, 60) * 3).clamp(0, 980)).unwrap_or(0)
}

/// Net total and taxes: a pair that makes the total counts more than each alone.
fn parts(entries: &Entries, evidence: &Evidence, total: Option<&Sum>) -> (Option<Sum>, Option<Sum>) {
    let nets: Vec<&Entry> = entries
        .all
        .iter()
        .filter(|entry| entry.monetary && entry.units >= 0)
        .filter(|entry| {
            entry.summary || matches!(entry.label, Some(Label::TotalExcluding | Label::Net | Label::Subtotal))
        })
        .filter(|entry| !entry.class)
        .collect();
    let taxes: Vec<&Entry> = entries
        .all
        .iter()
        .filter(|entry| entry.monetary && entry.units >= 0)
        .filter(|entry| (entry.summary || entry.label == Some(Label::Tax)) && !entry.class)
        .collect();
    let sum = |entry: &Entry, rule: &'static str, score: u16| Sum {
        entry: entry.clone(),
        value: entry.value,
        rule,
        score,
    };
    let weight =
        |entry: &Entry, wanted: Label| i32::from(entry.label == Some(wanted)) * 4 + i32::from(!entry.summary) * 2;
    if let Some(total) = total {
        let rounds: Vec<i64> = evidence.rounding.iter().copied().chain([0]).collect();
        let mut best: Option<(i32, &Entry, &Entry)> = None;
        for net in &nets {
            for tax in taxes
                .iter()
                .filter(|tax| (tax.row, tax.column) != (net.row, net.column) && tax.units < net.units)
            {
                let exact = rounds
                    .iter()
                    .any(|round| (net.units + tax.units + round - total.entry.units).abs() <= CENT);
                let points = weight(net, Label::TotalExcluding) + weight(tax, Label::Tax) + i32::from(tax.units > 0);
                if exact && best.is_none_or(|(most, ..)| points > most) {
                    best = Some((points, net, tax));
                }
            }
        }
        if let Some((_, net, tax)) = best {
            return (
                Some(sum(net, "net and tax make the total", 900)),
                Some(sum(tax, "net and tax make the total", 900)),
            );
        }
    }
    // Taxes of several classes: what each row says adds up.
    if let Some(total) = total {
        let (base, tax) = evidence
            .summary
            .iter()
            .fold((0, 0), |(base, tax), row| (base + row.0, tax + row.1));
        let exact = evidence
            .rounding
            .iter()
            .copied()
            .chain([0])
            .any(|round| (base + tax + round - total.entry.units).abs() <= CENT);
        if let Some(row) = entries
            .all
            .iter()
            .rfind(|entry| entry.taxed && entry.in_row == 2 || entry.summary)
            && exact
            && base > 0
        {
            let made = |units: i64| Sum {
                entry: row.clone(),
                value: from_units(units),
                rule: "sum of the tax classes",
                score: 850,
            };
            return (Some(made(base)), Some(made(tax)));
        }
    }
    let below = |entry: &&&Entry| total.is_none_or(|total| entry.units < total.entry.units);
    let net = nets
        .iter()
        .find(|entry| entry.label == Some(Label::TotalExcluding) && !entry.summary)
        .map(|entry| sum(entry, "label", 600));
    let tax = taxes
        .iter()
        .filter(below)
        .rfind(|entry| entry.label == Some(Label::Tax) && !entry.summary)
        .map(|entry| sum(entry, "label", 600));
    (net, tax)
}
