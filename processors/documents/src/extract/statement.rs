//! Fields and lines of bank statements, from whatever they were read.

use spendlog_domain::documents::{Box2, Confidence, Field, FieldName, FieldValue};
use spendlog_domain::values::{Currency, Decimal};

use super::amounts::{from_units, units};
use super::currency;
use super::locale::Locale;
use super::page::Rows;
use super::pattern::regex;
use super::sale::{At, Maker, currency_of};
use super::{Extraction, Hints, statement_table, statement_text};
use crate::reading::{DocumentLine, Movement, Reading, Statement};

regex!(IBAN, r"\b([A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?)\b");
regex!(
    ACCOUNT,
    r"(?i)(?:account\s*(?:no\.?|number|#)?|a/c\s*(?:no\.?)?|konto(?:nummer|-?nr\.?)?|compte\s*n[°o.]*|cuenta|rekening(?:nummer)?|conto)\s*[:.#]?\s*([\dXx*]{2,}[\dXx* /-]{3,24}\d)"
);

/// Movements and balances, as they were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The movements, in the document's order.
    pub movements: Vec<Movement>,
    /// Before the first.
    pub opening: Option<Stated>,
    /// After the last.
    pub closing: Option<Stated>,
    /// The account, where a column names it.
    pub account: Option<String>,
    /// The currency, where a column names it.
    pub currency: Option<Currency>,
    /// How many rows were meant as movements and cannot be read.
    pub left_out: u32,
}

/// A balance that the document states or that follows from its movements.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    /// The balance.
    pub value: Decimal,
    /// The page.
    pub page: u32,
    /// The place.
    pub area: Option<Box2>,
    /// How sure it is.
    pub score: u16,
    /// The rule.
    pub rule: &'static str,
    /// The words.
    pub raw: String,
}

/// Everything that a bank statement says.
pub(crate) fn statement(reading: &Reading, hints: &Hints) -> Extraction {
    let rows = Rows::of(reading);
    if !reading.statements.is_empty() {
        return structured(&reading.statements, &rows, hints);
    }
    let text = rows
        .rows
        .iter()
        .map(|row| row.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let locale = Locale::of(&text);
    let currency = currency_of(&rows, &locale);
    let code = currency.as_ref().map(|found| found.currency);
    let mut found = if reading.tables.is_empty() {
        Found::default()
    } else {
        statement_table::read(reading, &locale, code, hints.today)
    };
    if found.movements.is_empty() && !reading.pages.is_empty() {
        found = statement_text::read(&rows, &locale, code, hints.today);
    }
    balance_from_movements(&mut found);
    let maker = Maker { rows: &rows };
    let mut fields = Vec::new();
    let first = rows.rows.first();
    let whole = |score: u16, rule: &'static str| At {
        page: first.map_or(1, |row| row.page),
        area: None,
        read: Confidence(1000),
        score,
        rule,
        raw: "",
    };
    let named = found.account.clone().map(|account| {
        maker.field(
            FieldName::AccountNumber,
            FieldValue::Text(account.into()),
            &whole(850, "column of the account"),
        )
    });
    fields.extend(named.or_else(|| account_number(&rows, &maker)));
    for (name, stated) in [
        (FieldName::OpeningBalance, &found.opening),
        (FieldName::ClosingBalance, &found.closing),
    ] {
        fields.extend(stated.as_ref().map(|stated| {
            let at = At {
                page: stated.page,
                area: stated.area,
                read: reading.confidence,
                score: stated.score,
                rule: stated.rule,
                raw: &stated.raw,
            };
            maker.field(name, FieldValue::Amount(stated.value), &at)
        }));
    }
    let by_column = found.currency.map(|code| currency::Found {
        currency: code,
        page: 1,
        area: None,
        score: 920,
        confidence: reading.confidence,
        rule: "column of the currency",
        raw: code.code().to_owned(),
    });
    fields.extend(maker.currency(by_column.as_ref().or(currency.as_ref()), hints.account_currency));
    let lines = found.movements.into_iter().map(DocumentLine::Movement);
    Extraction {
        left_out: found.left_out,
        ..Extraction::of(fields, lines.collect())
    }
}

