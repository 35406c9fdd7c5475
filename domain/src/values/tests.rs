//! Values are parsed once, and print as what they were parsed from.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::samples::{currency, day, text};

fn decimal(text: &str) -> Result<Decimal, InvalidDecimal> {
    text.parse()
}

fn money(text: &str, code: &str) -> Result<i64, InvalidAmount> {
    Money::parse(text, currency(code)).map(|money| money.minor)
}

#[test]
fn ids_are_written_with_their_prefix() {
    let id = TransactionId::new(Uuid::from_u128(0x0193_f0c2_a1b0_7c3e_8f4d_0000_0000_0007));
    let text = "txn_0193f0c2a1b07c3e8f4d000000000007";
    assert_eq!((id.to_string().as_str(), format!("{id:?}").as_str()), (text, text));
    assert_eq!((text.parse(), id.uuid().as_u128() & 0xff), (Ok(id), 7));
    assert_eq!(serde_json::to_value(id).unwrap(), text);
    assert_eq!(serde_json::from_value::<TransactionId>(text.into()).unwrap(), id);
    assert_eq!(TransactionId::PREFIX, "txn");
}

#[test]
fn ids_have_one_form_and_one_kind() {
    for text in [
        "",
        "txn",
        "txn_",
        "txn_0193f0c2a1b07c3e8f4d00000000000",
        "txn_0193f0c2a1b07c3e8f4d0000000000070",
        "txn_0193F0C2A1B07C3E8F4D000000000007",
        "txn_0193f0c2-a1b0-7c3e-8f4d-00000000",
        "acc_0193f0c2a1b07c3e8f4d000000000007",
        "0193f0c2a1b07c3e8f4d000000000007",
        " txn_0193f0c2a1b07c3e8f4d000000000007",
        "txn_é193f0c2a1b07c3e8f4d00000000007",
    ] {
        assert_eq!(
            text.parse::<TransactionId>(),
            Err(InvalidId { prefix: "txn" }),
            "{text}"
        );
        assert!(serde_json::from_value::<TransactionId>(text.into()).is_err());
    }
    let error = "x".parse::<BookId>().unwrap_err().to_string();
    assert_eq!(
        error,
        "expected an identifier of the form book_ followed by 32 hexadecimal digits"
    );
}

