//! The table of what came out.

use std::time::Duration;

use spendlog_domain::values::{Currency, Money};
use spendlog_schemas::documents::{Document, DocumentStatus};

use super::steps;

const HEADS: [&str; 8] = [
    "document",
    "taken for",
    "merchant",
    "date",
    "total",
    "sure",
    "outcome",
    "seconds",
];
/// Columns of figures stand to the right.
const RIGHT: [usize; 3] = [4, 5, 7];
/// Longer texts are cut.
const WIDEST: usize = 44;

/// What came of a document.
pub(crate) struct Row {
    cells: [String; 8],
    broken: bool,
}

impl Row {
    /// Of a document as the API shows it.
    pub(crate) fn of(name: &str, document: &Document, took: Duration) -> Self {
        let item = &document.item;
        let kind = item.kind.as_deref().map(words);
        let statement = item.kind.as_deref() == Some("bank_statement");
        let merchant = if statement {
            Some(format!("{} lines", document.lines_count))
        } else {
            item.merchant.clone()
        };
        let balance = document.fields.iter().find(|field| field.name == "closing_balance");
        let amount = if statement {
            balance.and_then(|field| field.value.clone())
        } else {
            item.total.clone()
        };
        let total = amount.map(|amount| sum(&amount, item.currency.as_deref()));
        let sure = item.confidence.map(|thousandths| format!("{} %", thousandths / 10));
        let tenths = took.as_millis() / 100;
        let cells = [
            Some(name.to_owned()),
            kind,
            merchant,
            item.date.map(|date| date.to_string()),
            total,
            sure,
            Some(outcome(document)),
            Some(format!("{}.{}", tenths / 10, tenths % 10)),
        ];
        Self {
            cells: cells.map(or_dash),
            broken: item.status == DocumentStatus::Failed,
        }
    }

    /// Of a document that did not come through.
    pub(crate) fn broken(name: &str, error: &anyhow::Error) -> Self {
        let mut cells: [String; 8] = Default::default();
        cells[0] = name.to_owned();
        cells[6] = format!("{error:#}");
        Self { cells, broken: true }
    }

    /// Whether it did not come through.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }
}

/// Confirmed, or why not.
fn outcome(document: &Document) -> String {
    match document.item.status {
        DocumentStatus::Confirmed => "confirmed: every check holds".to_owned(),
        DocumentStatus::InReview if steps::all_hold(document) => "in review: left to a person".to_owned(),
        DocumentStatus::InReview => {
            let failed = document.checks.iter().filter(|check| check.outcome == "fails");
            let names: Vec<String> = failed.map(|check| doubt(&check.name)).collect();
            format!("in review: {}", names.join(", "))
        }
        DocumentStatus::Processing => "still at work".to_owned(),
        DocumentStatus::PasswordRequired => "locked: the password is wrong".to_owned(),
        DocumentStatus::Rejected => "rejected".to_owned(),
        DocumentStatus::Failed => {
            let reason = document
                .item
                .failure
                .as_ref()
                .map_or("?", |failure| failure.reason.as_str());
            format!("failed: {}", words(reason))
        }
    }
}

/// An amount with as many digits as its currency has.
fn sum(amount: &str, currency: Option<&str>) -> String {
    let Some(currency) = currency.and_then(|code| code.parse::<Currency>().ok()) else {
        return format!("{amount} ?");
    };
    let amount = Money::parse(amount, currency).map_or_else(|_| amount.to_owned(), |money| money.decimal().to_string());
    format!("{amount} {}", currency.code())
}

/// A check that failed, in words.
fn doubt(check: &str) -> String {
    match check {
        "required_fields" => "a needed field is missing".to_owned(),
        "confidence" => "a field is not sure enough".to_owned(),
        "tax_sum" => "net and tax don't make the total".to_owned(),
        "lines_sum" => "lines are left out, or don't make the total".to_owned(),
        "date_plausible" => "the date is implausible".to_owned(),
        "balance_sum" => "the lines don't make the balance".to_owned(),
        "currency" => "the currency is not known".to_owned(),
        other => words(other),
    }
}

/// The table as lines of text.
pub(crate) fn render(rows: &[Row]) -> String {
    let heads = HEADS.map(str::to_owned);
    let all = || std::iter::once(&heads).chain(rows.iter().map(|row| &row.cells));
    let mut widths = [0; 8];
    for cells in all() {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cut(cell).chars().count());
        }
    }
    let rule = widths.map(|width| "─".repeat(width)).join("─┼─");
    let mut lines = Vec::new();
    for (number, cells) in all().enumerate() {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(n, (cell, width))| pad(cell, width, n))
            .collect();
        lines.push(padded.join(" │ ").trim_end().to_owned());
        if number == 0 {
            lines.push(rule.clone());
        }
    }
    lines.join("\n")
}

fn pad(cell: &str, width: usize, column: usize) -> String {
    let cell = cut(cell);
    let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
    if RIGHT.contains(&column) {
        gap + &cell
    } else {
        cell + &gap
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "—".to_owned())
}
