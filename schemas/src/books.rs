//! Books: the units of ownership.

mod request;
mod response;

pub use request::*;
pub use response::*;
