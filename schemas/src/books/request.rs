//! What can be asked about books.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who confirms what was read from a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationPolicy {
    /// A person, always.
    Manual,
    /// Nobody needs to where every check holds; a person otherwise.
    WhenChecksHold,
}

/// Opens another book.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBook {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200, example = "Household")]
    pub name: String,
    /// Who confirms documents: a person, unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ConfirmationPolicy>,
}

/// Changes a book; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBook {
    /// The name from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Who confirms documents from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ConfirmationPolicy>,
}
