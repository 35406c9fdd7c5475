//! The journal as evidence: heads that are signed, proofs that need no database to be checked, and the check of all of it.
//!
//! Nothing here needs the journal to be open, so that a damaged one can be looked at too.

mod broken;
mod commit;
mod diagnosis;
mod proof;
mod prove;
mod verify;

pub use broken::Broken;
pub use proof::{Against, ConsistencyProof, EventProof, ProofError, SignedHead, StoredEvent};
pub use verify::{NamedFile, Names, Verified};

use crate::{Database, Keyring};

/// The secret that the key for heads is made of.
pub(crate) const HEAD_KEY: &str = "audit-head";

/// Proves and verifies what is in a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    database: Database,
    keyring: Keyring,
}

impl Audit {
    /// Of the journal in this database, with the keys that it was written by.
    pub fn new(database: Database, keyring: Keyring) -> Self {
        Self { database, keyring }
    }
}

#[cfg(test)]
mod tests;
