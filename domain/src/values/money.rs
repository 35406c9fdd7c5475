//! Money: whole minor units of a currency.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Currency, Decimal};

/// The text is not an amount of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// It is no decimal number, or one beyond 18 digits.
    #[error("not a decimal number of at most 18 digits")]
    NotANumber,
    /// It has more digits behind the point than the currency.
    #[error("more digits behind the point than the currency has")]
    TooPrecise,
}

/// An amount in whole minor units: EUR 12.50 is 1250.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The amount in minor units of the currency.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// The largest amount of a posting, up or down, in minor units: sums of thousands stay within 64 bits.
    pub const LIMIT_MINOR: i64 = 1_000_000_000_000_000;

    /// Whether the amount lies within [`LIMIT_MINOR`](Self::LIMIT_MINOR).
    pub const fn is_within_limit(self) -> bool {
        -Self::LIMIT_MINOR <= self.minor && self.minor <= Self::LIMIT_MINOR
    }

    /// The amount that a plain decimal (`-12.5`) stands for. Zeros beyond the currency's digits are no more digits.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidAmount> {
        let number: Decimal = text.parse().map_err(|_| InvalidAmount::NotANumber)?;
        let digits = currency.digits();
        let minor = if number.scale <= digits {
            10_i64
                .checked_pow(u32::from(digits - number.scale))
                .and_then(|factor| number.unscaled.checked_mul(factor))
        } else {
            let beyond = 10_i64.pow(u32::from(number.scale - digits));
            if number.unscaled % beyond != 0 {
                return Err(InvalidAmount::TooPrecise);
            }
            Some(number.unscaled / beyond)
        };
        minor
            .map(|minor| Self { minor, currency })
            .ok_or(InvalidAmount::NotANumber)
    }

    /// The amount without its currency, with all of the currency's digits: `-12.50`.
    pub fn decimal(self) -> Decimal {
        Decimal {
            unscaled: self.minor,
            scale: self.currency.digits(),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}
