//! Readings made up for the test: given these lines, these fields.

mod amounts;
mod dates;
mod expenses;
mod invoices;
mod pages;
mod receipts;
mod statement_pages;
mod statement_tables;

use spendlog_domain::documents::{Box2, Confidence, DocumentKind, FieldName, FieldValue, Source};

use super::{Extraction, Hints, extract};
use crate::reading::{DocumentLine, Item, Line, Movement, Page, Reading, Table, Word};

/// A page whose lines are given as text: each word has its place by its column, ten letters of the font a word's gap
/// apart where two blanks or more stand between.
pub(super) fn page(source: Source, lines: &[&str]) -> Reading {
    let height = u32::try_from(lines.len() * 20 + 40).unwrap();
    let line = |(row, text): (usize, &&str)| {
        let mut words = Vec::new();
        let mut at = 0;
        for word in text.split(' ') {
            let (x0, y0) = (at * 10, row * 20 + 20);
            let letters = word.chars().count();
            at += letters + 1;
            if letters > 0 {
                let x = |x: usize| u16::try_from(x * 10_000 / 1000).unwrap();
                let y = |y: usize| u16::try_from(y * 10_000 / usize::try_from(height).unwrap()).unwrap();
                let area = Box2 {
                    x0: x(x0),
                    y0: y(y0),
                    x1: x(x0 + letters * 10 - 1),
                    y1: y(y0 + 14),
                };
                words.push(Word {
                    text: word.to_owned(),
                    area,
                    confidence: Confidence(960),
                });
            }
        }
        Line { words }
    };
    let lines = lines.iter().enumerate().map(line).collect();
    Reading {
        pages: vec![Page {
            number: 1,
            width: 1000,
            height,
            lines,
        }],
        tables: Vec::new(),
        statements: Vec::new(),
        engine: "test".to_owned(),
        source,
        confidence: Confidence(960),
        left_out: 0,
    }
}

/// A table of cells.
pub(super) fn table(rows: &[&[&str]]) -> Reading {
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
        .collect();
    Reading {
        pages: Vec::new(),
        tables: vec![Table {
            name: String::new(),
            rows,
        }],
        statements: Vec::new(),
        engine: "csv".to_owned(),
        source: Source::Cell,
        confidence: Confidence(1000),
        left_out: 0,
    }
}

pub(super) fn hints() -> Hints {
    Hints {
        account_currency: None,
        today: "2026-06-01".parse().unwrap(),
    }
}

pub(super) fn receipt(lines: &[&str]) -> Extraction {
    extract(&page(Source::Ocr, lines), DocumentKind::Receipt, &hints())
}

pub(super) fn invoice(lines: &[&str]) -> Extraction {
    extract(&page(Source::TextLayer, lines), DocumentKind::Invoice, &hints())
}

pub(super) fn statement(reading: &Reading) -> Extraction {
    extract(reading, DocumentKind::BankStatement, &hints())
}

/// The value of a field as text; empty where there is none.
pub(super) fn field(extraction: &Extraction, name: FieldName) -> String {
    let value = extraction
        .fields
        .iter()
        .find(|field| field.name == name)
        .map(|field| match &field.value {
            FieldValue::Text(text) => text.clear().unwrap_or_default().to_owned(),
            FieldValue::Date(date) => date.to_string(),
            FieldValue::Amount(amount) => amount.to_string(),
            FieldValue::Currency(currency) => currency.code().to_owned(),
        });
    value.unwrap_or_default()
}

pub(super) fn movements(extraction: &Extraction) -> Vec<(String, String)> {
    let movement = |movement: &Movement| (movement.date.to_string(), movement.amount.to_string());
    let all = extraction.lines.iter().filter_map(|line| match line {
        DocumentLine::Movement(one) => Some(movement(one)),
        DocumentLine::Item(_) => None,
    });
    all.collect()
}

pub(super) fn items(extraction: &Extraction) -> Vec<&Item> {
    let all = extraction.lines.iter().filter_map(|line| match line {
        DocumentLine::Item(item) => Some(item),
        DocumentLine::Movement(_) => None,
    });
    all.collect()
}

pub(super) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}
