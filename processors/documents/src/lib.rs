//! Documents: what a file is, what stands in it, and what it means. No journal, no network.
//!
//! Steps that build on each other: [`sniff()`] tells the media type, [`Reader`] turns a file into a
//! [`reading::Reading`] (text with places and scores), [`classify()`] says what kind of document it is, [`extract()`]
//! finds its fields and lines, and [`validate()`] holds them against each other.
//!
//! **Invariant:** no parser of foreign files, and no rule that makes sense of their text, runs in the process that holds the
//! journal. [`Reader`] starts a child ([`child_main`]) that may cost its own document, and nothing else.

pub mod classify;
pub mod extract;
pub mod models;
pub mod ocr;
pub mod reader;
pub mod reading;
pub mod sniff;
pub mod validate;

pub use classify::{Classification, classify};
pub use extract::{Extraction, Hints, extract};
pub use reader::{ReadError, Reader, ReaderConfig, child_main};
pub use reading::{DocumentLine, Item, Line, Movement, Page, Reading, Statement, Table, Word};
pub use sniff::sniff;
pub use validate::validate;
