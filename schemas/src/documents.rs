//! Documents: from the upload to the confirmed fields.

mod request;
mod response;

pub use request::*;
pub use response::*;
