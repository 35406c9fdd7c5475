//! Amounts with the words that name them.

use spendlog_domain::documents::{Box2, Confidence};
use spendlog_domain::values::Decimal;

use super::amounts::{Mark, amounts, mark_of, tidy, units};
use super::labels::{Label, TAX, label_of, of_one_class, opens_tax_summary};
use super::page::{Row, Rows};
use super::text::Labelled;

/// An amount on a page, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The row's place among all rows.
    pub row: usize,
    /// How many amounts stand at its left in the same row.
    pub column: usize,
    /// How many amounts of two decimals its row has.
    pub in_row: usize,
    /// What its label says; none for an item of a list.
    pub label: Option<Label>,
    /// The value, and the same in ten-thousandths.
    pub value: Decimal,
    /// The value in ten-thousandths of a unit.
    pub units: i64,
    /// Whether it looks like money.
    pub monetary: bool,
    /// Whether its label stands in a neighbouring row.
    pub borrowed: bool,
    /// Whether it stands in the table of tax classes.
    pub summary: bool,
    /// Whether its row speaks of taxes.
    pub taxed: bool,
    /// Whether its label names one tax class.
    pub class: bool,
    /// The page, from 1.
    pub page: u32,
    /// Where it stands.
    pub area: Option<Box2>,
    /// How sure the reading of its cell is.
    pub confidence: Confidence,
    /// The cell's words.
    pub raw: String,
}

/// All amounts of the rows, and the sign that parts their fractions.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    /// From top to bottom, from left to right.
    pub all: Vec<Entry>,
    /// What parts the fractions.
    pub mark: Option<Mark>,
    /// The first row of money that has a label: here the list of items ends.
    pub first_labelled: Option<usize>,
}

impl Entries {
    /// Finds and names all amounts.
    pub(crate) fn of(rows: &Rows) -> Self {
        let mark = mark_of(rows.rows.iter().map(|row| row.text.as_str()));
        let mut all = Vec::new();
        let mut summary: Option<(usize, bool)> = None;
        let mut pending: Option<(usize, Label)> = None;
        for (index, row) in rows.rows.iter().enumerate() {
            let words = Labelled::of(&row.text);
            let mut found = row_entries(index, row, mark);
            let money = found.iter().filter(|entry| entry.monetary).count();
            if opens_tax_summary(&words) && money == 0 && index * 3 > rows.rows.len() {
                summary = Some((index, false));
            }
            // It ends with the next row of words behind its amounts, and after a dozen rows at the latest.
            summary = match summary {
                Some((start, _)) if index >= start + 12 => None,
                Some((start, true)) if money == 0 && words.letters() >= 5 && index > start => None,
                Some((start, seen)) => Some((start, seen || money > 0)),
                None => None,
            };
            let in_summary = summary.is_some();
            // A label alone in its row names the amount that stands alone in the next.
            if let Some((at, label)) = pending.take()
                && at + 1 == index
                && let Some(entry) = found
                    .iter_mut()
                    .rev()
                    .find(|entry| entry.monetary && entry.label.is_none())
                && words.letters() <= 6
            {
                entry.label = Some(label);
                entry.borrowed = true;
            }
            if money == 0
                && let Some(label) = label_of(&words)
                && !in_summary
            {
                borrow_from_above(&mut all, index, label, rows);
                pending = Some((index, label));
            }
            for entry in &mut found {
                entry.summary = in_summary;
                entry.class = of_one_class(&words);
                // No coin is that large: what was rounded, not by how much.
                if entry.label == Some(Label::Rounding) && entry.units.abs() >= 10_000 {
                    entry.label = Some(Label::Total);
                }
                entry.taxed = words.any(TAX);
            }
            all.extend(found);
        }
        shifted_columns(&mut all, rows);
        let sums = |entry: &&Entry| {
            entry.monetary
                && matches!(
                    entry.label,
                    Some(
                        Label::Grand
                            | Label::TotalIncluding
                            | Label::Total
                            | Label::TotalExcluding
                            | Label::Net
                            | Label::Subtotal
                    )
                )
        };
        let first_labelled = all.iter().find(sums).map(|entry| entry.row);
        Self {
            all,
            mark,
            first_labelled,
        }
    }

