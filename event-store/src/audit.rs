//! The journal as evidence: heads that are signed, proofs that need no database to be checked, and the check of all of it.
//!
//! Nothing here needs the journal to be open, so that a damaged one can be looked at too.

mod archived;
mod broken;
pub(crate) mod commit;
mod diagnosis;
mod proof;
mod prove;
mod verify;

pub use broken::Broken;
pub use proof::{Against, ConsistencyProof, EventProof, ProofError, SignedHead, StoredEvent};
pub use verify::{NamedFile, Names, Verified};

use crate::{Archive, Database, Journal, Keyring};

/// The secret that the key for heads is made of.
pub(crate) const HEAD_KEY: &str = "audit-head";

/// Proves and verifies what is in a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    database: Database,
    keyring: Keyring,
    archive: Archive,
}

impl Audit {
    /// Of the journal in this database, with the keys that it was written by and the archive of its old events.
    pub fn new(database: Database, keyring: Keyring, archive: Archive) -> Self {
        Self {
            database,
            keyring,
            archive,
        }
    }

    /// Of a journal that is open.
    pub fn on(journal: &Journal) -> Self {
        Self::new(
            journal.database().clone(),
            journal.keyring().clone(),
            journal.archive().clone(),
        )
    }
}

#[cfg(test)]
mod tests;
