//! From words at places to fields and lines, each with its provenance.
//!
//! Every field has a module that gathers candidates, scores them by independent evidence (label, place, arithmetic)
//! and answers with the best, or with nothing where none is good enough. Scores are whole numbers; a confidence is
//! the rule's score capped by how sure the reading of those words was.

use serde::{Deserialize, Serialize};
use spendlog_domain::documents::{DocumentKind, Field, FieldValue};
use spendlog_domain::values::{Currency, Date, Decimal};

use crate::reading::{DocumentLine, Reading};

mod amounts;
mod beside;
mod currency;
mod customer;
mod dates;
mod days;
mod entries;
mod expenses;
mod invoice_number;
mod items;
mod labels;
mod locale;
mod merchant;
mod months;
mod page;
mod pattern;
mod rowkind;
mod sale;
mod seller;
mod short_dates;
mod statement;
mod statement_columns;
mod statement_heads;
mod statement_order;
mod statement_signs;
mod statement_table;
mod statement_text;
mod statement_words;
mod tax_id;
#[cfg(test)]
mod tests;
mod text;
mod total;

pub(crate) use statement_columns::looks_like_statement;
pub(crate) use statement_text::{dated_rows, has_heads};
pub(crate) use text::Labelled;

/// The name of these rules, as it is kept with every document that they read.
const ENGINE: &str = "rules/1";

/// What is known from elsewhere.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Hints {
    /// The currency of the account that the document was uploaded for; used only where the document does not say,
    /// and then with a provenance that says so.
    pub account_currency: Option<Currency>,
    /// The day of the upload: no document is from later.
    pub today: Date,
}

/// What was read from a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// The fields; one that is not there could not be read.
    pub fields: Vec<Field>,
    /// Items or movements.
    pub lines: Vec<DocumentLine>,
    /// How many lines the longest of its statements has.
    pub longest: usize,
    /// How many more there are, at least, that cannot be read. A damaged sheet counts as one.
    pub left_out: u32,
    /// What read them: the name of the rules.
    pub engine: String,
}

impl Extraction {
    /// These fields and lines, and nothing left out.
    fn of(fields: Vec<Field>, lines: Vec<DocumentLine>) -> Self {
        Self {
            longest: lines.len(),
            fields,
            lines,
            left_out: 0,
            engine: ENGINE.to_owned(),
        }
    }
}

/// Reads the fields and lines that a document of this kind has.
pub fn extract(reading: &Reading, kind: DocumentKind, hints: &Hints) -> Extraction {
    let mut extraction = match kind {
        DocumentKind::BankStatement => statement::statement(reading, hints),
        DocumentKind::ExpenseReport => expenses::expenses(reading, hints),
        DocumentKind::Receipt | DocumentKind::Invoice | DocumentKind::Other => {
            sale::sale(&page::Rows::of(reading), kind, hints)
        }
    };
    extraction.left_out += reading.left_out;
    with_the_currencys_digits(extraction)
}

/// A spreadsheet says 234.5 where a person writes 234.50: sums get the digits of their currency. What has more stays as it is.
fn with_the_currencys_digits(mut extraction: Extraction) -> Extraction {
    let currency = extraction.fields.iter().find_map(|field| match field.value {
        FieldValue::Currency(currency) => Some(currency),
        _ => None,
    });
    let Some(currency) = currency else { return extraction };
    let pad = |amount: &mut Decimal| {
        if let Ok(money) = amount.money(currency) {
            *amount = money.decimal();
        }
    };
    for field in &mut extraction.fields {
        if let FieldValue::Amount(amount) = &mut field.value {
            pad(amount);
        }
    }
    for line in &mut extraction.lines {
        match line {
            DocumentLine::Item(item) => item.total.iter_mut().for_each(pad),
            DocumentLine::Movement(movement) if movement.currency.is_none_or(|own| own == currency) => {
                pad(&mut movement.amount);
                movement.balance.iter_mut().for_each(pad);
            }
            DocumentLine::Movement(_) => {}
        }
    }
    extraction
}
