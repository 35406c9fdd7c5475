//! Dates in text: many orders, separators and languages. One that can be read in two ways stays open until something
//! else in the document decides.

use chrono::Datelike as _;
use spendlog_domain::values::Date;

use super::months::month;
use super::pattern::regex;

/// Which comes first in dates of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `31/12/2020`
    DayFirst,
    /// `12/31/2020`
    MonthFirst,
}

/// A day, or two that the same digits may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Day {
    /// There is one way to read it.
    Sure(Date),
    /// Either may be meant.
    Open {
        /// The day first.
        day_first: Date,
        /// The month first.
        month_first: Date,
    },
}

impl Day {
    /// The day, where it is sure or the order is known.
    pub(crate) fn by(self, order: Option<Order>) -> Option<Date> {
        match (self, order) {
            (Self::Sure(date), _) => Some(date),
            (Self::Open { day_first, .. }, Some(Order::DayFirst)) => Some(day_first),
            (Self::Open { month_first, .. }, Some(Order::MonthFirst)) => Some(month_first),
            (Self::Open { .. }, None) => None,
        }
    }
}

/// A date in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateHit {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it may say.
    pub day: Day,
    /// The order that it shows, if it is one of numbers that can only be read in that order.
    pub shows: Option<Order>,
    /// Eight digits without a sign between them: may be any number.
    pub compact: bool,
    /// Whether a time stands behind it.
    pub timed: bool,
}

regex!(
    YEAR_FIRST,
    r"((?:19|20)\d{2})( ?[-/.年] ?)(\d{1,2})( ?[-/.月] ?)(\d{1,2})"
);
regex!(
    YEAR_LAST,
    r"(\d{1,2})( ?[-/.] ?| )(\d{1,2})( ?[-/.] ?| )['’]?(\d{4}|\d{2})"
);
regex!(COMPACT, r"(20\d{2})(0[1-9]|1[0-2])([0-3]\d)");
regex!(
    DAY_NAME_YEAR,
    r"(?i)(\d{1,2})(?:st|nd|rd|th|er|re|º|ª)?[ ./,-]{0,3}(?:de |of |d')?([\p{L}]{3,10}?)[ ./,'’-]{0,3}(?:de |del )?((?:19|20)\d{2}|\d{2})"
);
regex!(
    NAME_DAY_YEAR,
    r"(?i)([\p{L}]{3,10})[ ./,-]{0,3}(\d{1,2})(?:st|nd|rd|th)?(?:[ ./,'’-]{1,3})((?:19|20)\d{2}|\d{2})"
);
regex!(
    YEAR_NAME_DAY,
    r"((?:19|20)\d{2})[ ./,-]{1,2}([\p{L}]{3,10})[ ./,-]{1,2}(\d{1,2})"
);
regex!(
    TIME,
    r"^[\s,TtJ/|@(\[\]-]{0,4}(?:um |at |às |alle )?[0-2]?\d[:.h][0-5]\d"
);

