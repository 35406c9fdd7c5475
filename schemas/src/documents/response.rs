//! What is answered about documents.