#[test]
fn texts_are_strings_until_they_are_forgotten() {
    let clear = Text::from("Bakery");
    assert_eq!(serde_json::to_string(&clear).unwrap(), r#""Bakery""#);
    assert_eq!(
        serde_json::to_string(&Text::Forgotten).unwrap(),
        r#"{"forgotten":true}"#
    );
    assert_eq!(serde_json::from_str::<Text>(r#""Bakery""#).unwrap(), clear);
    assert_eq!(
        serde_json::from_str::<Text>(r#"{"forgotten":true}"#).unwrap(),
        Text::Forgotten
    );
    for wrong in [
        r#"{"forgotten":false}"#,
        "{}",
        "null",
        "1",
        r#"{"forgotten":true,"text":"x"}"#,
    ] {
        assert!(serde_json::from_str::<Text>(wrong).is_err(), "{wrong}");
    }
    assert_eq!((clear.clear(), Text::Forgotten.clear()), (Some("Bakery"), None));
}

#[test]
fn the_debug_form_of_a_text_does_not_tell_it() {
    assert_eq!(format!("{:?}", Text::from("Bakery")), "Text(6 bytes)");
    assert_eq!(format!("{:?}", Text::Forgotten), "Text(forgotten)");
}

#[test]
fn lines_and_notes_say_something_of_limited_length() {
    for (value, line, note) in [
        (Text::from("a b"), true, true),
        (text(10), true, true),
        (text(11), false, false),
        ("".into(), false, false),
        (" \t\n".into(), false, false),
        ("a\nb\tc".into(), false, true),
        ("a\u{0}".into(), false, false),
        ("a\u{85}".into(), false, false),
        (Text::Forgotten, false, false),
    ] {
        assert_eq!(
            (value.is_line(10), value.is_note(10)),
            (line, note),
            "{:?}",
            value.clear()
        );
    }
    assert!(text(10).is_line(usize::MAX));
}

#[test]
fn texts_are_abridged_by_characters() {
    assert_eq!(Text::from("äöü\u{0}\nx").abridged(5), "äöü  ".into());
    assert_eq!(Text::from("short").abridged(5), "short".into());
    assert_eq!(Text::Forgotten.abridged(5), Text::Forgotten);
}

#[test]
fn currencies_are_those_of_iso_4217() {
    for (code, digits) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("USD", 2), ("CHF", 2), ("CLF", 4)] {
        let currency = currency(code);
        assert_eq!((currency.code(), currency.digits()), (code, digits));
        assert_eq!(
            (currency.to_string(), format!("{currency:?}")),
            (code.to_owned(), code.to_owned())
        );
        assert_eq!(serde_json::to_value(currency).unwrap(), code);
        assert_eq!(serde_json::from_value::<Currency>(code.into()).unwrap(), currency);
    }
    for code in ["", "eur", "EU", "EURO", "€", "XYZ", " EUR", "978"] {
        assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        assert!(serde_json::from_value::<Currency>(code.into()).is_err());
    }
    assert!(currency("CHF") < currency("EUR"));
}

#[test]
fn decimals_are_plain() {
    for text in [
        "0",
        "12",
        "-12.50",
        "0.000000001",
        "999999999999999999",
        "-999999999.999999999",
        "007",
    ] {
        assert!(decimal(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "+1",
        "1,5",
        "1e5",
        " 1",
        "1 ",
        "--1",
        "-.5",
        "1.2.3",
        "١",
        "0x1",
        "1.0000000000",
        "1000000000000000000",
        "NaN",
    ] {
        assert_eq!(decimal(text), Err(InvalidDecimal), "{text}");
    }
    assert_eq!(decimal("-0.05"), Ok(Decimal { unscaled: -5, scale: 2 }));
    assert_eq!(decimal("-0.05").unwrap().to_string(), "-0.05");
    assert_eq!(
        Decimal {
            unscaled: i64::MIN,
            scale: 0
        }
        .to_string(),
        "-9223372036854775808"
    );
}

#[test]
fn decimals_from_outside_are_held_to_the_same_limits() {
    let of = |unscaled: i64, scale: u8| {
        let json = format!(r#"{{"unscaled":{unscaled},"scale":{scale}}}"#);
        (
            Decimal::new(unscaled, scale).is_ok(),
            serde_json::from_str::<Decimal>(&json).is_ok(),
        )
    };
    assert_eq!(of(999_999_999_999_999_999, 9), (true, true));
    assert_eq!(of(1_000_000_000_000_000_000, 0), (false, false));
    assert_eq!(of(i64::MIN, 0), (false, false));
    assert_eq!(of(1, 10), (false, false));
    assert_eq!(of(1, 255), (false, false));
    assert!(serde_json::from_str::<Decimal>(r#"{"unscaled":1,"scale":0,"more":1}"#).is_err());
}

#[test]
fn amounts_have_no_more_digits_than_their_currency() {
    assert_eq!(money("12.5", "EUR"), Ok(1250));
    assert_eq!(money("-12.50", "EUR"), Ok(-1250));
    assert_eq!(money("12.500", "EUR"), Ok(1250));
    assert_eq!(money("12.505", "EUR"), Err(InvalidAmount::TooPrecise));
    assert_eq!(money("12", "JPY"), Ok(12));
    assert_eq!(money("12.0", "JPY"), Ok(12));
    assert_eq!(money("12.5", "JPY"), Err(InvalidAmount::TooPrecise));
    assert_eq!(money("12.505", "KWD"), Ok(12505));
    assert_eq!(money("12.5051", "KWD"), Err(InvalidAmount::TooPrecise));
    assert_eq!(money("999999999999999999", "EUR"), Err(InvalidAmount::NotANumber));
    assert_eq!(money("12,50", "EUR"), Err(InvalidAmount::NotANumber));
    assert_eq!(
        Money {
            minor: -5,
            currency: currency("EUR")
        }
        .to_string(),
        "-0.05 EUR"
    );
    assert_eq!(
        Money {
            minor: 5,
            currency: currency("JPY")
        }
        .to_string(),
        "5 JPY"
    );
}

#[test]
fn amounts_have_a_limit() {
    let within = |minor| {
        Money {
            minor,
            currency: currency("EUR"),
        }
        .is_within_limit()
    };
    assert!(within(Money::LIMIT_MINOR) && within(-Money::LIMIT_MINOR) && within(0));
    assert!(!within(Money::LIMIT_MINOR + 1) && !within(-Money::LIMIT_MINOR - 1));
    assert!(!within(i64::MAX) && !within(i64::MIN));
}

#[test]
fn codes_say_nothing_of_their_own() {
    for code in ["a", "pp-ocrv6/ort", "tesseract-5.3.0", "a:b+c_d", &"a".repeat(64)] {
        assert!(is_code(code), "{code}");
    }
    for text in ["", "two words", "größe", "a@b", "a\n", &"a".repeat(65)] {
        assert!(!is_code(text), "{text}");
    }
}

#[test]
fn files_are_named_by_64_hexadecimal_digits() {
    let is_valid = |object: &str| {
        FileRef {
            object: object.to_owned(),
            bytes: 0,
        }
        .is_valid()
    };
    assert!(is_valid(&"0f".repeat(32)));
    assert!(!is_valid(&"0F".repeat(32)) && !is_valid(&"0".repeat(63)) && !is_valid(&"0".repeat(65)));
    assert!(!is_valid("") && !is_valid(&"../x".repeat(16)));
}

#[test]
fn days_have_years_of_four_digits() {
    for (text, fits) in [
        ("1899-12-31", false),
        ("1900-01-01", true),
        ("9999-12-31", true),
        ("+10000-01-01", false),
    ] {
        assert_eq!(is_bookable(day(text)), fits, "{text}");
    }
}

fn currencies() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF", "USD"]).prop_map(currency)
}

proptest! {
    #[test]
    fn decimals_print_what_they_were_parsed_from(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?") {
        // There is no negative zero.
        let is_zero = text.bytes().all(|b| matches!(b, b'-' | b'.' | b'0'));
        let expected = if is_zero { text.trim_start_matches('-') } else { &text };
        prop_assert_eq!(decimal(&text).unwrap().to_string(), expected);
    }

    #[test]
    fn decimals_are_parsed_from_what_they_print(unscaled in -999_999_999_i64..999_999_999, scale in 0..=9_u8) {
        let number = Decimal::new(unscaled, scale).unwrap();
        prop_assert_eq!(decimal(&number.to_string()), Ok(number));
        let json = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), number);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC{0,40}") {
        let _ = decimal(&text);
        let _ = text.parse::<Currency>();
        let _ = text.parse::<UserId>();
        let _ = Money::parse(&text, currency("EUR"));
    }

    #[test]
    fn amounts_are_parsed_from_what_they_print(
        minor in -Money::LIMIT_MINOR..=Money::LIMIT_MINOR,
        currency in currencies(),
    ) {
        let money = Money { minor, currency };
        let printed = money.decimal();
        prop_assert_eq!(printed.scale, currency.digits());
        prop_assert_eq!(printed.money(currency), Ok(money));
        prop_assert_eq!(Money::parse(&printed.to_string(), currency), Ok(money));
    }

    #[test]
    fn digits_beyond_the_currency_are_refused(minor in -1_000_000_i64..1_000_000, digit in 1..10_i64, currency in currencies()) {
        let finer = Decimal::new(minor * 10 + digit * minor.signum(), currency.digits() + 1).unwrap();
        let expected = if minor == 0 { Ok(Money { minor, currency }) } else { Err(InvalidAmount::TooPrecise) };
        prop_assert_eq!(finer.money(currency), expected);
    }

    #[test]
    fn ids_are_parsed_from_what_they_print(bits in any::<u128>()) {
        let id = AccountId::new(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse::<AccountId>(), Ok(id));
        prop_assert!(id.to_string().parse::<PostingId>().is_err());
    }
}
