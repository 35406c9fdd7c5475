//! Open Financial Exchange: statements of banks, cards and brokers, in the old syntax (SGML without closing tags) and
//! in the new one (XML).
//!
//! One tolerant scanner reads both: real exports mix them, leave tags open, and put bare `&` into text. It knows no
//! entities beside the five of XML and numbers, so nothing can expand.

use std::io::Write;

use encoding_rs::Encoding;
use spendlog_domain::documents::{Confidence, Source};
use spendlog_domain::values::{Currency, Date, Decimal};

use super::child::{Answer, Stop, end};
use super::encoding::{decode, decode_as};
use super::failure::Failure;
use super::limits::{MOVEMENTS, TABLES};
use super::protocol::End;
use super::text::cut;
use crate::reading::{Movement, Statement};

mod scan;
#[cfg(test)]
mod tests;
mod values;

use scan::{Token, tokens};

pub(super) fn read(file: &[u8], answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let (statements, left_out) = statements(file)?;
    for statement in statements {
        answer.statement(statement)?;
    }
    Ok(End {
        left_out,
        ..end("ofx", Source::Data)
    })
}

/// The statements, and how many movements are in none of them because they cannot be read.
fn statements(file: &[u8]) -> Result<(Vec<Statement>, u32), Failure> {
    let text = decode_as(file, said_encoding(file)).ok_or_else(|| Failure::malformed("it is no text"))?;
    let upper = text.to_ascii_uppercase();
    let start = upper
        .find("<OFX")
        .ok_or_else(|| Failure::malformed("it has no OFX element"))?;
    let mut state = State::default();
    for token in tokens(&text[start..]) {
        match token {
            Token::Open(tag) => state.open(&tag),
            Token::Close(tag) => state.close(&tag),
            Token::Value(tag, value) => state.value(&tag, &value),
        }
        if state.count > MOVEMENTS || state.done.len() > TABLES {
            return Err(Failure::too_large("it has too many movements"));
        }
    }
    state.end_movement();
    state.end_statement();
    let whole = upper.contains("</OFX") || upper.contains("MSGSRSV");
    if state.done.is_empty() && (state.damaged > 0 || !whole) {
        return Err(Failure::malformed("it is damaged, and holds no statement"));
    }
    // A bank's answer without a statement (a list of accounts, a refusal) is still an answer.
    if state.done.is_empty() {
        state.done.push(Statement::default());
    }
    Ok((state.done, state.damaged))
}

/// The encoding in the header, of either syntax; only asked where the text is not UTF-8.
fn said_encoding(file: &[u8]) -> Option<&'static Encoding> {
    let head = decode(&file[..file.len().min(2048)])?.to_ascii_uppercase();
    let after = |mark: &str| {
        head.split_once(mark)
            .map(|(_, rest)| rest.trim_start_matches([' ', '"', '\'', '=']))
    };
    let label: String = after("ENCODING=")
        .or_else(|| after("CHARSET:"))?
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        .collect();
    let label = if label.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("windows-{label}")
    } else {
        label
    };
    Encoding::for_label(label.as_bytes())
}

/// What stands open while the tokens pass by.
#[derive(Default)]
struct State {
    done: Vec<Statement>,
    statement: Option<Statement>,
    movement: Option<Raw>,
    balance: Option<Balance>,
    /// Inside an element that names an account, and whether it is the statement's own.
    account: Option<bool>,
    /// Inside an element that names a currency beside the statement's, and whether the amount is in it.
    foreign: Option<bool>,
    count: usize,
    damaged: u32,
}

/// A movement as it stands there.
#[derive(Default)]
struct Raw {
    posted: Option<String>,
    user: Option<String>,
    amount: Option<String>,
    kind: Option<String>,
    id: Option<String>,
    check: Option<String>,
    name: Option<String>,
    memo: Option<String>,
    currency: Option<Currency>,
}

#[derive(Default)]
struct Balance {
    /// Whether it is the booked balance, not the available one.
    booked: bool,
    amount: Option<Decimal>,
}

impl State {
    fn open(&mut self, tag: &str) {
        match tag {
            "STMTRS" | "CCSTMTRS" | "INVSTMTRS" => {
                self.end_movement();
                self.end_statement();
                self.statement = Some(Statement::default());
            }
            "STMTTRN" => {
                self.end_movement();
                self.movement = Some(Raw::default());
            }
            "LEDGERBAL" | "AVAILBAL" => {
                self.end_movement();
                self.balance = Some(Balance {
                    booked: tag == "LEDGERBAL",
                    amount: None,
                });
            }
            "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" => self.account = Some(self.movement.is_none()),
            "BANKACCTTO" | "CCACCTTO" | "LOANACCTTO" => self.account = Some(false),
            // With CURRENCY the amount is in that currency; with ORIGCURRENCY it was converted to the statement's.
            "CURRENCY" => self.foreign = Some(true),
            "ORIGCURRENCY" => self.foreign = Some(false),
            _ => (),
        }
    }