/// Statements of structured files say everything themselves. A file of more than one account is taken as its
/// movements together; balances and account are given only where there is one.
fn structured(statements: &[Statement], rows: &Rows, hints: &Hints) -> Extraction {
    let maker = Maker { rows };
    let at = |rule: &'static str| At {
        page: 1,
        area: None,
        read: Confidence(1000),
        score: 1000,
        rule,
        raw: "",
    };
    let mut fields: Vec<Field> = Vec::new();
    let currencies: Vec<Currency> = statements.iter().filter_map(|statement| statement.currency).collect();
    if let [statement] = statements {
        fields.extend(statement.account_number.as_ref().map(|number| {
            maker.field(
                FieldName::AccountNumber,
                FieldValue::Text(number.as_str().into()),
                &at("account of the file"),
            )
        }));
        fields.extend(statement.opening_balance.map(|value| {
            maker.field(
                FieldName::OpeningBalance,
                FieldValue::Amount(value),
                &at("opening balance of the file"),
            )
        }));
        fields.extend(statement.closing_balance.map(|value| {
            maker.field(
                FieldName::ClosingBalance,
                FieldValue::Amount(value),
                &at("closing balance of the file"),
            )
        }));
    }
    match currencies.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => {
            fields.push(maker.field(
                FieldName::Currency,
                FieldValue::Currency(*first),
                &at("currency of the file"),
            ));
        }
        Some(_) => {}
        None => fields.extend(maker.currency(None, hints.account_currency)),
    }
    let lines = statements.iter().flat_map(|statement| {
        let own = |movement: &Movement| Movement {
            currency: movement
                .currency
                .or(statement.currency.filter(|_| statements.len() > 1)),
            ..movement.clone()
        };
        statement.movements.iter().map(own).map(DocumentLine::Movement)
    });
    Extraction {
        longest: statements
            .iter()
            .map(|statement| statement.movements.len())
            .max()
            .unwrap_or(0),
        ..Extraction::of(fields, lines.collect())
    }
}

fn account_number(rows: &Rows, maker: &Maker<'_>) -> Option<Field> {
    for row in rows.rows.iter().take(60) {
        let found = IBAN.captures(&row.text).filter(|found| {
            found
                .get(1)
                .is_some_and(|m| m.as_str().chars().filter(char::is_ascii_digit).count() >= 10)
        });
        let (found, rule) = match found {
            Some(found) => (Some(found), "IBAN"),
            None => (ACCOUNT.captures(&row.text), "label of the account"),
        };
        if let Some(number) = found.and_then(|found| found.get(1)) {
            let at = At {
                page: row.page,
                area: row.area(),
                read: row.confidence(),
                score: 800,
                rule,
                raw: &row.text,
            };
            let number = number.as_str().split_whitespace().collect::<Vec<_>>().join("");
            return Some(maker.field(FieldName::AccountNumber, FieldValue::Text(number.into()), &at));
        }
    }
    None
}

/// Balances that no words state follow from the running balance.
fn balance_from_movements(found: &mut Found) {
    let (Some(first), Some(last)) = (found.movements.first(), found.movements.last()) else {
        return;
    };
    // Newest first or oldest first.
    let (oldest, newest) = if first.date > last.date {
        (last, first)
    } else {
        (first, last)
    };
    let derived = |movement: &Movement, value: Decimal, rule: &'static str| Stated {
        value,
        page: movement.page.unwrap_or(1),
        area: movement.area,
        score: 800,
        rule,
        raw: movement.description.clone(),
    };
    if found.opening.is_none()
        && let Some(balance) = oldest.balance
        && let (Some(after), Some(amount)) = (units(balance), units(oldest.amount))
    {
        found.opening = Some(derived(
            oldest,
            from_units(after - amount),
            "running balance before the first movement",
        ));
    }
    if found.closing.is_none()
        && let Some(balance) = newest.balance
    {
        found.closing = Some(derived(newest, balance, "running balance after the last movement"));
    }
}
