//! What is answered about users.
