//! Amounts in text.

use super::super::amounts::{Mark, amounts, mark_of, number, tidy};

fn found(text: &str, mark: Option<Mark>) -> Vec<String> {
    amounts(&tidy(text), mark)
        .into_iter()
        .map(|amount| amount.value.to_string())
        .collect()
}

fn value(text: &str, mark: Option<Mark>) -> String {
    number(text, mark).map(|value| value.to_string()).unwrap_or_default()
}

#[test]
fn points_and_commas_part_thousands_or_fractions() {
    assert_eq!(value("1,234.50", None), "1234.50");
    assert_eq!(value("1.234,50", None), "1234.50");
    assert_eq!(value("1'234.50", None), "1234.50");
    assert_eq!(value("12,5", None), "12.5");
    assert_eq!(value("1,200", Some(Mark::Point)), "1200");
    assert_eq!(value("1.200", Some(Mark::Comma)), "1200");
    assert_eq!(value("1.200", Some(Mark::Point)), "1.200");
    assert_eq!(value("1.234.567", None), "1234567");
    assert_eq!(value("12.34.56", None), "");
}

#[test]
fn lakhs_and_crores_are_parted_by_two_digits() {
    assert_eq!(found("1,23,456.78", None), ["123456.78"]);
    assert_eq!(found("₹2,00,000.00", Some(Mark::Point)), ["200000.00"]);
    assert_eq!(found("-12,34,56,789", None), ["-123456789"]);
    assert_eq!(value("1,23", None), "1.23");
    assert_eq!(value("1,23,45", None), "");
    assert_eq!(value("1.23.456", None), "");
    assert_eq!(found("123,45,678", None), Vec::<String>::new());
    assert_eq!(found("01,02,2026", None), Vec::<String>::new());
}

#[test]
fn most_amounts_decide_what_the_signs_mean() {
    assert_eq!(mark_of(["4,50", "12,00", "Nr. 3.12"]), Some(Mark::Comma));
    assert_eq!(mark_of(["4.50", "1,012.00"]), Some(Mark::Point));
    assert_eq!(mark_of(["1.000", "7"]), None);
}

#[test]
fn signs_stand_before_behind_or_around() {
    assert_eq!(found("-4.50", None), ["-4.50"]);
    assert_eq!(found("6,25-", None), ["-6.25"]);
    assert_eq!(found("41,70+", None), ["41.70"]);
    assert_eq!(found("(12.00)", None), ["-12.00"]);
    assert_eq!(found("- 1.204,35 €", Some(Mark::Comma)), ["-1204.35"]);
    assert_eq!(found("-$61.00", None), ["-61.00"]);
    assert_eq!(found("12.00 DR", None), ["-12.00"]);
    assert_eq!(found("14.02.2025 -2.000,00€", Some(Mark::Comma)), ["-2000.00"]);
}

#[test]
fn only_those_who_write_commas_part_thousands_by_spaces() {
    assert_eq!(found("+12 300,00", Some(Mark::Comma)), ["12300.00"]);
    assert_eq!(found("2 165.00", Some(Mark::Point)), ["2", "165.00"]);
    assert_eq!(found("Nr:731 250,00", Some(Mark::Comma)), ["250.00"]);
}

#[test]
fn codes_dates_shares_and_times_are_no_amounts() {
    assert_eq!(found("A12.50B", None), Vec::<String>::new());
    assert_eq!(found("12.03.2024", None), Vec::<String>::new());
    assert_eq!(found("17:45", None), Vec::<String>::new());
    assert_eq!(found("19.00%", None), Vec::<String>::new());
    assert_eq!(found("CS-0014", None), Vec::<String>::new());
}

#[test]
fn currencies_and_tax_classes_may_be_glued_to_the_digits() {
    assert_eq!(found("TOTAL:RM31.80", None), ["31.80"]);
    assert_eq!(found("Total:31.80", None), ["31.80"]);
    assert_eq!(found("8.35SR", None), ["8.35"]);
    assert_eq!(found("64.00(S)", None), ["64.00"]);
    assert_eq!(found("20,-- €", None), ["20.00"]);
}

#[test]
fn misread_digits_and_stray_blanks_are_mended() {
    assert_eq!(found("1O.5O", None), ["10.50"]);
    assert_eq!(found("12 .60", None), ["12.60"]);
}
