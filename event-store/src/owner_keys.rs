//! The keys of one owner, all derived from one secret: when that is destroyed, so are they.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};
use uuid::Uuid;

use crate::KeyError;

/// An owner's keys: for the strings of their events, their files, and what is derived from content.
pub struct OwnerKeys {
    strings: LessSafeKey,
    snapshots: LessSafeKey,
    files: hkdf::Prk,
    content: hmac::Key,
    hashes: hmac::Key,
}

impl std::fmt::Debug for OwnerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerKeys")
    }
}

impl OwnerKeys {
    /// Derives the keys from the owner's secret.
    pub(crate) fn derive(secret: &[u8; 32]) -> Result<Self, KeyError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"spendlog owner").extract(secret);
        let sealing_key = |info: &'static [u8]| {
            root.expand(&[info], &AES_256_GCM)
                .map(|key| LessSafeKey::new(UnboundKey::from(key)))
                .map_err(|_| KeyError::Crypto)
        };
        let hmac_key = |info: &'static [u8]| {
            root.expand(&[info], hmac::HMAC_SHA256)
                .map(hmac::Key::from)
                .map_err(|_| KeyError::Crypto)
        };
        let files = root
            .expand(&[b"files"], hkdf::HKDF_SHA256)
            .map(hkdf::Prk::from)
            .map_err(|_| KeyError::Crypto)?;
        Ok(Self {
            strings: sealing_key(b"strings")?,
            snapshots: sealing_key(b"snapshots")?,
            content: hmac_key(b"content")?,
            hashes: hmac_key(b"hashes")?,
            files,
        })
    }

    /// A hash of the value that nobody can compute without the owner's key. Different purposes give unrelated hashes.
    pub fn hash(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        keyed(&self.hashes, purpose, value)
    }

    /// An id (UUIDv8) made of the value: the same value gives the same id, and nobody else can guess it.
    pub fn derive_id(&self, purpose: &str, value: &[u8]) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.hash(purpose, value)[..16]);
        Uuid::new_v8(bytes)
    }

    /// Seals everything behind the nonce that the buffer begins with, and appends the tag. The nonce must never have been
    /// used before.
    pub(crate) fn seal(&self, associated: &[u8], buffer: &mut Vec<u8>) -> Result<(), KeyError> {
        seal(&self.strings, associated, buffer)
    }

    /// Opens in place what [`OwnerKeys::seal`] made; `None` when it, or what it is associated with, is not what was sealed.
    pub(crate) fn open<'a>(&self, associated: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        open(&self.strings, associated, sealed)
    }

    /// As [`OwnerKeys::seal`], by the key for snapshots.
    pub(crate) fn seal_snapshot(&self, associated: &[u8], buffer: &mut Vec<u8>) -> Result<(), KeyError> {
        seal(&self.snapshots, associated, buffer)
    }

    /// As [`OwnerKeys::open`], what [`OwnerKeys::seal_snapshot`] made.
    pub(crate) fn open_snapshot<'a>(&self, associated: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        open(&self.snapshots, associated, sealed)
    }

    /// The key of one file, by the random salt that stands at its beginning.
    pub(crate) fn file_key(&self, salt: &[u8]) -> Result<LessSafeKey, KeyError> {
        let info = [salt];
        let key = self.files.expand(&info, &AES_256_GCM).map_err(|_| KeyError::Crypto)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }

    /// Begins the hash of a file's content, by which the file is named.
    pub(crate) fn content(&self) -> hmac::Context {
        hmac::Context::with_key(&self.content)
    }
}

fn seal(key: &LessSafeKey, associated: &[u8], buffer: &mut Vec<u8>) -> Result<(), KeyError> {
    let (nonce, text) = buffer.split_first_chunk_mut::<NONCE_LEN>().ok_or(KeyError::Crypto)?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text);
    buffer.extend_from_slice(sealed.map_err(|_| KeyError::Crypto)?.as_ref());
    Ok(())
}

fn open<'a>(key: &LessSafeKey, associated: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
    let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key.open_in_place(nonce, Aad::from(associated), sealed);
    opened.ok().map(|text| &*text)
}

/// HMAC-SHA-256 over purpose and value, told apart by the purpose's length.
pub(crate) fn keyed(key: &hmac::Key, purpose: &str, value: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&(purpose.len() as u64).to_be_bytes());
    context.update(purpose.as_bytes());
    context.update(value);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.sign().as_ref());
    hash
}
