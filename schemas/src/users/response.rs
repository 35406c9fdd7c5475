//! What is answered about users.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user, as they see themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Their id.
    #[schema(example = "usr_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub id: String,
    /// The address that they sign in with.
    pub email: Option<String>,
    /// How they want to be called.
    pub name: Option<String>,
    /// What they may do beyond what is theirs.
    pub role: UserRole,
    /// The books that they may see, the one that is meant unless another is named first.
    pub books: Vec<String>,
    /// Their version.
    pub version: i64,
    /// When they signed up.
    pub registered_at: DateTime<Utc>,
}

/// What a user may do beyond what is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Nothing.
    Member,
    /// The running of the system.
    Admin,
}
