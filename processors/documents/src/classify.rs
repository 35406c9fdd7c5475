//! What kind of document a reading is: decided from cues in its words and from its shape.

use serde::{Deserialize, Serialize};
use spendlog_domain::documents::{Confidence, DocumentKind};

use crate::reading::Reading;

mod cues;
#[cfg(test)]
mod tests;

/// What a document is taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// The kind.
    pub kind: DocumentKind,
    /// What decided: the name of the rules.
    pub engine: String,
    /// How far the kind is ahead of the next.
    pub confidence: Confidence,
}

/// Takes a reading for a receipt, an invoice, a statement, an expense report or something else.
pub fn classify(reading: &Reading) -> Classification {
    let (kind, confidence) = cues::decide(reading);
    Classification {
        kind,
        engine: "cues/1".to_owned(),
        confidence,
    }
}
