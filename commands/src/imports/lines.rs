//! The lines of a statement, and how each is known again when it comes in another file.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};
use spendlog_domain::{
    imports::Import,
    values::{AccountId, Currency, Date, Decimal, TransactionId},
};
use spendlog_event_store::OwnerKeys;
use spendlog_web::{Code, Problem};

use crate::{Commands, refusal};

/// The largest file of lines, in bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// A line of a statement, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StatementLine {
    /// The day it was booked.
    pub date: Date,
    /// Signed: negative leaves the account.
    pub amount: Decimal,
    /// What the bank says about it.
    pub description: String,
    /// The bank's own id for it.
    #[serde(default)]
    pub reference: Option<String>,
    /// Its currency, where it differs from the statement's.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// A line of a file of lines.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Movement(StatementLine),
    Item(IgnoredAny),
}

/// The lines of an import.
pub(crate) async fn lines(commands: &Commands, import: &Import) -> Result<Vec<StatementLine>, Problem> {
    let (Some(book), Some(file)) = (import.book(), import.lines()) else {
        return Err(Code::NotFound.into());
    };
    let keys = commands.keys(book.uuid()).await?;
    let bytes = commands
        .files
        .get_bytes(&keys, book.uuid(), &file.object, FILE_MAX)
        .await
        .map_err(refusal::file)?;
    // The error of a parser may quote what it stumbled over, which is personal.
    let lines: Vec<Line> =
        serde_json::from_slice(&bytes).map_err(|_| Problem::internal("a file of lines can't be read"))?;
    let movements = lines.into_iter().filter_map(|line| match line {
        Line::Movement(movement) => Some(movement),
        Line::Item(IgnoredAny) => None,
    });
    Ok(movements.collect())
}

/// The transactions that the lines are, in their order. The same line in another file is the same transaction; two
/// equal purchases are two, for they are counted.
pub(crate) fn transactions_of_lines(
    keys: &OwnerKeys,
    account: AccountId,
    lines: &[StatementLine],
) -> Vec<TransactionId> {
    let mut referred: HashMap<&str, Vec<(Date, String)>> = HashMap::new();
    let mut equal: HashMap<(Date, String, String), u32> = HashMap::new();
    let known = lines.iter().map(|line| {
        let (date, amount) = (line.date, shortest(line.amount));
        match line
            .reference
            .as_deref()
            .map(str::trim)
            .filter(|reference| !reference.is_empty())
        {
            // Some banks give one id to several movements: those are told apart by day and amount.
            Some(reference) => {
                let seen = referred.entry(reference).or_default();
                let number = seen
                    .iter()
                    .position(|known| *known == (date, amount.clone()))
                    .unwrap_or(seen.len());
                if number == seen.len() {
                    seen.push((date, amount));
                }
                format!("{account}\nreference\n{reference}\n{number}")
            }
            None => {
                let text = line.description.split_whitespace().collect::<Vec<_>>().join(" ");
                let count = equal.entry((date, amount.clone(), text.clone())).or_default();
                let number = *count;
                *count += 1;
                format!("{account}\nline\n{date}\n{amount}\n{number}\n{text}")
            }
        }
    });
    known
        .map(|known| TransactionId::new(keys.derive_id("line", known.as_bytes())))
        .collect()
}

/// The number without zeros at the end of its fraction: another file may write it with more of them.
fn shortest(amount: Decimal) -> String {
    let Decimal {
        mut unscaled,
        mut scale,
    } = amount;
    while scale > 0 && unscaled % 10 == 0 {
        (unscaled, scale) = (unscaled / 10, scale - 1);
    }
    Decimal { unscaled, scale }.to_string()
}
