//! Bank statements as tables.

use spendlog_domain::documents::FieldName;

use super::{field, movements, pairs, statement, table};
use crate::reading::Reading;

#[test]
fn heads_say_what_columns_hold() {
    let read = statement(&table(&[
        &[
            "Buchungstag",
            "Wertstellung",
            "Empfänger",
            "Verwendungszweck",
            "Betrag (EUR)",
            "Saldo",
        ],
        &["02.05.2024", "02.05.2024", "Stadtwerke", "Abschlag", "-45,00", "955,00"],
        &[
            "06.05.2024",
            "07.05.2024",
            "Arbeitgeber",
            "Gehalt",
            "2.100,50",
            "3.055,50",
        ],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-05-02", "-45.00"), ("2024-05-06", "2100.50")])
    );
    assert_eq!(field(&read, FieldName::Currency), "EUR");
    assert_eq!(field(&read, FieldName::OpeningBalance), "1000.00");
    assert_eq!(field(&read, FieldName::ClosingBalance), "3055.50");
}

#[test]
fn lines_before_the_heads_and_words_below_belong_to_others() {
    let read = statement(&table(&[
        &["Account details for:", "Savings 123"],
        &["Available Balance", "6,000.00"],
        &["Transaction date", "Description", "Withdrawals (SGD)", "Deposits (SGD)"],
        &["18/04/2024", "CARD PURCHASE", "7.20", ""],
        &["", "NOODLE HOUSE", "", ""],
        &["17/04/2024", "SALARY", "", "1,200.00"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-04-18", "-7.20"), ("2024-04-17", "1200.00")])
    );
    assert_eq!(field(&read, FieldName::Currency), "SGD");
}

#[test]
fn a_letter_may_be_the_sign() {
    let read = statement(&table(&[
        &["Datum", "Naam", "Af Bij", "Bedrag", "Mededelingen"],
        &["20240502", "Bakker", "Af", "12,30", "brood"],
        &["20240503", "Oma", "Bij", "50,00", "verjaardag"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-05-02", "-12.30"), ("2024-05-03", "50.00")])
    );
}

#[test]
fn without_heads_the_balance_tells_its_steps() {
    let read = statement(&table(&[
        &["DE00", "EUR", "20240102", "31,00", "27,50", "20240102", "-3,50", "Brot"],
        &[
            "DE00", "EUR", "20240102", "27,50", "21,25", "20240102", "-6,25", "Milch",
        ],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-01-02", "-3.50"), ("2024-01-02", "-6.25")])
    );
}

#[test]
fn without_heads_two_columns_that_exclude_each_other_are_out_and_in() {
    let read = statement(&table(&[
        &["07 Nov 2024", "Bank credit", "", "£640.00", "£640.00"],
        &["09 Nov 2024", "Cash machine", "£30.00", "", "£610.00"],
        &["10 Nov 2024", "Card", "£12.35", "", "£597.65"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2024-11-07", "640.00"),
            ("2024-11-09", "-30.00"),
            ("2024-11-10", "-12.35")
        ])
    );
    assert_eq!(field(&read, FieldName::Currency), "GBP");
}

#[test]
fn the_whole_column_decides_the_order_of_dates() {
    let read = statement(&table(&[
        &["Date", "Details", "Amount"],
        &["04/05/2024", "a", "1.00"],
        &["04/17/2024", "b", "2.00"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-04-05", "1.00"), ("2024-04-17", "2.00")])
    );
    let read = statement(&table(&[
        &["Date", "Details", "Amount"],
        &["01/02/2024", "a", "1.00"],
        &["02/02/2024", "b", "2.00"],
        &["03/02/2024", "c", "2.00"],
        &["05/02/2024", "d", "2.00"],
    ]));
    assert_eq!(
        movements(&read)[3].0,
        "2024-02-05",
        "days of one statement lie close together"
    );
}

#[test]
fn a_date_that_nothing_decides_is_doubtful() {
    let read = statement(&table(&[&["Date", "Details", "Amount"], &["06/12/2024", "a", "1.00"]]));
    let confidence: Vec<u16> = read
        .lines
        .iter()
        .map(|line| match line {
            super::DocumentLine::Movement(movement) => movement.confidence.0,
            super::DocumentLine::Item(_) => 0,
        })
        .collect();
    assert!(confidence[0] < 600);
}

#[test]
fn credits_that_alone_are_marked_make_the_rest_debits() {
    let read = statement(&table(&[
        &["Date Processed", "Description", "Amount", ""],
        &["Pending", "Café", "£3.00", ""],
        &["12-Dec-2024", "Bookshop", "£16.40", ""],
        &["02-Dec-2024", "PAYMENT RECEIVED", "+ £100.00", "CR"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-12-12", "-16.40"), ("2024-12-02", "100.00")])
    );
}

#[test]
fn a_word_of_a_balance_makes_no_balance_of_a_purchase() {
    let read = statement(&table(&[
        &["Buchungstag", "Verwendungszweck", "Betrag"],
        &["02.02.2026", "SEPA-Lastschrift Vertrag 4711", "-89,00"],
        &["03.02.2026", "REWE Neu-Ulm", "-23,40"],
        &["04.02.2026", "ALT ABC Bookshop", "-15,00"],
        &["05.02.2026", "NEW BALANCE STORE LONDON", "-119,95"],
        &["06.02.2026", "Neuer Kontostand am 06.02.2026 EUR", "1.000,00"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2026-02-02", "-89.00"),
            ("2026-02-03", "-23.40"),
            ("2026-02-04", "-15.00"),
            ("2026-02-05", "-119.95")
        ])
    );
    assert_eq!(field(&read, FieldName::ClosingBalance), "1000.00");
}

#[test]
fn beside_another_balance_an_amount_was_moved() {
    let read = statement(&table(&[
        &["Date", "Details", "Amount", "Balance"],
        &["2026-02-01", "Opening balance", "300.00", "300.00"],
        &["2026-02-02", "New Balance 4711", "-119.95", "180.05"],
    ]));
    assert_eq!(movements(&read), pairs(&[("2026-02-02", "-119.95")]));
    assert_eq!(field(&read, FieldName::OpeningBalance), "300.00");
    assert_eq!(field(&read, FieldName::ClosingBalance), "180.05");
}

#[test]
fn rows_that_cannot_be_read_are_counted() {
    let rows = table(&[
        &["Date", "Details", "Amount", "Balance"],
        &["2026-02-01", "Opening balance", "", "100.00"],
        &["2026-02-02", "Bakery", "-10.00", "90.00"],
        &["", "with rye bread", "", ""],
        &["2026-02-03", "Florist", "minus five", "85.00"],
        &["2026-02-04", "Cut off"],
        &["31.02.2026", "Ironmonger", "-7.00", "78.00"],
        &["", "Butcher", "-3.00", "75.00"],
        &["Pending", "Cinema", "-9.00", ""],
        &["Week 6"],
        &["", "Total", "-20.00", ""],
        &["2026-02-09", "Grocer", "-2.00", "73.00"],
        &["2026-02-10", "Card check", "0.00", "73.00"],
    ]);
    let read = statement(&rows);
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2026-02-02", "-10.00"),
            ("2026-02-09", "-2.00"),
            ("2026-02-10", "0.00")
        ])
    );
    assert_eq!(read.left_out, 4);
    let damaged = Reading { left_out: 2, ..rows };
    assert_eq!(statement(&damaged).left_out, 6);
}

#[test]
fn lakhs_are_read() {
    let read = statement(&table(&[
        &["Date", "Narration", "Withdrawal Amt", "Deposit Amt", "Closing Balance"],
        &["2026-04-01", "SALARY", "", "2,00,000.00", "2,01,000.00"],
        &["2026-04-02", "RENT", "1,23,456.78", "", "77,543.22"],
    ]));
    assert_eq!(
        movements(&read),
        pairs(&[("2026-04-01", "200000.00"), ("2026-04-02", "-123456.78")])
    );
}