    /// The money with this label outside the table of tax classes.
    pub(crate) fn labelled(&self, label: Label) -> impl Iterator<Item = &Entry> {
        self.all
            .iter()
            .filter(move |entry| entry.label == Some(label) && entry.monetary && !entry.summary)
    }
}

/// Where the row above is nothing but an amount, the label below may be its own: photographs tilt.
fn borrow_from_above(all: &mut [Entry], index: usize, label: Label, rows: &Rows) {
    let Some(entry) = all.last_mut() else { return };
    let alone = Labelled::of(&rows.rows[entry.row].text).letters() <= 3;
    if entry.row + 1 == index && entry.label.is_none() && entry.monetary && alone && entry.column == 0 {
        entry.label = Some(label);
        entry.borrowed = true;
    }
}

/// On a tilted photograph the column of amounts may hang a row below its labels: a label alone, rows of a label and the
/// amount before, an amount alone. Where such a run closes, its amounts belong to its labels in their order.
fn shifted_columns(all: &mut [Entry], rows: &Rows) {
    let labels: Vec<Option<Label>> = rows.rows.iter().map(|row| label_of(&Labelled::of(&row.text))).collect();
    let money = |all: &[Entry], row: usize| -> Vec<usize> {
        all.iter()
            .enumerate()
            .filter(|(_, entry)| entry.row == row && entry.monetary)
            .map(|(at, _)| at)
            .collect()
    };
    let is_sum = |label: Option<Label>| {
        matches!(
            label,
            Some(Label::Grand | Label::Total | Label::TotalIncluding | Label::TotalExcluding | Label::Subtotal)
        )
    };
    let mut start = 0;
    while start < labels.len() {
        if !is_sum(labels[start]) || !money(all, start).is_empty() {
            start += 1;
            continue;
        }
        let (mut named, mut amounts): (Vec<Label>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut closed = None;
        for (row, label) in labels.iter().enumerate().skip(start).take(7) {
            let here = money(all, row);
            let (label, [] | [_]) = (*label, &here[..]) else {
                break;
            };
            if label.is_none() && here.is_empty() {
                break;
            }
            named.extend(label);
            amounts.extend(&here);
            if named.len() == amounts.len() {
                closed = (label.is_none() && row > start + 1).then_some(row);
                break;
            }
        }
        match closed {
            Some(end) => {
                for (at, label) in amounts.into_iter().zip(named) {
                    all[at].label = Some(label);
                    all[at].borrowed = true;
                }
                start = end + 1;
            }
            None => start += 1,
        }
    }
}

fn row_entries(index: usize, row: &Row, mark: Option<Mark>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut words = String::new();
    let mut last: Option<Label> = None;
    for cell in &row.cells {
        let text = tidy(&cell.text);
        let mut from = 0;
        for amount in amounts(&text, mark) {
            words.push(' ');
            words.push_str(text.get(from..amount.start).unwrap_or_default());
            from = amount.end;
            let Some(units) = units(amount.value) else { continue };
            let named = Labelled::of(&words);
            if named.letters() >= 2 {
                last = label_of(&named);
            }
            if amount.monetary() {
                words.clear();
            }
            found.push(Entry {
                row: index,
                column: found.iter().filter(|entry| entry.monetary).count(),
                in_row: 0,
                label: last,
                value: amount.value,
                units,
                monetary: amount.monetary(),
                borrowed: false,
                summary: false,
                class: false,
                taxed: false,
                page: row.page,
                area: cell.area,
                confidence: cell.confidence,
                raw: cell.text.clone(),
            });
        }
        words.push(' ');
        words.push_str(text.get(from..).unwrap_or_default());
    }
    // An amount before its label: `26.50 TOTAL`.
    let money: Vec<usize> = found
        .iter()
        .enumerate()
        .filter(|(_, e)| e.monetary)
        .map(|(i, _)| i)
        .collect();
    if let [only] = money[..]
        && found[only].label.is_none()
    {
        let rest = Labelled::of(&words);
        if rest.letters() >= 4 {
            found[only].label = label_of(&rest);
        }
    }
    for entry in &mut found {
        entry.in_row = money.len();
    }
    found
}
