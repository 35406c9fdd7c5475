//! Looking behind the figures: the caller's own events, and their books folded from them.

pub(crate) mod events;
pub mod proof;
pub(crate) mod replay;
