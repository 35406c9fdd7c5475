//! How a reading in the child can end badly.

use serde::{Deserialize, Serialize};
use spendlog_domain::documents::FailureReason;

use super::ReadError;

/// Why the child could not read the file. Its texts are fixed words of ours: nothing of the document gets out by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// It is locked and no password was given.
    PasswordRequired,
    /// The password given does not open it.
    WrongPassword,
    /// Anything else.
    Because { reason: FailureReason, detail: String },
}

impl Failure {
    pub(crate) fn malformed(detail: &str) -> Self {
        Self::Because {
            reason: FailureReason::Malformed,
            detail: detail.to_owned(),
        }
    }

    pub(crate) fn too_large(detail: &str) -> Self {
        Self::Because {
            reason: FailureReason::TooLarge,
            detail: detail.to_owned(),
        }
    }

    pub(crate) fn unsupported(detail: &str) -> Self {
        Self::Because {
            reason: FailureReason::UnsupportedType,
            detail: detail.to_owned(),
        }
    }
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::PasswordRequired => Self::PasswordRequired,
            Failure::WrongPassword => Self::WrongPassword,
            Failure::Because { reason, detail } => Self::Failed { reason, detail },
        }
    }
}
