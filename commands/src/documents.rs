//! Documents: upload, the steps of the pipeline, unlock, correct, confirm, reject.

mod confirm;
pub(crate) mod http;
mod steps;
mod upload;

use spendlog_domain::{
    documents::DocumentCommand,
    values::{DocumentId, TransactionId},
};
use spendlog_event_store::OwnerKeys;

pub use confirm::{ConfirmDocument, Statements, confirm, confirm_by_policy};
pub use steps::{ChangeDocument, advance};
pub use upload::UploadDocument;

/// The document of this file in this book, by the book's keys: the same content is the same document.
pub fn document_of_file(keys: &OwnerKeys, object: &str) -> DocumentId {
    DocumentId::new(keys.derive_id("document", object.as_bytes()))
}

/// The transaction that a document's confirmation records, by the book's keys.
pub fn transaction_of_document(keys: &OwnerKeys, document: DocumentId) -> TransactionId {
    TransactionId::new(keys.derive_id("transaction-of-document", document.to_string().as_bytes()))
}

/// What a command is called in metrics.
fn command_name(command: &DocumentCommand) -> &'static str {
    match command {
        DocumentCommand::Upload { .. } => "documents.upload",
        DocumentCommand::RequirePassword => "documents.require_password",
        DocumentCommand::Unlock { .. } => "documents.unlock",
        DocumentCommand::RecogniseText { .. } => "documents.recognise_text",
        DocumentCommand::Classify { .. } => "documents.classify",
        DocumentCommand::ExtractFields { .. } => "documents.extract",
        DocumentCommand::Validate { .. } => "documents.validate",
        DocumentCommand::CorrectField { .. } => "documents.correct",
        DocumentCommand::Confirm { .. } => "documents.confirm",
        DocumentCommand::Reject { .. } => "documents.reject",
        DocumentCommand::Fail { .. } => "documents.fail",
    }
}
