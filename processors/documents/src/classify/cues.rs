//! The cues.

use spendlog_domain::documents::{Confidence, DocumentKind};

use crate::reading::Reading;

/// The kind with the most cues.
pub(super) fn decide(reading: &Reading) -> (DocumentKind, Confidence) {
    if !reading.statements.is_empty() {
        return (DocumentKind::BankStatement, Confidence(1000));
    }
    (DocumentKind::Other, Confidence(0))
}
