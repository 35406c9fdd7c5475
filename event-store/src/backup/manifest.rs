//! What a backup consists of, signed by the journal's key for heads.

use chrono::{DateTime, SecondsFormat, Utc};
use hex::FromHex;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BackupError, Target, altered, part::Part};
use crate::{KeyError, SignedHead};

/// The form that is written here, and the newest that can be read.
pub(super) const FORMAT: u32 = 1;
/// The table that lists the archive's files.
pub(super) const ARCHIVES: &str = "es.archives";

/// What a backup consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of all this.
    pub(super) format: u32,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The version of Spendlog that made it.
    pub made_by: String,
    /// The newest migration of the database.
    pub(super) schema: i64,
    /// The head of the journal that it holds.
    pub(super) head: Head,
    /// The events, in ranges.
    pub(super) journal: Vec<Range>,
    /// The small tables.
    pub(super) tables: Vec<Table>,
    /// Lists of the files: each has what was new.
    pub(super) files: Vec<Part>,
}

/// A signed head, as `spendlog audit head` prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) size: i64,
    pub(super) root: String,
    pub(super) recorded_at: String,
    pub(super) public_key: String,
    pub(super) signature: String,
}

/// Events with their commits: those after `from`, up to `to`, where a commit ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) events: Part,
    pub(super) commits: Part,
}

/// A table as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Its schema and name.
    pub(super) table: String,
    pub(super) part: Part,
}

/// The manifest's object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    backup: Box<RawValue>,
    /// Over `spendlog backup 1`, a line feed, and the bytes of `backup` as they stand here.
    signature: String,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What it consists of.
    pub manifest: Manifest,
    /// The head of the journal that it holds.
    pub(super) head: SignedHead,
}

impl Backup {
    /// The head of the journal that it holds.
    pub fn head(&self) -> &SignedHead {
        &self.head
    }

    pub(super) async fn read(target: &Target, name: &str) -> Result<Self, BackupError> {
        let place = place(name);
        let content = target.get(&place).await?;
        let cut_off = |_| altered(&place, "it is cut off, or no manifest");
        let Signed { backup, signature } = serde_json::from_slice(&content).map_err(cut_off)?;
        let form: serde_json::Value = serde_json::from_str(backup.get()).map_err(cut_off)?;
        if form["format"].as_u64() > Some(FORMAT.into()) {
            let made_by = form["made_by"].as_str().unwrap_or_default().to_owned();
            return Err(BackupError::Newer { made_by });
        }
        let manifest: Manifest = serde_json::from_str(backup.get()).map_err(cut_off)?;
        let wrong = || altered(&place, "its signature is not one of what it says");
        let head = manifest.head.heard().ok_or_else(wrong)?;
        let signature = <[u8; 64]>::from_hex(signature).map_err(|_| wrong())?;
        let key = UnparsedPublicKey::new(&ED25519, head.public_key);
        key.verify(message(backup.get()).as_bytes(), &signature)
            .map_err(|_| wrong())?;
        head.check().map_err(|_| wrong())?;
        if manifest.name != name {
            return Err(altered(&place, format!("it is the manifest of {}", manifest.name)));
        }
        Ok(Self { manifest, head })
    }

    /// Refuses a backup that was signed by another key.
    pub(super) fn signed_by(&self, public_key: [u8; 32]) -> Result<(), BackupError> {
        if self.head.public_key == public_key {
            return Ok(());
        }
        let name = place(&self.manifest.name);
        Err(BackupError::Forged { name })
    }
}

impl Manifest {
    /// Writes the manifest: from now on the backup is there.
    pub(super) async fn write(&self, target: &Target, seed: &[u8; 32]) -> Result<(), BackupError> {
        let backup = serde_json::to_string(self).map_err(std::io::Error::other)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Crypto)?;
        let signed = Signed {
            signature: hex::encode(pair.sign(message(&backup).as_bytes()).as_ref()),
            backup: RawValue::from_string(backup).map_err(std::io::Error::other)?,
        };
        let content = serde_json::to_vec(&signed).map_err(std::io::Error::other)?;
        target.put(&place(&self.name), content).await
    }
}

/// The public key of a seed.
pub(super) fn public_key(seed: &[u8; 32]) -> Result<[u8; 32], KeyError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Crypto)?;
    pair.public_key().as_ref().try_into().map_err(|_| KeyError::Crypto)
}

fn place(name: &str) -> String {
    format!("backups/{name}/manifest.json")
}

fn message(backup: &str) -> String {
    format!("spendlog backup 1\n{backup}")
}

impl Head {
    pub(super) fn told(head: &SignedHead) -> Self {
        Self {
            size: head.size,
            root: hex::encode(head.root),
            recorded_at: head.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            public_key: hex::encode(head.public_key),
            signature: hex::encode(head.signature),
        }
    }

    fn heard(&self) -> Option<SignedHead> {
        Some(SignedHead {
            size: self.size,
            root: FromHex::from_hex(&self.root).ok()?,
            recorded_at: self.recorded_at.parse().ok()?,
            public_key: FromHex::from_hex(&self.public_key).ok()?,
            signature: FromHex::from_hex(&self.signature).ok()?,
        })
    }
}
