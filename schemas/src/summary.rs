//! Summaries of what was spent and earned.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What was spent and earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// What its lines tell apart.
    pub by: SummaryBy,
    /// A line for each, and each currency.
    pub lines: Vec<SummaryLine>,
}

/// A line of a summary. Sums are decimal numbers of the currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SummaryLine {
    /// The month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-09")]
    pub month: Option<String>,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The currency of the sums.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Money that came in.
    #[schema(example = "0.00")]
    pub income: String,
    /// Money that went out: zero or negative.
    #[schema(example = "-312.40")]
    pub expense: String,
    /// Both together.
    #[schema(example = "-312.40")]
    pub total: String,
    /// How many postings.
    pub count: i64,
}

/// What a summary's lines tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SummaryBy {
    /// Categories.
    #[default]
    Category,
    /// Months.
    Month,
    /// Months, and in them categories.
    MonthAndCategory,
}

/// Of what a summary is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SummaryQuery {
    /// The book; the caller's first unless said.
    pub book: Option<String>,
    /// What its lines tell apart; categories unless said.
    #[param(inline)]
    pub by: Option<SummaryBy>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
    /// Only transactions with a posting in this account.
    pub account: Option<String>,
    /// As the journal stood then: a position, or a time of RFC 3339.
    pub at: Option<String>,
}
