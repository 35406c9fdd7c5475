//! What is answered about accounts.
