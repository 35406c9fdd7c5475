//! Days and amounts as banks write them into OFX.

use spendlog_domain::values::{Date, Decimal};

/// How many digits are kept behind the point.
const DIGITS: usize = 9;

/// The day of `YYYYMMDD[HHMMSS[.mmm]][[±hours:zone]]`, as the bank wrote it: shifting it to another zone would move
/// movements of the evening to another day. Separators, as some banks add them, do no harm.
pub(super) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let digits: String = if text
        .as_bytes()
        .get(4)
        .is_some_and(|byte| matches!(byte, b'-' | b'/' | b'.'))
    {
        text.chars().take(10).filter(char::is_ascii_digit).collect()
    } else {
        text.chars().take(8).take_while(char::is_ascii_digit).collect()
    };
    if digits.len() != 8 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().ok();
    let year = i32::try_from(number(0..4)?).ok()?;
    Date::from_ymd_opt(year, number(4..6)?, number(6..8)?).filter(|_| (1900..=2200).contains(&year))
}

/// The signed amount; with a point or a comma before the last digits, and with or without the other between groups.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    let clear: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '\u{a0}' && *letter != '\'')
        .collect();
    let clear = clear.replace('\u{2212}', "-");
    let (negative, digits) = if let Some(digits) = clear.strip_prefix('-') {
        (true, digits)
    } else if let Some(digits) = clear.strip_suffix('-') {
        (true, digits)
    } else if let Some(digits) = clear.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (true, digits)
    } else {
        (false, clear.strip_prefix('+').unwrap_or(&clear))
    };
    let plain = plain(digits)?;
    let sign = if negative { "-" } else { "" };
    format!("{sign}{plain}").parse().ok()
}

fn plain(digits: &str) -> Option<String> {
    if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (points, commas) = (digits.matches('.').count(), digits.matches(',').count());
    let separator = match (digits.rfind('.'), digits.rfind(',')) {
        (Some(point), Some(comma)) => Some(point.max(comma)),
        // One alone is the decimal separator, however many digits follow: OFX has no groups.
        (Some(at), None) if points == 1 => Some(at),
        (None, Some(at)) if commas == 1 => Some(at),
        _ => None,
    };
    let (whole, fraction) = separator.map_or((digits, ""), |at| (&digits[..at], &digits[at + 1..]));
    // Groups have three digits, in India two but for the last; anything else between separators is no number.
    let mut groups = whole.split(['.', ',']).skip(1).peekable();
    while let Some(group) = groups.next() {
        if group.len() != 3 && (group.len() != 2 || groups.peek().is_none()) {
            return None;
        }
    }
    let whole: String = whole.chars().filter(|letter| !matches!(letter, '.' | ',')).collect();
    let whole = if whole.is_empty() { "0".to_owned() } else { whole };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match (fraction.len(), fraction.get(..DIGITS)) {
        (0, _) => whole,
        (..=DIGITS, _) | (_, None) => format!("{whole}.{fraction}"),
        // What some exports have behind nine digits is the noise of their binary numbers: no currency has more than four.
        (_, Some(kept)) => {
            let up = u64::from(fraction.as_bytes()[DIGITS] >= b'5');
            let scaled = format!("{whole}{kept}")
                .parse::<u64>()
                .ok()?
                .checked_add(up)?
                .to_string();
            let scaled = format!("{scaled:0>width$}", width = DIGITS + 1);
            let (whole, fraction) = scaled.split_at(scaled.len() - DIGITS);
            format!("{whole}.{fraction}")
        }
    })
}
