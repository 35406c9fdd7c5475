//! What is answered about books.
