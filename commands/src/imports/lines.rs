//! The lines of a statement, and how each is known again when it comes in another file.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, de::IgnoredAny};
use spendlog_domain::{
    imports::Import,
    values::{AccountId, Currency, Date, Decimal, ImportId, TransactionId},
};
use spendlog_event_store::OwnerKeys;
use spendlog_web::{Code, Problem};

use crate::{Actor, Commands, refusal};

/// What stands where there is no reference: in SEPA (`NOTPROVIDED`), SWIFT (`NONREF`), and tables.
const NO_REFERENCE: [&str; 5] = ["NOTPROVIDED", "NONREF", "NONE", "NULL", "N/A"];

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

/// The lines of an import, for somebody: whether its book is theirs is asked before anything is read.
pub(crate) async fn lines_for(
    commands: &Commands,
    actor: Actor,
    import: ImportId,
) -> Result<Vec<StatementLine>, Problem> {
    let state = commands.dispatch.newest::<Import>(import).await?;
    commands.check_book(actor, state.book().ok_or(Code::NotFound)?).await?;
    lines(commands, &state).await
}

/// The lines of an import.
pub(crate) async fn lines(commands: &Commands, import: &Import) -> Result<Vec<StatementLine>, Problem> {
    let (Some(book), Some(file)) = (import.book(), import.lines()) else {
        return Err(Code::NotFound.into());
    };
    let keys = commands.keys(book.uuid()).await?;
    // The journal says how large it is: whatever could be written can be read.
    let bytes = commands
        .files
        .get_bytes(&keys, book.uuid(), &file.object, file.bytes)
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
/// equal purchases are two, for they are counted. So are two of one day and amount under a reference that other movements
/// bear as well, as a customer's number does; under one that is a movement's own, they are one, written twice.
pub(crate) fn transactions_of_lines(
    keys: &OwnerKeys,
    account: AccountId,
    lines: &[StatementLine],
) -> Vec<TransactionId> {
    let mut bearers: HashMap<&str, HashSet<(Date, String)>> = HashMap::new();
    for line in lines {
        if let Some(reference) = reference(line) {
            let bearers = bearers.entry(reference).or_default();
            bearers.insert((line.date, shortest(line.amount)));
        }
    }
    let mut equal: HashMap<(&str, Date, String, String), u32> = HashMap::new();
    let known = lines.iter().map(|line| {
        let (date, amount) = (line.date, shortest(line.amount));
        let (kind, text, counts) = match reference(line) {
            Some(reference) => ("reference", reference.to_owned(), bearers[reference].len() > 1),
            None => {
                let words = line.description.split_whitespace();
                ("line", words.collect::<Vec<_>>().join(" "), true)
            }
        };
        let count = equal.entry((kind, date, amount.clone(), text.clone())).or_default();
        let number = *count;
        *count += u32::from(counts);
        format!("{account}\n{kind}\n{date}\n{amount}\n{number}\n{text}")
    });
    known
        .map(|known| TransactionId::new(keys.derive_id("line", known.as_bytes())))
        .collect()
}

/// The bank's own id of a movement, where there is one: some write zeros, or that there is none.
fn reference(line: &StatementLine) -> Option<&str> {
    let reference = line.reference.as_deref()?.trim();
    let says_nothing = reference.chars().all(|c| c == '0' || !c.is_alphanumeric())
        || NO_REFERENCE.iter().any(|none| reference.eq_ignore_ascii_case(none));
    (!says_nothing).then_some(reference)
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
