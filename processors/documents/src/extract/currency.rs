//! The currency of the amounts: from codes and signs beside them, never by default.

use std::collections::BTreeMap;

use spendlog_domain::documents::{Box2, Confidence};
use spendlog_domain::values::Currency;

use super::locale::Locale;
use super::page::Rows;
use super::pattern::regex;

/// A currency, and where it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Which.
    pub currency: Currency,
    /// The page, and the place of the sign that was seen first.
    pub page: u32,
    /// The place.
    pub area: Option<Box2>,
    /// How sure the rule is.
    pub score: u16,
    /// How sure the reading was.
    pub confidence: Confidence,
    /// The rule.
    pub rule: &'static str,
    /// The words.
    pub raw: String,
}

// Codes that a document may name as words. Not every code of ISO 4217: `ALL`, `TOP` and `TRY` are words as well.
regex!(
    CODE,
    r"\b(EUR|USD|GBP|CHF|MYR|SGD|AUD|NZD|CAD|JPY|CNY|INR|IDR|THB|PHP|HKD|TWD|KRW|VND|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|ZAR|BRL|MXN|AED|SAR|KWD|BHD|ILS|UAH|KES|NGN|ARS|CLP|COP|RUB)\b"
);
regex!(
    GLUED,
    r"(?:^|[^A-Za-z])(RM|Rs\.?|Rp|Fr\.|SFr\.?|S\$|A\$|AU\$|NZ\$|C\$|CA\$|US\$|HK\$|NT\$|R\$)\s?-?\d"
);
regex!(
    IN_BRACKETS,
    r"\(\s?(RM|€|£|\$|EUR|USD|GBP|CHF|MYR|SGD)\s?\)|\b(?:TOTAL|AMOUNT|AMT|CASH|CHANGE|PRICE|JUMLAH)\s?:?\s?(RM)\b|(?:^|\s)(RM)(?:\s|$)"
);
regex!(
    SIGN,
    r"([€£¥₹₺₫฿₱₩₽₴₪])|(\$)\s?-?\d|\d\s?(zł|Kč|Ft|lei|kr)(?:\W|$)|(?i)\b(euros?)\b"
);

fn by_sign(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "€" => "EUR",
        "£" => "GBP",
        "₹" => "INR",
        "₺" => "TRY",
        "₫" => "VND",
        "฿" => "THB",
        "₱" => "PHP",
        "₩" => "KRW",
        "₽" => "RUB",
        "₴" => "UAH",
        "₪" => "ILS",
        "RM" => "MYR",
        "Rs" | "Rs." => "INR",
        "Rp" => "IDR",
        "Fr." | "SFr" | "SFr." => "CHF",
        "S$" => "SGD",
        "A$" | "AU$" => "AUD",
        "NZ$" => "NZD",
        "C$" | "CA$" => "CAD",
        "US$" => "USD",
        "HK$" => "HKD",
        "NT$" => "TWD",
        "R$" => "BRL",
        "zł" => "PLN",
        "Kč" => "CZK",
        "Ft" => "HUF",
        "lei" => "RON",
        other if other.eq_ignore_ascii_case("euro") || other.eq_ignore_ascii_case("euros") => "EUR",
        other => {
            return CODE
                .find(other)
                .and_then(|m| KNOWN.iter().find(|code| **code == m.as_str()).copied());
        }
    })
}

const KNOWN: &[&str] = &["EUR", "USD", "GBP", "CHF", "MYR", "SGD"];

#[derive(Default)]
struct Tally {
    /// Points of each currency, and the row where it was seen first.
    points: BTreeMap<String, (u32, usize)>,
    /// How often a dollar stood alone.
    dollars: (u32, usize),
    /// How often a crown, or a sign for yen and yuan.
    crowns: bool,
}

/// The currency that the document itself names.
pub(crate) fn currency(rows: &Rows, locale: &Locale) -> Option<Found> {
    let mut tally = Tally::default();
    for (index, row) in rows.rows.iter().enumerate() {
        let mut add = |code: &str, points: u32| {
            let entry = tally.points.entry(code.to_owned()).or_insert((0, index));
            entry.0 += points;
        };
        let money = row.text.contains(|c: char| c.is_ascii_digit());
        for found in CODE.find_iter(&row.text) {
            // The code of Bahrain is also the end of the name of every company in Malaysia.
            if found.as_str() != "BHD" {
                add(found.as_str(), if money { 3 } else { 2 });
            }
        }
        for found in GLUED.captures_iter(&row.text) {
            if let Some(code) = found.get(1).and_then(|m| by_sign(m.as_str())) {
                add(code, 3);
            }
        }
        for found in IN_BRACKETS.captures_iter(&row.text) {
            if let Some(code) = (1..=3)
                .find_map(|i| found.get(i))
                .filter(|m| m.as_str() != "$")
                .and_then(|m| by_sign(m.as_str()))
            {
                add(code, 3);
            }
        }
        for found in SIGN.captures_iter(&row.text) {
            if found.get(2).is_some() {
                tally.dollars = (
                    tally.dollars.0 + 1,
                    if tally.dollars.0 == 0 { index } else { tally.dollars.1 },
                );
            } else if let Some(sign) = (1..=4).filter(|i| *i != 2).find_map(|i| found.get(i)) {
                match sign.as_str() {
                    "¥" | "kr" => tally.crowns = true,
                    sign => by_sign(sign).into_iter().for_each(|code| add(code, 3)),
                }
            }
        }
    }
    let mut ranked: Vec<(u32, &str, usize)> = tally
        .points
        .iter()
        .map(|(code, (points, row))| (*points, code.as_str(), *row))
        .collect();
    ranked.sort_by_key(|(points, _, row)| (std::cmp::Reverse(*points), *row));
    let second = ranked.get(1).map_or(0, |(points, ..)| *points);
    let answer = |code: &str, row: usize, score: u16, rule: &'static str| {
        let row = rows.rows.get(row)?;
        Some(Found {
            currency: code.parse().ok()?,
            page: row.page,
            area: row.area(),
            score,
            confidence: row.confidence(),
            rule,
            raw: row.text.clone(),
        })
    };
    match ranked.first() {
        Some((points, code, row)) if *points > second => {
            // A dollar beside a code of another currency contradicts it; beside a code of a dollar it agrees.
            let lead = u16::try_from((points - second).min(6)).unwrap_or(0);
            answer(code, *row, 800 + lead * 30, "code or sign beside amounts")
        }
        Some(_) => None,
        None if tally.dollars.0 > 0 => {
            let (_, row) = tally.dollars;
            if let Some(dollar) = locale.dollar() {
                return answer(dollar.code(), row, 820, "dollar sign, country by its words");
            }
            locale
                .home()
                .and_then(|home| answer(home.code(), row, 700, "country by its words"))
        }
        None => {
            let row = rows
                .rows
                .iter()
                .position(|row| row.text.contains(|c: char| c.is_ascii_digit()))?;
            locale.home().and_then(|home| {
                answer(
                    home.code(),
                    row,
                    if tally.crowns { 750 } else { 700 },
                    "country by its words",
                )
            })
        }
    }
}
