//! What can be asked about users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::{Change, present};

/// Signs up.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// The address to sign in with.
    #[schema(format = "email", max_length = 254, example = "ada@example.org")]
    pub email: String,
    /// At least 8 and at most 256 bytes.
    #[schema(format = "password", min_length = 8, max_length = 256)]
    pub password: String,
    /// How they want to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// Signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The address of the registration.
    #[schema(max_length = 254, example = "ada@example.org")]
    pub email: String,
    /// The password.
    #[schema(format = "password", max_length = 256)]
    pub password: String,
}

/// Asks for fresh tokens.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshTokens {
    /// The refresh token got last.
    #[schema(max_length = 4096)]
    pub refresh: String,
}

/// Changes the profile; what is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// How they want to be called; `null` removes it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub name: Change<String>,
}

/// Changes the password. All sessions end; sign in again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[schema(format = "password", max_length = 256)]
    pub old_password: String,
    /// The password from now on.
    #[schema(format = "password", min_length = 8, max_length = 256)]
    pub new_password: String,
}

/// Asks to be forgotten. It can't be undone.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetUser {
    /// The password.
    #[schema(format = "password", max_length = 256)]
    pub password: String,
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Registered {
    /// The new user.
    #[schema(example = "usr_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub user: String,
    /// The book that they start with.
    #[schema(example = "book_0197a2c4e1b87d3c9f0a5b6c7d8e9f00")]
    pub book: String,
    /// The user's version.
    pub version: i64,
    /// The journal's position that this stands at.
    pub position: i64,
}

/// Tokens of a session.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// To be sent as `Authorization: Bearer …`.
    pub access: String,
    /// To get fresh tokens with.
    pub refresh: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// How long the access token is good for, in seconds.
    pub expires_in: i64,
}
