//! Documents: from a file to its text, and from the text to fields and lines. No journal, no network.

pub mod classify;
pub mod extract;
pub mod reading;
pub mod validate;

pub use classify::{Classification, classify};
pub use extract::{Extraction, Hints, extract};
pub use validate::validate;
