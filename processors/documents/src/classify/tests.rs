//! Classification of readings made up for the test.

use spendlog_domain::documents::{Box2, Confidence, DocumentKind, Source};

use super::classify;
use crate::reading::{Line, Page, Reading, Statement, Table, Word};

fn page(source: Source, width: u32, lines: &[&str]) -> Reading {
    let area = Box2 {
        x0: 0,
        y0: 0,
        x1: 0,
        y1: 0,
    };
    let word = |text: &str| Word {
        text: text.to_owned(),
        area,
        confidence: Confidence(900),
    };
    let lines = lines
        .iter()
        .map(|line| Line {
            words: line.split(' ').map(word).collect(),
        })
        .collect();
    Reading {
        pages: vec![Page {
            number: 1,
            width,
            height: 1400,
            lines,
        }],
        tables: Vec::new(),
        statements: Vec::new(),
        engine: "test".into(),
        source,
        confidence: Confidence(900),
        left_out: 0,
    }
}

fn table(rows: &[&[&str]]) -> Reading {
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
        ..page(Source::Cell, 1, &[])
    }
}

#[test]
fn a_till_receipt() {
    let reading = page(
        Source::Ocr,
        600,
        &[
            "CORNER SHOP",
            "TAX INVOICE",
            "INVOICE NO: 7",
            "TOTAL 4.00",
            "CASH 5.00",
            "CHANGE 1.00",
            "THANK YOU",
        ],
    );
    assert_eq!(classify(&reading).kind, DocumentKind::Receipt);
}

#[test]
fn an_invoice_by_post() {
    let reading = page(
        Source::TextLayer,
        1000,
        &[
            "Holzwerk GmbH",
            "Rechnung Nr. 12",
            "Rechnungsdatum 03.05.2024",
            "Zahlbar innerhalb 14 Tagen",
            "Gesamtbetrag 119,00",
            "IBAN DE00",
        ],
    );
    assert_eq!(classify(&reading).kind, DocumentKind::Invoice);
}

#[test]
fn a_statement_on_paper() {
    let reading = page(
        Source::TextLayer,
        1000,
        &[
            "Kontoauszug",
            "Alter Kontostand 10,00",
            "02.05. Miete 700,00-",
            "03.05. Gehalt 900,00+",
            "Neuer Kontostand 210,00",
        ],
    );
    assert_eq!(classify(&reading).kind, DocumentKind::BankStatement);
}

#[test]
fn a_statement_as_a_table_and_as_data() {
    let rows: &[&[&str]] = &[
        &["Date", "Description", "Amount", "Balance"],
        &["2024-05-02", "Rent", "-700.00", "10.00"],
    ];
    assert_eq!(classify(&table(rows)).kind, DocumentKind::BankStatement);
    let data = Reading {
        statements: vec![Statement::default()],
        ..table(&[])
    };
    assert_eq!(classify(&data).kind, DocumentKind::BankStatement);
    assert_eq!(classify(&data).confidence, Confidence(1000));
}

#[test]
fn an_expense_report() {
    let rows: &[&[&str]] = &[
        &["Expense report"],
        &["Employee", "Ann"],
        &["Date", "Description", "Amount"],
        &["2024-05-02", "Train", "86.00"],
        &["", "Total", "86.00"],
    ];
    assert_eq!(classify(&table(rows)).kind, DocumentKind::ExpenseReport);
}

#[test]
fn a_letter_is_none_of_these() {
    let reading = page(
        Source::TextLayer,
        1000,
        &["Dear Ann,", "the garden is lovely this year.", "Yours, Bob"],
    );
    assert_eq!(classify(&reading).kind, DocumentKind::Other);
}
