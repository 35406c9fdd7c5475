//! What is answered about imports.
