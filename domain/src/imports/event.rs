//! What can have happened to an import.

use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{AccountId, BookId, Currency, DocumentId, FileRef, ImportId};

/// Events of the stream `import`, owned by the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum ImportEvent {
    /// A statement was read.
    #[serde(rename = "import.read")]
    Read {
        /// The new import.
        import: ImportId,
        /// The book that it belongs to.
        book: BookId,
        /// The document that the statement came as.
        document: DocumentId,
        /// The account whose number the statement names, where there is one.
        account: Option<AccountId>,
        /// The currency that the statement names.
        currency: Option<Currency>,
        /// The lines, in a file.
        lines: FileRef,
        /// How many lines there are.
        lines_count: u32,
    },
    /// Its lines were accepted into an account.
    #[serde(rename = "import.accepted")]
    Accepted {
        /// The account.
        account: AccountId,
        /// How many lines became new transactions.
        new_count: u32,
        /// How many were there before: the same line from another import, or typed in again.
        there_count: u32,
        /// How many a reverted import had brought, and count again.
        restored_count: u32,
    },
    /// What it brought was voided.
    #[serde(rename = "import.reverted")]
    Reverted {
        /// How many transactions were voided.
        voided_count: u32,
    },
}

impl ImportEvent {
    /// The file that it names.
    pub fn file(&self) -> Option<&FileRef> {
        match self {
            Self::Read { lines, .. } => Some(lines),
            Self::Accepted { .. } | Self::Reverted { .. } => None,
        }
    }
}

impl DomainEvent for ImportEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Read { .. } => "import.read",
            Self::Accepted { .. } => "import.accepted",
            Self::Reverted { .. } => "import.reverted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
