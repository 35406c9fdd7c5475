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
            "08.06. 08.06. Überweisung                  4,00 S",
            "Erika Beispiel",
            "25.06. 25.06. LOHN/GEHALT              1.870,70 H",
            "neuer Kontostand vom 30.06.2024        2.866,70 H",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2024-06-08", "-4.00"), ("2024-06-25", "1870.70")])
    );
    assert_eq!(field(&read, FieldName::OpeningBalance), "1000.00");
    assert_eq!(field(&read, FieldName::ClosingBalance), "2866.70");
}

#[test]
fn a_year_in_the_row_below() {
    let read = statement(&page(
        Source::Words,
        &[
            "Kontoauszug vom 01.08.2023 bis 31.08.2023",
            "Buchung Valuta Vorgang Soll Haben",
            "14.08. 14.08. SEPA Überweisung an - 1.000,00",
            "2023 2023 Erika Beispiel",
            "16.08. 16.08. Zinsen + 33,23",
            "2023 2023",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2023-08-14", "-1000.00"), ("2023-08-16", "33.23")])
    );
}

#[test]
fn the_date_may_stand_behind_the_words() {
    let read = statement(&page(
        Source::Words,
        &[
            "Beschreibung Verbuchungsdatum Betrag",
            "An Hauptkonto 11.01.2025 -3.000,00€",
            "Wertstellung 11.01.2025",
            "Zinsertrag 31.01.2025 +8,55€",
            "Dein neuer Kontostand +1.008,55€",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[("2025-01-11", "-3000.00"), ("2025-01-31", "8.55")])
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
            "LASTSCHRIFT 08.05. 8100 08.05. 15,75-",
            "Stadtwerke",
            "01.05./02.05. Gutschrift + 100,00",
            "10 Mai",
            "2024 Zinszahlung 2,50 €",
        ],
    ));
    assert_eq!(
        movements(&read),
        pairs(&[
            ("2024-05-08", "-15.75"),
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
