//! People with a login: registration, sign-in, password, profile and role.
//!
//! The uniqueness of an e-mail address is a stream of its own, whose id is the keyed hash of the address and which
//! can be created once ([`EmailReservation`]).

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{EmailReservation, User};
pub use command::{EmailCommand, UserCommand};
pub use error::UserError;
pub use event::{EmailEvent, Role, UserEvent};