/// All dates of a text, from left to right, none overlapping another.
pub(crate) fn dates(text: &str) -> Vec<DateHit> {
    let digits = mended(text);
    let mut hits: Vec<DateHit> = Vec::new();
    let mut add = |hit: Option<DateHit>| {
        if let Some(hit) = hit
            && hits
                .iter()
                .all(|other| hit.end <= other.start || hit.start >= other.end)
        {
            hits.push(hit);
        }
    };
    for found in YEAR_FIRST.captures_iter(&digits) {
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let day = date(part(1), part(3), part(5));
        add(whole(&found)
            .filter(|&(start, end)| open_before(&digits, start) && open_after(&digits, end))
            .zip(day)
            .map(|((start, end), day)| DateHit {
                start,
                end,
                day: Day::Sure(day),
                shows: None,
                compact: false,
                timed: timed(&digits, end),
            }));
    }
    for found in DAY_NAME_YEAR.captures_iter(text) {
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let name = month(part(2));
        add(name.and_then(|month| named(text, &found, part(1), month, part(3))));
    }
    for found in NAME_DAY_YEAR.captures_iter(text) {
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        add(month(part(1)).and_then(|month| named(text, &found, part(2), month, part(3))));
    }
    for found in YEAR_NAME_DAY.captures_iter(text) {
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        add(month(part(2)).and_then(|month| named(text, &found, part(3), month, part(1))));
    }
    let mut from = 0;
    while let Some(found) = digits.get(from..).and_then(|_| YEAR_LAST.captures_at(&digits, from)) {
        let hit = numeric(&digits, &found);
        from = hit.map_or_else(|| found.get(1).map_or(digits.len(), |m| m.end()), |hit| hit.end);
        add(hit);
    }
    for found in COMPACT.captures_iter(&digits) {
        let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let day = date(part(1), part(2), part(3));
        let free = |start: usize, end: usize| {
            !digits[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
                && !digits[end..].starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        add(whole(&found)
            .filter(|&(start, end)| free(start, end))
            .zip(day)
            .map(|((start, end), day)| DateHit {
                start,
                end,
                day: Day::Sure(day),
                shows: None,
                compact: true,
                timed: timed(&digits, end),
            }));
    }
    hits.sort_by_key(|hit| hit.start);
    hits
}

fn whole(found: &regex::Captures<'_>) -> Option<(usize, usize)> {
    found.get(0).map(|m| (m.start(), m.end()))
}

/// A date whose month has a name.
fn named(text: &str, found: &regex::Captures<'_>, day: &str, month: u32, year: &str) -> Option<DateHit> {
    let (start, mut end) = whole(found)?;
    let short = year.len() == 2;
    // `22 JUN 201818:07`: the year and the time ran into each other.
    if short && text[end..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !open_before(text, start) || !open_after(text, end) {
        return None;
    }
    let date = date(year, &month.to_string(), day)?;
    let is_timed = timed(text, end);
    if short && !is_timed && text[end..].starts_with(':') {
        // `12 May 10:30`: the time, not the year 2010.
        return None;
    }
    end = end.min(text.len());
    Some(DateHit {
        start,
        end,
        day: Day::Sure(date),
        shows: None,
        compact: false,
        timed: is_timed,
    })
}

fn numeric(digits: &str, found: &regex::Captures<'_>) -> Option<DateHit> {
    let (start, mut end) = whole(found)?;
    let part = |i: usize| found.get(i).map_or("", |m| m.as_str());
    let sign = |i: usize| part(i).trim().to_owned();
    let (a, b, mut year) = (part(1), part(3), part(5));
    // Two separators, and the same twice; blanks alone only before a year of four digits.
    if sign(2) != sign(4) || (sign(2).is_empty() && year.len() != 4) {
        return None;
    }
    let year_at = found.get(5)?.start();
    if year.len() == 4 && full_year(year).is_none() {
        // `10/03/1805:41`: a year of two digits and the time ran into each other.
        year = &digits[year_at..year_at + 2];
        end = year_at + 2;
        if !TIME.is_match(&digits[end..]) {
            return None;
        }
    } else if !open_before(digits, start) || !open_after(digits, end) {
        return None;
    }
    if !open_before(digits, start) {
        return None;
    }
    let (day_first, month_first) = (date(year, b, a), date(year, a, b));
    let (day, shows) = match (day_first, month_first) {
        (Some(one), Some(other)) if one == other => (Day::Sure(one), None),
        // Points part days from months where the day comes first.
        (Some(one), Some(_)) if sign(2) == "." => (Day::Sure(one), Some(Order::DayFirst)),
        (Some(day_first), Some(month_first)) => (Day::Open { day_first, month_first }, None),
        (Some(one), None) => (Day::Sure(one), Some(Order::DayFirst)),
        (None, Some(one)) => (Day::Sure(one), Some(Order::MonthFirst)),
        // Only the year can come first: `99/12/31`.
        (None, None) => (
            Day::Sure(date(a, b, year).filter(|_| year.len() == 2 && a.len() == 2)?),
            None,
        ),
    };
    Some(DateHit {
        start,
        end,
        day,
        shows,
        compact: false,
        timed: timed(digits, end),
    })
}

/// Whether no digit, and no sign that continues a number, stands before.
fn open_before(text: &str, at: usize) -> bool {
    let mut before = text[..at].chars().rev();
    match before.next() {
        Some(c) if c.is_ascii_digit() => false,
        Some('-' | '/' | '.' | ',') => before.next().is_none_or(|c| !c.is_ascii_digit()),
        _ => true,
    }
}

/// Whether nothing that continues the number stands behind; a time may, even without a space.
fn open_after(text: &str, at: usize) -> bool {
    let rest = &text[at..];
    let mut after = rest.chars();
    match after.next() {
        Some(c) if c.is_ascii_digit() => TIME.is_match(rest),
        Some('-' | '/') => after.next().is_none_or(|c| !c.is_ascii_digit()) || TIME.is_match(rest),
        Some('.' | ',') => after.next().is_none_or(|c| !c.is_ascii_digit()),
        _ => true,
    }
}

fn timed(text: &str, at: usize) -> bool {
    TIME.is_match(&text[at..])
}

/// The same text with letters that stand for digits of dates replaced; no place in it moves.
fn mended(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let digitlike = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | '.'))
    };
    let mend = |(at, letter): (usize, &char)| {
        let around = digitlike(at.checked_sub(1)) && digitlike(Some(at + 1));
        let beside = |step: Option<usize>| step.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        let edge = beside(at.checked_sub(1))
            && !beside(Some(at + 1))
            && letters.get(at + 1).is_none_or(|c| !c.is_alphanumeric())
            || beside(Some(at + 1))
                && at
                    .checked_sub(1)
                    .and_then(|at| letters.get(at))
                    .is_none_or(|c| !c.is_alphanumeric());
        match letter {
            'O' | 'o' if around || edge => '0',
            'I' | 'l' | '|' if around || edge => '1',
            other => *other,
        }
    };
    letters.iter().enumerate().map(mend).collect()
}

/// The year of two or four digits: 1950 to 2099.
fn full_year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    match (text.len(), year) {
        (2, 0..=69) => Some(2000 + year),
        (2, _) => Some(1900 + year),
        (4, 1950..=2099) => Some(year),
        _ => None,
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    Date::from_ymd_opt(full_year(year)?, month.parse().ok()?, day.parse().ok()?)
}

/// The day in the year that brings it into this period, or just before its end.
pub(crate) fn in_period(day: u32, month: u32, from: Option<Date>, to: Date) -> Option<Date> {
    let years = [to.year(), to.year() - 1];
    let inside = |date: &Date| *date <= to && from.is_none_or(|from| *date >= from);
    let all = || years.iter().filter_map(|year| Date::from_ymd_opt(*year, month, day));
    all()
        .find(inside)
        .or_else(|| all().find(|date| (*date - to).num_days() <= 15))
}
