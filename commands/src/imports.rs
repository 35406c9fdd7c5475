//! Imports: read a statement, accept its lines, revert them.

mod accept;
pub(crate) mod http;
mod lines;
mod read;
mod revert;

use spendlog_domain::values::{DocumentId, ImportId};
use spendlog_event_store::OwnerKeys;

pub(crate) use accept::accept_lines;
pub use accept::{AcceptImport, accept};
pub use lines::StatementLine;
pub(crate) use lines::{lines, lines_for};
pub use read::ReadStatement;
pub use revert::{RevertImport, revert};

/// The import of a document's `number`th statement, from 0, by the book's keys.
pub fn import_of_document(keys: &OwnerKeys, document: DocumentId, number: u32) -> ImportId {
    ImportId::new(keys.derive_id("import-of-document", format!("{document} {number}").as_bytes()))
}
