//! Signed heads and proofs, and how they are checked: nothing here asks the database.

use chrono::{DateTime, SecondsFormat, Utc};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use uuid::Uuid;

use crate::{
    KeyError,
    merkle::{self, Entry, Hash},
};

/// A head of the journal, signed by whoever runs it. Kept elsewhere, it finds every later change of what was before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// How many events the journal had.
    pub size: i64,
    /// The root of the tree over them.
    pub root: Hash,
    /// When the last of them was recorded.
    pub recorded_at: DateTime<Utc>,
    /// The Ed25519 key that signed it.
    pub public_key: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}

/// A proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The signature is not one of the head by its key.
    #[error("the head is not signed by the key that it names: it was changed, or made by somebody else")]
    Signature,
    /// Event and path don't lead to the root.
    #[error(
        "the event is not at this position of the journal that the head is of: the event, its path or the head was changed"
    )]
    Event,
    /// The older tree is not the beginning of the newer one.
    #[error("the journal does not begin with what the older head is of: the past was rewritten or removed")]
    Beginning,
}

/// The journal does not go on from an older head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Against {
    /// The head was changed.
    #[error("the head is not signed by the key that it names: it was changed, or made by somebody else")]
    Signature,
    /// The head is not ours.
    #[error("the head is signed by another key than this journal's: it is of another journal, or somebody else's")]
    OtherKey,
    /// Events were removed from the end.
    #[error(
        "the journal has {size} events, fewer than when the head was made: its end was removed, or an older backup was restored"
    )]
    Shorter {
        /// How many there are.
        size: i64,
    },
    /// Something before the head was changed, and everything after it made to fit.
    #[error(
        "the journal does not begin with the events that the head is of: its past was rewritten after the head was made"
    )]
    Rewritten,
}

impl SignedHead {
    pub(super) fn sign(seed: &[u8; 32], size: i64, root: Hash, recorded_at: DateTime<Utc>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Crypto)?;
        let mut head = Self {
            size,
            root,
            recorded_at,
            public_key: pair.public_key().as_ref().try_into().map_err(|_| KeyError::Crypto)?,
            signature: [0; 64],
        };
        let signature = pair.sign(head.message().as_bytes());
        head.signature = signature.as_ref().try_into().map_err(|_| KeyError::Crypto)?;
        Ok(head)
    }

    /// What is signed: four lines, each ended by a line feed: `spendlog head 1`, the size, the root in hexadecimal digits, and the
    /// time in UTC with six decimals (`2026-10-03T12:00:00.000000Z`).
    pub fn message(&self) -> String {
        let root = hex::encode(self.root);
        let time = self.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("spendlog head 1\n{}\n{root}\n{time}\n", self.size)
    }

    /// Checks the signature by the key that the head names. Whether that key is the right one, who asks must know.
    pub fn check(&self) -> Result<(), ProofError> {
        let key = UnparsedPublicKey::new(&ED25519, self.public_key);
        key.verify(self.message().as_bytes(), &self.signature)
            .map_err(|_| ProofError::Signature)
    }
}

/// An event as it is stored, with all that its leaf covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The kind of its stream.
    pub kind: String,
    /// The id of its stream.
    pub stream: String,
    /// Its number in its stream.
    pub sequence: i64,
    /// Its name.
    pub event_type: String,
    /// The version of its shape.
    pub version: String,
    /// Its content, sealed.
    pub payload: String,
    /// Its metadata.
    pub metadata: String,
    /// Its place in the journal, from 1.
    pub position: i64,
    /// Whose it is.
    pub owner: Uuid,
    /// The command, on the first of its events.
    pub command_id: Option<Uuid>,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_at_us: i64,
}

impl StoredEvent {
    pub(crate) fn of(entry: &Entry<'_>) -> Self {
        Self {
            kind: entry.kind.to_owned(),
            stream: entry.stream.to_owned(),
            sequence: entry.sequence,
            event_type: entry.event_type.to_owned(),
            version: entry.version.to_owned(),
            payload: entry.payload.to_owned(),
            metadata: entry.metadata.to_owned(),
            position: entry.position,
            owner: entry.owner,
            command_id: entry.command_id,
            recorded_at_us: entry.recorded_at,
        }
    }

    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry {
            kind: &self.kind,
            stream: &self.stream,
            sequence: self.sequence,
            event_type: &self.event_type,
            version: &self.version,
            payload: &self.payload,
            metadata: &self.metadata,
            position: self.position,
            owner: self.owner,
            command_id: self.command_id,
            recorded_at: self.recorded_at_us,
        }
    }

    /// The hash that covers all of it.
    pub fn leaf(&self) -> Hash {
        self.entry().leaf(&mut Vec::new())
    }
}

/// Proves that an event is in the journal that a head is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventProof {
    /// The event.
    pub event: StoredEvent,
    /// The hashes beside the way from its leaf to the root, the lowest first.
    pub path: Vec<Hash>,
    /// The head.
    pub head: SignedHead,
}

impl EventProof {
    /// Checks it: the event is as it was written, at its position, in the journal that the signed head is of.
    pub fn check(&self) -> Result<(), ProofError> {
        self.head.check()?;
        let (leaf, index) = (self.event.leaf(), self.event.position.saturating_sub(1));
        let root = merkle::root_of(leaf, index, self.head.size, &self.path);
        if root == Some(self.head.root) {
            Ok(())
        } else {
            Err(ProofError::Event)
        }
    }
}

/// Proves that the journal that a head is of begins with all that an older tree had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The size of the older tree.
    pub from: i64,
    /// The hashes of RFC 9162, section 2.1.4.
    pub path: Vec<Hash>,
    /// The newer head.
    pub head: SignedHead,
}

impl ConsistencyProof {
    /// Checks it for the root that the older tree is known to have had.
    pub fn check(&self, old_root: Hash) -> Result<(), ProofError> {
        self.head.check()?;
        if merkle::is_consistent(self.from, old_root, self.head.size, self.head.root, &self.path) {
            Ok(())
        } else {
            Err(ProofError::Beginning)
        }
    }
}
