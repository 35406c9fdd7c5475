//! Reading text off images: one trait, three engines.
//!
//! | engine | what it is | what it needs | words found, right | seconds of a core |
//! |---|---|---|---|---|
//! | `pp-ocrv6/ort` | PP-OCRv6 run by ONNX Runtime | the weights, and the runtime's library, both fetched ([`crate::models`]) | 0.94, 0.94 | 1.6 |
//! | `pp-ocrv6/ocrs` | the same weights run by `ocrs` and `rten`, pure Rust | the weights | 0.94, 0.94 | 2.5 |
//! | `tesseract` | the program of that name | the program and its English data | 0.79, 0.75 | 0.9 |
//!
//! The figures are of 40 photographed receipts.
//!
//! [`Engines`] loads one when it is first used and goes to the next when something is missing. Everything around the two networks (finding boxes in
//! the map, cutting lines out, decoding, putting pieces into rows) is ours and the same for both PP-OCRv6 engines.
//!
//! **Invariant:** one page at a time is read in a process, by all the threads that are allowed: two documents at once take as long as one
//! after the other, not longer.
#![expect(clippy::float_arithmetic, reason = "pixels and probabilities; money is text here")]

mod boxes;
mod decode;
mod engines;
mod graph;
mod ocrs;
mod ort;
mod page;
mod pp_ocr;
mod rows;
mod strips;
mod tesseract;
#[cfg(test)]
mod tests;

use image::DynamicImage;
use spendlog_domain::documents::Confidence;

use crate::reading::Line;

pub use engines::{ENGINES, Engines, Lacking, Recognised, name, named};
pub use page::{decode, limits};
pub use spendlog_domain::documents::EngineChoice;

/// Reads the text of an image.
pub trait Engine: Send + Sync {
    /// Its name, as it stands in a reading: `pp-ocrv6/ort`.
    fn name(&self) -> &'static str;

    /// The lines of an upright page from top to bottom, each a row of words from left to right with boxes in ten-thousandths of the image.
    ///
    /// # Errors
    /// When the engine broke or took too long. An image without text is no error.
    fn recognise(&self, image: &DynamicImage) -> Result<Vec<Line>, OcrError>;
}

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OcrError {
    /// No engine can be used.
    #[error("no recognition engine can be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoEngine(Vec<Lacking>),
    /// Weights or runtime are missing or damaged.
    #[error(transparent)]
    Model(#[from] crate::models::ModelError),
    /// ONNX Runtime can't be loaded or failed.
    #[error("onnx runtime failed: {0}")]
    OnnxRuntime(String),
    /// The engine in pure Rust failed.
    #[error("ocrs failed: {0}")]
    Ocrs(String),
    /// Weights that are not built as expected.
    #[error("the weights are not built as expected: {0}")]
    Graph(&'static str),
    /// Tesseract is not installed or failed.
    #[error("tesseract failed: {0}")]
    Tesseract(String),
    /// The engine took too long.
    #[error("{engine} took longer than {seconds} seconds")]
    Slow {
        /// Its name.
        engine: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The image has more pixels than is allowed, or can't be decoded.
    #[error("the image can't be decoded: {0}")]
    Image(#[from] image::ImageError),
}

/// How sure an engine is on the whole: the mean over the letters, 0 where there are none.
#[must_use]
pub fn confidence(lines: &[Line]) -> Confidence {
    let words = lines.iter().flat_map(|line| &line.words);
    let (sum, letters) = words.fold((0_u64, 0_u64), |(sum, letters), word| {
        let count = word.text.chars().count() as u64;
        (sum + u64::from(word.confidence.0) * count, letters + count)
    });
    Confidence(u16::try_from(sum.checked_div(letters).unwrap_or(0)).unwrap_or(1000))
}
