//! Days without a year, as bank statements write them: `31.12.`, `31/12`, `31 Dec`, `Dec 31`.

use super::months::month;
use super::pattern::regex;

/// A day of some year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// There is one way to read it.
    Sure {
        /// The day of the month.
        day: u32,
        /// The month.
        month: u32,
    },
    /// Either number may be the month.
    Open {
        /// What stands first.
        first: u32,
        /// What stands second.
        second: u32,
    },
}

regex!(NUMBERS, r"^\s*(\d{1,2})([./-])(\d{1,2})(\.?)(?:\s|$|/)");
regex!(DAY_NAME, r"^\s*(\d{1,2})[\s.-]{0,2}(\p{L}{3,9})\.?(?:\s|$)");
regex!(NAME_DAY, r"^\s*(\p{L}{3,9})\.?[\s-]{1,2}(\d{1,2})(?:\s|$)");

/// The day at this place of a text, and where it ends.
pub(crate) fn short_date(text: &str, at: usize) -> Option<(Short, usize)> {
    let rest = text.get(at..)?;
    let number =
        |found: &regex::Captures<'_>, group: usize| found.get(group).and_then(|m| m.as_str().parse::<u32>().ok());
    let valid = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
    if let Some(found) = NUMBERS.captures(rest) {
        let (first, second) = (number(&found, 1)?, number(&found, 3)?);
        let wide = found.get(1)?.len() == 2 && found.get(3)?.len() == 2;
        let point = found.get(2)?.as_str() == ".";
        // `4.09` at the start of a row is an amount; a day has two digits, or a point behind it.
        if point && !wide && found.get(4)?.as_str().is_empty() {
            return None;
        }
        let end = at + found.get(4)?.end();
        let short = match (valid(first, second), valid(second, first)) {
            (true, true) if first == second || point => Short::Sure {
                day: first,
                month: second,
            },
            (true, true) => Short::Open { first, second },
            (true, false) => Short::Sure {
                day: first,
                month: second,
            },
            (false, true) if !point => Short::Sure {
                day: second,
                month: first,
            },
            _ => return None,
        };
        return Some((short, end));
    }
    if let Some(found) = DAY_NAME.captures(rest) {
        let (day, name) = (number(&found, 1)?, month(found.get(2)?.as_str())?);
        return valid(day, name).then_some((Short::Sure { day, month: name }, at + found.get(2)?.end()));
    }
    let found = NAME_DAY.captures(rest)?;
    let (name, day) = (month(found.get(1)?.as_str())?, number(&found, 2)?);
    valid(day, name).then_some((Short::Sure { day, month: name }, at + found.get(2)?.end()))
}
