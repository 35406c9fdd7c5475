//! Headers of requests that several operations take, as the API describes them; `spendlog_web` reads them.

use utoipa::IntoParams;

/// `Spendlog-Position` of a read: what it must have seen.
#[derive(IntoParams)]
#[into_params(names("Spendlog-Position"), parameter_in = Header)]
pub struct SeenPosition(
    /// See at least this position
    pub Option<i64>,
);

/// `Idempotency-Key` of a write: makes it safe to repeat.
#[derive(IntoParams)]
#[into_params(names("Idempotency-Key"), parameter_in = Header)]
pub struct IdempotencyKey(
    /// The same request again gets the first answer
    pub Option<String>,
);

/// `If-Match` of a write: done only to the version that it names.
#[derive(IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub struct IfMatch(
    /// The version that was seen
    pub Option<String>,
);
