//! What is answered about books.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ConfirmationPolicy;

/// A book: accounts with their transactions and documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Book {
    /// Its id.
    #[schema(example = "book_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// What it is called; null if that is forgotten.
    pub name: Option<String>,
    /// Who confirms documents.
    pub policy: ConfirmationPolicy,
    /// Its version.
    pub version: i64,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
}

/// Which books.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BooksQuery {
    /// How many rows: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor that an earlier page ended with.
    pub after: Option<String>,
}
