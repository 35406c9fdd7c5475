//! What is answered about transactions.
