//! Amounts in text: digits with points, commas and spaces, with a sign, with a currency beside them.

use spendlog_domain::values::Decimal;

use super::pattern::regex;

/// Which sign parts whole units from fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `1,234.50`
    Point,
    /// `1.234,50`
    Comma,
}

/// An amount as it stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Its value.
    pub value: Decimal,
    /// Where it begins, currency and sign included.
    pub start: usize,
    /// Where it ends, currency and sign included.
    pub end: usize,
    /// Whether a currency stands directly beside it.
    pub marked: bool,
    /// Whether a sign was written: `+`, `-`, brackets, or a letter for debit or credit.
    pub signed: bool,
}

impl Amount {
    /// Whether it looks like money and not like a count: two decimals, or a currency.
    pub(crate) fn monetary(&self) -> bool {
        self.value.scale == 2 || (self.marked && self.value.scale != 1)
    }
}

/// Ten trillions, more than which nobody can record: so a few of them can be added without an overflow.
const UNITS_MAX: i64 = 10_i64.pow(17);

/// Ten-thousandths of a unit, so that amounts of different scales can be added; none if too large.
pub(crate) fn units(value: Decimal) -> Option<i64> {
    let units = match value.scale {
        0..=4 => value.unscaled.checked_mul(10_i64.pow(u32::from(4 - value.scale)))?,
        scale => value.unscaled / 10_i64.checked_pow(u32::from(scale - 4))?,
    };
    (-UNITS_MAX..=UNITS_MAX).contains(&units).then_some(units)
}

/// The amount of so many ten-thousandths, with two decimals where these are enough.
pub(crate) fn from_units(units: i64) -> Decimal {
    if units % 100 == 0 {
        Decimal {
            unscaled: units / 100,
            scale: 2,
        }
    } else {
        Decimal {
            unscaled: units,
            scale: 4,
        }
    }
}

/// The amount with the other sign.
pub(crate) fn negated(value: Decimal) -> Decimal {
    Decimal {
        unscaled: -value.unscaled,
        ..value
    }
}

/// The amount without its sign.
pub(crate) fn absolute(value: Decimal) -> Decimal {
    Decimal {
        unscaled: value.unscaled.abs(),
        ..value
    }
}

const CURRENCY: &str = r"(?:€|£|\$|¥|₹|₽|₺|₫|฿|₱|₩|RM|Rs\.?|MYR|SGD|USD|EUR|GBP|CHF|Fr\.|SFr\.|PLN|CZK|SEK|NOK|DKK|HUF|AUD|NZD|CAD|JPY|CNY|INR|IDR|Rp|THB|PHP|HKD|TWD|ZAR|BRL|R\$|S\$|A\$|C\$|US\$|NT\$|HK\$|MXN|kr\.?|zł|Kč|Ft|lei|RON|BGN|AED|ILS|TRY|UAH|KES)";

regex!(AMOUNT, &pattern(""));
regex!(AMOUNT_SPACED, &pattern("\\ "));

