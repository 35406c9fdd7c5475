//! Values on the command line, as people write them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use spendlog_domain::values::UserId;
use spendlog_projections::Group;

/// A user, as an operator names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// By the id.
    Id(UserId),
    /// By the address that they sign in with.
    Email(String),
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if text.contains('@') => Ok(Self::Email(text.to_owned())),
            Err(_) => Err("expected an e-mail address, or an id (usr_ and 32 hexadecimal digits)".to_owned()),
        }
    }
}

/// A moment of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// After this event.
    Position(i64),
    /// At this time.
    Time(DateTime<Utc>),
}

pub(super) fn parse_when(text: &str) -> Result<When, String> {
    if let Ok(position) = text.parse::<i64>() {
        return if position >= 0 {
            Ok(When::Position(position))
        } else {
            Err("a position is not negative".to_owned())
        };
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::Time(time.to_utc()));
    }
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or_default();
    let day: Option<NaiveDate> = text.parse().ok();
    day.map(|day| When::Time(day.and_time(last).and_utc()))
        .ok_or_else(|| "expected a position, a day (2026-10-03) or a time (2026-10-03T12:00:00Z)".to_owned())
}

/// A projection, as an operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProjectionName {
    /// One that Spendlog comes with.
    Group(Group),
    /// One of the operator's own.
    Custom(String),
}

impl std::str::FromStr for ProjectionName {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Group::named(name).map_or_else(|| Self::Custom(name.to_owned()), Self::Group))
    }
}

impl std::fmt::Display for ProjectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Group(group) => group.name(),
            Self::Custom(name) => name,
        })
    }
}

/// The shortest schedule, in seconds.
const EVERY_MIN: u64 = 5;

pub(super) fn parse_every(text: &str) -> Result<Duration, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("expected a number and a unit: 30s, 5m, 1h, 1d".to_owned()),
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds));
    match seconds {
        Some(seconds @ EVERY_MIN..=31_536_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("expected a time between {EVERY_MIN}s and 365d")),
    }
}

pub(super) fn parse_days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse().ok();
    days.filter(|days| *days <= 36_500)
        .ok_or_else(|| "give days, 36500 at most, as in 400d".to_owned())
}
