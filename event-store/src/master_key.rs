//! The master key: the one secret that is not in the database. It wraps all other keys.

use std::{
    fs::{OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use zeroize::Zeroizing;

/// Which form a wrapped key has.
const FORM: u8 = 1;

/// The master key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not written as 64 hexadecimal digits.
    #[error("the master key must be 64 hexadecimal digits")]
    Malformed,
    /// Others than its owner may read the file.
    #[error("others may read the file of the master key: its mode must be 0600")]
    Exposed,
    /// The file can't be read or made.
    #[error("the file of the master key can't be read or made")]
    File(#[from] io::Error),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

/// Wraps the other keys. Whoever has it and the database can read everything; without it nothing sealed can be read.
pub struct MasterKey(LessSafeKey);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// The key written as 64 hexadecimal digits; white space around them is ignored.
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(MasterKeyError::Malformed);
        }
        let mut key = Zeroizing::new([0; 32]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| {
                char::from(pair[at])
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            let (high, low) = (
                digit(0).ok_or(MasterKeyError::Malformed)?,
                digit(1).ok_or(MasterKeyError::Malformed)?,
            );
            *byte = high << 4 | low;
        }
        Self::from_bytes(&key)
    }

    /// The key in this file; where there is no such file, makes one with a new key and mode 0600.
    pub fn read_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match OpenOptions::new().read(true).open(path) {
            Ok(file) => {
                if file.metadata()?.permissions().mode() & 0o077 != 0 {
                    return Err(MasterKeyError::Exposed);
                }
                let mut text = Zeroizing::new(String::new());
                file.take(1024).read_to_string(&mut text)?;
                Self::from_hex(&text)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a new key beside the path and then links it there: a half-written file never stands under the name, and
    /// of two processes that start together both take the key of the first.
    fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(&mut *key)
            .map_err(|_| MasterKeyError::Random)?;
        let mut hex = Zeroizing::new(String::with_capacity(65));
        for byte in key.iter() {
            hex.push_str(&format!("{byte:02x}"));
        }
        hex.push('\n');
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let beside = Path::new(&beside);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(beside)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(hex.as_bytes())?;
        file.sync_all()?;
        let linked = std::fs::hard_link(beside, path);
        std::fs::remove_file(beside)?;
        match linked {
            Ok(()) => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::File::open(folder)?.sync_all()?;
                }
                Self::from_bytes(&key)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read_or_create(path),
            Err(error) => Err(error.into()),
        }
    }

    fn from_bytes(key: &[u8; 32]) -> Result<Self, MasterKeyError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| MasterKeyError::Malformed)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Wraps a key for storage under this scope and name; `None` when the system gives no random bytes.
    pub(crate) fn wrap(&self, scope: &str, name: &str, key: &[u8; 32]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = Zeroizing::new(*key);
        let aad = Aad::from(associated(scope, name));
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce_of, aad, &mut *sealed).ok()?;
        Some([&[FORM][..], &nonce, &*sealed, tag.as_ref()].concat())
    }

    /// Unwraps a stored key; `None` when it was wrapped by another master key, for another scope or name, or was changed.
    pub(crate) fn unwrap(&self, scope: &str, name: &str, wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (&FORM, rest) = wrapped.split_first()? else {
            return None;
        };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self
            .0
            .open_in_place(nonce, Aad::from(associated(scope, name)), &mut sealed)
            .ok()?;
        Some(Zeroizing::new((&*key).try_into().ok()?))
    }
}

fn associated(scope: &str, name: &str) -> Vec<u8> {
    [b"spendlog key", scope.as_bytes(), name.as_bytes()].join(&0)
}

#[cfg(test)]
mod tests;
