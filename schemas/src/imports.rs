//! Imports: statements to be accepted into an account.

mod request;
mod response;

pub use request::*;
pub use response::*;
