//! The journal: every event in one dense order, sealed, hashed, idempotent; and the feed that hands it on.
//!
//! Nothing here knows any feature. An append ([`Append`]) names streams, what it expects of each, and guards; the
//! [`Journal`]'s one committer judges those that wait together and writes them in one transaction. Strings are sealed
//! on the way in as the [`SealPlans`] say, and opened on the way out with the [`Keyring`]'s keys. [`Files`] keeps what
//! is too large for an event, sealed likewise. A [`Handler`] reacts to what happens; a [`Feed`] brings it
//! there.

mod append;
mod archive;
mod audit;
pub mod backup;
pub mod cluster;
mod columns;
mod committer;
mod database;
mod event;
mod feed;
mod files;
mod forgetting;
mod forgotten_list;
mod head;
mod journal;
mod judge;
mod keyring;
mod lanes;
mod lease;
mod link;
mod listener;
mod load;
mod master_key;
mod merkle;
mod owner_keys;
pub mod parked;
mod rotation;
mod rows;
#[cfg(test)]
mod sample;
mod seal_plans;
mod sealing;
mod snapshots;
mod subscription;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unsealing;

pub use append::{Append, AppendError, Appended, Expect, Guard, NewEvent, Origin, StreamAppend, StreamId};
pub use archive::{Archive, ArchiveError, Archived, ArchivingError};
pub use audit::{
    Against, Audit, Broken, ConsistencyProof, EventProof, NamedFile, Names, ProofError, SignedHead, StoredEvent,
    Verified,
};
pub use database::{Database, DatabaseError, migrate};
pub use event::{Event, Metadata};
pub use feed::{Feed, Handler, Outcome, persevere};
pub use files::{FileError, Files, StoredFile};
pub use forgetting::scrub_keys;
pub use forgotten_list::ForgottenList;
pub use journal::{Journal, Reading};
pub use keyring::{KeyError, Keyring};
pub use lanes::{Lanes, Settled};
pub use lease::{Lease, Share, lock_key};
pub use load::{Query, ReadError, Texts};
pub use master_key::{MasterKey, MasterKeyError};
pub use merkle::Hash;
pub use owner_keys::OwnerKeys;
pub use rotation::{RotationError, rotate_master_key};
pub use seal_plans::{SealPlanError, SealPlans};
pub use snapshots::Loaded;
pub use subscription::{save_subscription_position, subscription_lock, subscription_position};