    fn close(&mut self, tag: &str) {
        match tag {
            "STMTRS" | "CCSTMTRS" | "INVSTMTRS" => {
                self.end_movement();
                self.end_statement();
            }
            "STMTTRN" | "BANKTRANLIST" | "INVTRANLIST" => self.end_movement(),
            "LEDGERBAL" | "AVAILBAL" => self.end_balance(),
            "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" | "BANKACCTTO" | "CCACCTTO" | "LOANACCTTO" => {
                self.account = None;
            }
            "CURRENCY" | "ORIGCURRENCY" => self.foreign = None,
            _ => (),
        }
    }

    fn value(&mut self, tag: &str, value: &str) {
        if tag == "ACCTID" {
            if self.account == Some(true)
                && let Some(statement) = &mut self.statement
            {
                statement.account_number = Some(cut(value).to_owned());
            }
        } else if let Some(movement) = &mut self.movement {
            movement.value(tag, value, self.foreign);
        } else if let Some(balance) = &mut self.balance {
            if tag == "BALAMT" {
                balance.amount = values::amount(value);
            }
        } else if tag == "CURDEF"
            && let Some(statement) = &mut self.statement
        {
            statement.currency = currency(value);
        }
    }

    fn end_balance(&mut self) {
        if let Some(Balance { booked: true, amount }) = self.balance.take()
            && let Some(statement) = &mut self.statement
        {
            statement.closing_balance = amount;
        }
    }

    fn end_statement(&mut self) {
        self.end_balance();
        self.account = None;
        self.done.extend(self.statement.take());
    }

    fn end_movement(&mut self) {
        self.foreign = None;
        let Some(raw) = self.movement.take() else { return };
        self.account = None;
        match raw.movement() {
            Some(movement) => {
                self.count += 1;
                // Some exports leave out what stands around their movements.
                self.statement.get_or_insert_default().movements.push(movement);
            }
            None => self.damaged += 1,
        }
    }
}

impl Raw {
    fn value(&mut self, tag: &str, value: &str, foreign: Option<bool>) {
        let text = || Some(cut(value).to_owned());
        match tag {
            "DTPOSTED" => self.posted = text(),
            "DTUSER" => self.user = text(),
            "TRNAMT" => self.amount = text(),
            "TRNTYPE" => self.kind = text(),
            "FITID" => self.id = text(),
            "CHECKNUM" => self.check = text(),
            "NAME" if self.name.is_none() => self.name = text(),
            "PAYEE" if self.name.is_none() => self.name = text(),
            "MEMO" => self.memo = text(),
            "CURSYM" if foreign == Some(true) => self.currency = currency(value),
            "CURRENCY" => self.currency = currency(value),
            _ => (),
        }
    }

    /// The movement, or `None` where day or amount cannot be read: half a movement would be a guess.
    fn movement(self) -> Option<Movement> {
        let date: Date = [self.posted, self.user]
            .iter()
            .flatten()
            .find_map(|text| values::date(text))?;
        let amount = values::amount(&self.amount?)?;
        Some(Movement {
            date,
            amount,
            description: description(self.name, self.memo, self.check, self.kind),
            balance: None,
            // Some banks write a zero or the same word for all: the reader of the lines has to look for doubles.
            reference: self.id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()),
            currency: self.currency,
            page: None,
            area: None,
            confidence: Confidence(1000),
        })
    }
}

fn currency(code: &str) -> Option<Currency> {
    code.trim().to_ascii_uppercase().parse().ok()
}

/// Name and memo, without saying the same twice; else the cheque's number or the kind.
fn description(name: Option<String>, memo: Option<String>, check: Option<String>, kind: Option<String>) -> String {
    let squeeze = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let filled = |text: Option<String>| text.map(squeeze).filter(|text| !text.is_empty());
    match (filled(name), filled(memo)) {
        (Some(name), Some(memo)) if memo.starts_with(&name) => memo,
        (Some(name), Some(memo)) if name.contains(&memo) => name,
        (Some(name), Some(memo)) => format!("{name} {memo}"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => filled(check)
            .map(|number| format!("CHECK {number}"))
            .or_else(|| filled(kind))
            .unwrap_or_default(),
    }
}
