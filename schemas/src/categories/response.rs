//! What is answered about categories.
