//! The pipeline of documents: recognise, classify, extract, validate, and what follows from it.

mod lookup;
mod pipeline;
mod steps;
mod turns;
mod workspace;

pub use pipeline::DocumentPipeline;
