//! Decimal numbers as printed: exact, with the number of digits that stood there.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{Currency, InvalidAmount, Money};

/// The text is not a plain decimal number of at most 18 digits, 9 of them behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 18 digits, 9 of them behind the point")]
pub struct InvalidDecimal;

/// `unscaled` / 10^`scale`: what a document says before its currency is known.
///
/// Comparison is by form: 1.5 and 1.50 are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decimal {
    /// All digits, with the sign.
    pub unscaled: i64,
    /// How many of the digits stand behind the point: 0 to 9.
    pub scale: u8,
}

/// Digits behind the point.
const SCALE_MAX: u8 = 9;
/// 10 to the 18th: the first number that has more than 18 digits.
const UNSCALED_END: u64 = 1_000_000_000_000_000_000;

impl Decimal {
    /// The number `unscaled` / 10^`scale`, if it has no more digits than allowed.
    pub fn new(unscaled: i64, scale: u8) -> Result<Self, InvalidDecimal> {
        let fits = scale <= SCALE_MAX && unscaled.unsigned_abs() < UNSCALED_END;
        if fits {
            Ok(Self { unscaled, scale })
        } else {
            Err(InvalidDecimal)
        }
    }

    /// The amount in this currency; an error where the number has more digits than the currency.
    pub fn money(self, currency: Currency) -> Result<Money, InvalidAmount> {
        Money::parse(&self.to_string(), currency)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, digits) = (if self.unscaled < 0 { "-" } else { "" }, self.unscaled.unsigned_abs());
        let power = 10_u64.pow(u32::from(self.scale));
        match self.scale {
            0 => write!(f, "{sign}{digits}"),
            scale => write!(
                f,
                "{sign}{}.{:0width$}",
                digits / power,
                digits % power,
                width = usize::from(scale)
            ),
        }
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let dangling = digits.ends_with('.');
        if whole.is_empty()
            || dangling
            || !plain(whole)
            || !plain(fraction)
            || fraction.len() > 9
            || whole.len() + fraction.len() > 18
        {
            return Err(InvalidDecimal);
        }
        let unscaled: i64 = format!("{whole}{fraction}").parse().map_err(|_| InvalidDecimal)?;
        let scale = u8::try_from(fraction.len()).map_err(|_| InvalidDecimal)?;
        Ok(Self {
            unscaled: if negative { -unscaled } else { unscaled },
            scale,
        })
    }
}

// Written out, so that a number from outside is held to the same limits as one that was parsed.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            unscaled: i64,
            scale: u8,
        }

        let Parts { unscaled, scale } = Parts::deserialize(deserializer)?;
        Self::new(unscaled, scale).map_err(D::Error::custom)
    }
}
