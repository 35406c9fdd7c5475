//! Bank statements as pages of text.

use spendlog_domain::documents::{FieldName, Source};

use super::{field, movements, page, pairs, statement};

#[test]
fn columns_of_money_in_and_out_with_a_balance() {
    let read = statement(&page(
        Source::TextLayer,
        &[
            "Harbour Bank      Statement of account",
            "Statement period 1 March 2024 to 31 March 2024",
            "Date       Description              Money out     Money in      Balance",
            "01 Mar     Opening balance                                       500.00",
            "04 Mar     Grocer                       25.50                    474.50",
            "15 Mar     Wages                                   1,000.00    1,474.50",
            "           March, thank you",
            "29 Mar     Rent                        700.00                    774.50",
            "31 Mar     Closing balance                                       774.50",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2024-03-04", "-25.50"),
            ("2024-03-15", "1000.00"),
            ("2024-03-29", "-700.00")
        ])
    );
    assert_eq!(field(&read, FieldName::OpeningBalance), "500.00");
    assert_eq!(field(&read, FieldName::ClosingBalance), "774.50");
}

#[test]
fn letters_for_debit_and_credit_and_a_year_in_the_head() {
    let read = statement(&page(
        Source::Words,
        &[
            "Kontoauszug Nr. 6/2024",
            "alter Kontostand vom 31.05.2024        1.000,00 H",
            "07.06. 07.06. Überweisung                  9,50 S",
            "Erika Beispiel",
            "24.06. 24.06. LOHN/GEHALT              1.410,00 H",
            "neuer Kontostand vom 30.06.2024        2.400,50 H",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-06-07", "-9.50"), ("2024-06-24", "1410.00")])
    );
    assert_eq!(field(&read, FieldName::OpeningBalance), "1000.00");
    assert_eq!(field(&read, FieldName::ClosingBalance), "2400.50");
}

#[test]
fn a_year_in_the_row_below() {
    let read = statement(&page(
        Source::Words,
        &[
            "Kontoauszug vom 01.08.2023 bis 31.08.2023",
            "Buchung Valuta Vorgang Soll Haben",
            "11.08. 11.08. SEPA Überweisung an - 1.250,00",
            "2023 2023 Erika Beispiel",
            "18.08. 18.08. Zinsen + 12,06",
            "2023 2023",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2023-08-11", "-1250.00"), ("2023-08-18", "12.06")])
    );
}

#[test]
fn the_date_may_stand_behind_the_words() {
    let read = statement(&page(
        Source::Words,
        &[
            "Beschreibung Verbuchungsdatum Betrag",
            "An Sparkonto 14.01.2025 -2.000,00€",
            "Wertstellung 14.01.2025",
            "Zinsertrag 31.01.2025 +7,25€",
            "Dein neuer Kontostand +1.007,25€",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2025-01-14", "-2000.00"), ("2025-01-31", "7.25")])
    );
    assert_eq!(field(&read, FieldName::Currency), "EUR");
}

#[test]
fn words_tell_the_sign_where_nothing_else_does_and_balances_correct_them() {
    let lines = |closing: &str| {
        let closing = format!("Closing balance {closing}");
        let lines = [
            "Statement of account",
            "Opening balance 100.00",
            "2024-05-02 Transfer from Ann 40.00",
            "2024-05-03 Bookshop 15.00",
            "2024-05-04 Card payment tea 5.00",
            &closing,
        ];
        movements(&statement(&page(Source::Words, &lines)))
    };
    assert_eq!(
        lines("120.00"),
        pairs(&[
            ("2024-05-02", "40.00"),
            ("2024-05-03", "-15.00"),
            ("2024-05-04", "-5.00")
        ])
    );
}

#[test]
fn months_by_name_over_the_turn_of_the_year() {
    let read = statement(&page(
        Source::TextLayer,
        &[
            "Card statement      Statement period 15 Dec 2023 - 14 Jan 2024",
            "Date         Description           Amount",
            "Dec 28       Bookshop             -12.00",
            "Jan 3        Bakery                -4.00",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2023-12-28", "-12.00"), ("2024-01-03", "-4.00")])
    );
}

#[test]
fn credits_that_alone_are_marked_make_the_rest_debits() {
    let read = statement(&page(
        Source::TextLayer,
        &[
            "Account statement      Statement period 1 March 2024 to 31 March 2024",
            "Date         Description           Amount",
            "04 Mar       Bookshop               12.00",
            "05 Mar       Refund from shop       40.00 CR",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-03-04", "-12.00"), ("2024-03-05", "40.00")])
    );
}

#[test]
fn what_a_card_states_as_owed_leaves_the_account() {
    let read = statement(&page(
        Source::TextLayer,
        &[
            "Credit card statement      Minimum payment 10.00      Credit limit 2,000.00",
            "Previous balance 100.00",
            "New balance 30.00",
            "Date           Description                   Amount",
            "2024-03-04     Bookshop                       12.00",
            "2024-03-05     Payment, thank you           -100.00",
            "2024-03-09     Bakery                         18.00",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2024-03-04", "-12.00"),
            ("2024-03-05", "100.00"),
            ("2024-03-09", "-18.00")
        ])
    );
    assert_eq!(field(&read, FieldName::ClosingBalance), "-30.00");
}

#[test]
fn the_day_may_stand_behind_the_words_or_over_two_rows() {
    let read = statement(&page(
        Source::Words,
        &[
            "Kontoauszug 30.05.2024",
            "LASTSCHRIFT 09.05. 7311 09.05. 22,40-",
            "Stadtwerke",
            "01.05./02.05. Gutschrift + 100,00",
            "10 Mai",
            "2024 Zinszahlung 2,50 €",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2024-05-09", "-22.40"),
            ("2024-05-01", "100.00"),
            ("2024-05-10", "2.50")
        ])
    );
}

#[test]
fn a_whole_date_in_the_words_is_not_the_day_of_booking() {
    let read = statement(&page(
        Source::Words,
        &[
            "Kontoauszug 30.05.2024",
            "02.05. 02.05. Kartenzahlung vom 29.04.2024 10,00 S",
        ],
    ));
    assert_eq!(movements(&read), pairs(&[("2024-05-02", "-10.00")]));
}