/// The pattern of an amount whose thousands may also be parted by this sign.
fn pattern(group: &str) -> String {
    format!(
        r"(?x)
        (?P<open>\()?\s*
        (?P<sign>[-+−–]\s?)?
        (?P<before>{CURRENCY}\s?:?\s?)?
        (?P<sign2>[-+−–]\s?)?
        (?P<number>
            \d{{1,3}}(?:[.,'’\u{{a0}}\u{{202f}}{group}]\d{{3}})+(?:[.,]\d{{1,4}})?
          | \d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?:\.\d{{1,4}})?
          | \d+(?:[.,]\d{{1,6}})?
          | [.,]\d{{2}}
        )
        (?P<dash>[.,](?:-{{1,2}}|—|–))?
        (?P<after>\s?{CURRENCY})?
        (?P<tail>[-−+]|\s[-−]\s*$|\s?(?:CR|Cr|DR|Dr|DB)\b)?
        (?P<close>\s*\))?"
    )
}
regex!(LONE_SPACE, r"(\d)(?: ([.,]) ?|([.]) )(\d{2})([^\d.,/:]|$)");

/// The sign that parts the fractions in these texts: what most amounts with two decimals show.
pub(crate) fn mark_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Mark> {
    regex!(
        SURE,
        r"(?:^|[^\d.,])(\d{1,3}(?:([.,'’ ])\d{3})*|\d+)([.,])(\d{2})(?:[^\d.,%]|,?$|,\s|(\.)(?:\s|$))"
    );
    let (mut points, mut commas) = (0_u32, 0_u32);
    for text in texts {
        for found in SURE.captures_iter(text) {
            match found.get(3).map(|m| m.as_str()) {
                // `14.08. ` is a day.
                Some(".") if found.get(5).is_none() => points += 1,
                Some(",") => commas += 1,
                _ => {}
            }
        }
    }
    match points.cmp(&commas) {
        std::cmp::Ordering::Greater => Some(Mark::Point),
        std::cmp::Ordering::Less => Some(Mark::Comma),
        std::cmp::Ordering::Equal => None,
    }
}

/// The value of digits with points, commas, apostrophes and spaces; none where groups make no sense.
pub(crate) fn number(text: &str, mark: Option<Mark>) -> Option<Decimal> {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’'))
        .collect();
    let text = text.as_str();
    let (points, commas) = (text.matches('.').count(), text.matches(',').count());
    let decimal = match (points, commas) {
        (0, 0) => None,
        (_, 0) | (0, _) if points + commas > 1 => None,
        (1, 0) | (0, 1) => {
            let at = text.find(['.', ','])?;
            let sign = if points == 1 { Mark::Point } else { Mark::Comma };
            let fraction = text.len() - at - 1;
            // Three digits behind the only sign: thousands, unless this document writes fractions with it.
            let thousands =
                fraction == 3 && (1..=3).contains(&at) && !text.starts_with('0') && mark.is_none_or(|m| m != sign);
            (!thousands).then_some(at)
        }
        _ => {
            let at = text.rfind(['.', ','])?;
            let last = text.as_bytes().get(at).copied();
            (text.bytes().filter(|b| Some(*b) == last).count() == 1).then_some(at)
        }
    };
    let plain = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    let (whole, fraction) = match decimal {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let groups: Vec<&str> = whole.split(['.', ',']).collect();
    let thousands = groups.iter().skip(1).all(|group| group.len() == 3);
    // In India only the last group has three digits: `1,23,456`.
    let lakhs = !whole.contains('.')
        && matches!(&groups[..], [first, middle @ .., last]
            if (1..=2).contains(&first.len()) && last.len() == 3
                && !middle.is_empty() && middle.iter().all(|group| group.len() == 2));
    if !thousands && !lakhs {
        return None;
    }
    let whole = if whole.is_empty() { "0".to_owned() } else { plain(whole) };
    if fraction.is_empty() {
        whole.parse().ok()
    } else {
        format!("{whole}.{}", plain(fraction)).parse().ok()
    }
}

/// Letters that stand where digits must be, as engines misread them: `1O.5O`.
fn repaired(text: &str) -> Option<String> {
    regex!(BROKEN, r"(?:^|[\s$€£M:])([0-9OoIlSBZ]{1,4}[.,][0-9OoIlSB]{2})(?:\s|$)");
    let found = BROKEN.captures(text)?.get(1)?;
    let digits = found.as_str().bytes().filter(u8::is_ascii_digit).count();
    if digits == found.len() - 1 || digits * 2 < found.len() - 1 {
        return None;
    }
    let fixed: String = found.as_str().chars().map(digit_for).collect();
    Some(format!("{}{fixed}{}", &text[..found.start()], &text[found.end()..]))
}

/// The digit that a letter was probably meant to be; other signs as they are.
pub(crate) fn digit_for(letter: char) -> char {
    match letter {
        'O' | 'o' | 'Q' => '0',
        'I' | 'l' | '|' => '1',
        'Z' => '2',
        'S' => '5',
        'B' => '8',
        other => other,
    }
}

/// The text with what recognition breaks mended: letters read for digits inside an amount, blanks inside an amount.
pub(crate) fn tidy(text: &str) -> String {
    let text = repaired(text).unwrap_or_else(|| text.to_owned());
    if text.contains(" .") || text.contains(". ") || text.contains(" ,") {
        return LONE_SPACE.replace_all(&text, "$1$2$3$4$5").into_owned();
    }
    text
}

/// All amounts of a text, from left to right. Percentages, dates, times and parts of longer codes are none.
pub(crate) fn amounts(text: &str, mark: Option<Mark>) -> Vec<Amount> {
    let mut found = Vec::new();
    // Only those who write fractions with a comma part thousands by spaces; elsewhere a space parts two numbers.
    let pattern = if mark == Some(Mark::Comma) {
        &*AMOUNT_SPACED
    } else {
        &*AMOUNT
    };
    let mut from = 0;
    while let Some(hit) = text.get(from..).and_then(|_| pattern.captures_at(text, from)) {
        from = hit.get(0).map_or(text.len(), |m| m.end().max(from + 1));
        let (Some(whole), Some(digits)) = (hit.get(0), hit.name("number")) else {
            continue;
        };
        let has = |name: &str| hit.name(name).is_some();
        let before = text[..digits.start()].chars().next_back();
        let after = text[digits.end()..].chars().next();
        let marked = has("before") || has("after");
        let glued_before = before.is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '/' | '#' | '_'))
            || (before == Some(':') && text[..digits.start() - 1].ends_with(|c: char| c.is_ascii_digit()))
            || (before.is_some_and(char::is_alphabetic) && !has("before"))
            || (before == Some(':') && digits.as_str().contains(' '))
            || (before == Some('-') && preceded_by_code(text, digits.start()));
        let rest = &text[digits.end()..];
        let second = rest.chars().nth(1);
        let glued_after = match after {
            Some('%' | '/' | ':' | '°' | '_') => true,
            Some('.' | ',') => second.is_some_and(|c| c.is_ascii_digit()),
            Some('-') => second.is_some_and(char::is_alphanumeric),
            Some(c) => c.is_ascii_digit() || (c.is_alphabetic() && !has("after") && !code_letters(rest)),
            None => false,
        };
        if glued_before || glued_after || rest.trim_start().starts_with('%') {
            // What looked like thousands may be a number of something else and an amount: `Nr:731 250,00`.
            if let Some(space) = digits.as_str().find(' ') {
                from = digits.start() + space + 1;
            }
            continue;
        }
        let Some(mut value) = number(digits.as_str(), mark) else {
            continue;
        };
        if has("dash") && value.scale == 0 {
            value = Decimal {
                unscaled: value.unscaled.saturating_mul(100),
                scale: 2,
            };
        }
        let minus = |name: &str| hit.name(name).is_some_and(|m| m.as_str().contains(['-', '−', '–']));
        let tail = hit.name("tail").map(|m| m.as_str().trim().to_ascii_uppercase());
        // `12 +3`: the sign belongs to what follows.
        let tail = tail.filter(|tail| tail != "+" || !text[whole.end()..].starts_with(|c: char| c.is_ascii_digit()));
        let debit = matches!(tail.as_deref(), Some("-" | "−" | "DR" | "DB"));
        let brackets = has("open") && has("close");
        if (minus("sign") && !hit.name("sign").is_some_and(|sign| dangling(text, sign.start())))
            || minus("sign2")
            || debit
            || brackets
        {
            value = negated(value);
        }
        found.push(Amount {
            value,
            start: whole.start(),
            end: whole.end(),
            marked,
            signed: has("sign") || has("sign2") || tail.is_some() || brackets,
        });
    }
    found
}

/// A dash that joins the number to a word before it: `CS-0014` is no negative amount.
fn preceded_by_code(text: &str, at: usize) -> bool {
    text[..at]
        .strip_suffix('-')
        .and_then(|rest| rest.chars().next_back())
        .is_some_and(char::is_alphanumeric)
}

/// A dash glued to a word parts and does not negate: `Total-5.00`.
fn dangling(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_some_and(char::is_alphanumeric)
}

/// Letters glued to an amount that name a tax class: `7.74SR`, `31.80 S`.
fn code_letters(rest: &str) -> bool {
    let letters = rest
        .chars()
        .take_while(|c| c.is_ascii_alphabetic() || *c == '*')
        .count();
    letters <= 3 && rest.chars().nth(letters).is_none_or(|c| !c.is_alphanumeric())
}
