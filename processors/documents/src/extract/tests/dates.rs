//! Dates in text, and which of two readings is meant.

use super::super::dates::{Day, Order, dates};
use super::super::locale::Locale;
use super::super::short_dates::{Short, short_date};

fn sure(text: &str) -> String {
    match dates(text)[..] {
        [hit] => hit
            .day
            .by(None)
            .map(|date| date.to_string())
            .unwrap_or_else(|| "open".to_owned()),
        _ => format!("{} dates", dates(text).len()),
    }
}

#[test]
fn many_orders_and_languages() {
    for text in [
        "2024-03-09",
        "2024/3/9",
        "9 Mar 2024",
        "9-MAR-2024",
        "09MAR2024",
        "March 9, 2024",
        "9. März 2024",
        "9 mars 2024",
        "9 de marzo de 2024",
        "9 marzo 2024",
        "9 maart 2024",
        "09.03.2024",
        "9.3.24",
        "20240309",
        "9 Mac 2024",
    ] {
        assert_eq!(sure(text), "2024-03-09", "{text}");
    }
}

#[test]
fn a_time_may_be_glued_to_the_year() {
    assert_eq!(sure("25/03/20245:41:06"), "2024-03-25");
    assert_eq!(sure("22 JUN 202418:07"), "2024-06-22");
    assert_eq!(sure("25/03/2417:41"), "2024-03-25");
}

#[test]
fn misread_digits_are_mended() {
    assert_eq!(sure("3O/O3/2024"), "2024-03-30");
    assert_eq!(sure("l9/03/2024"), "2024-03-19");
}

#[test]
fn numbers_that_are_no_dates() {
    for text in [
        "03-7845 8155",
        "12.50",
        "1.2.3.4",
        "012-659 9829",
        "31/02/2024",
        "20241309",
        "RE20240309X",
    ] {
        assert_eq!(sure(text), "0 dates", "{text}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_stays_open() {
    let [hit] = dates("04/05/2024")[..] else {
        panic!("one date")
    };
    assert!(matches!(hit.day, Day::Open { .. }));
    assert_eq!(hit.day.by(None), None);
    assert_eq!(hit.day.by(Some(Order::DayFirst)).unwrap().to_string(), "2024-05-04");
    assert_eq!(hit.day.by(Some(Order::MonthFirst)).unwrap().to_string(), "2024-04-05");
}

#[test]
fn the_document_decides_by_its_other_dates_or_its_country() {
    let order = |text: &str| Locale::of(text).order(&dates(text), None);
    assert_eq!(order("04/05/2024 and 17/05/2024"), Some(Order::DayFirst));
    assert_eq!(order("04/05/2024 and 05/17/2024"), Some(Order::MonthFirst));
    assert_eq!(order("17/05/2024 and 05/17/2024"), None);
    assert_eq!(
        order("Kedai Maju Sdn Bhd, Jalan Ipoh 04/05/2024"),
        Some(Order::DayFirst)
    );
    assert_eq!(
        order("Joe's Diner LLC, Austin, TX 78701 04/05/2024"),
        Some(Order::MonthFirst)
    );
    assert_eq!(order("Kiosk 04/05/2024"), None);
}

#[test]
fn days_without_a_year() {
    let day = |text: &str| short_date(text, 0).map(|(short, _)| short);
    assert_eq!(day("31.12. Miete"), Some(Short::Sure { day: 31, month: 12 }));
    assert_eq!(day("04.09 Zinsen"), Some(Short::Sure { day: 4, month: 9 }));
    assert_eq!(day("4.09 Zinsen"), None);
    assert_eq!(day("12/31 Rent"), Some(Short::Sure { day: 31, month: 12 }));
    assert_eq!(day("04/05 Rent"), Some(Short::Open { first: 4, second: 5 }));
    assert_eq!(day("3 Jan Rent"), Some(Short::Sure { day: 3, month: 1 }));
    assert_eq!(day("Jan 3 Rent"), Some(Short::Sure { day: 3, month: 1 }));
    assert_eq!(day("3 Marmalade"), None);
}
