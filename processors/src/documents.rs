//! The pipeline of documents: recognise, classify, extract, validate, and what follows from it.

mod lookup;
mod pipeline;
mod steps;
mod workspace;

pub use pipeline::DocumentPipeline;
