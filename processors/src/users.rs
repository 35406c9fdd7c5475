//! What follows when users are forgotten.

mod forget;

pub use forget::Forgetting;
