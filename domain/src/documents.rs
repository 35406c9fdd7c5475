//! Documents: from the upload to the confirmed fields.
//!
//! `uploaded -> (unlocked) -> text recognised -> classified -> extracted -> validated -> confirmed`: each step is an
//! event, so a crash resumes at the last finished one and the history shows how each value came to be.

mod aggregate;
mod command;
mod decide;
mod error;
mod event;
mod field;
#[cfg(test)]
mod tests;
mod upcast;

pub use aggregate::{Confirmation, Document, DocumentStatus, Failure, Step};
pub use command::DocumentCommand;
pub use error::DocumentError;
pub use event::{
    Check, CheckName, CheckOutcome, ConfirmedBy, DocumentEvent, DocumentKind, EngineChoice, FailureReason, Finding,
    Lines,
};
pub use field::{Box2, Confidence, Field, FieldName, FieldValue, Provenance, Source};
pub use upcast::ValidatedWithoutFindings;
