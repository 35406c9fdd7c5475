//! The list of the forgotten, kept outside of the database.
//!
//! A database that is restored from an older state has the keys of those who were forgotten since. So each forgetting also
//! leaves a mark where the files are, and in every backup: an object under `forgotten/` that holds the owner's id and nothing
//! else. It is named by the id's hash, keyed by the system's key of this purpose: who can only write files can't have anybody
//! forgotten.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use ring::hmac;
use uuid::Uuid;

use crate::{FileError, Files, Journal, KeyError, Keyring, hex::hex, owner_keys::keyed};

/// The folder of the marks.
pub(crate) const FOLDER: &str = "forgotten";
/// The name of the system's key, and the purpose of the hash.
pub(crate) const KEY: &str = "forgotten";

/// The list, in the object store that it was opened on.
#[derive(Clone, Debug)]
pub struct ForgottenList {
    store: Arc<dyn ObjectStore>,
    key: hmac::Key,
}

impl Files {
    /// The list of the forgotten that stands beside the files.
    pub async fn forgotten(&self, keyring: &Keyring) -> Result<ForgottenList, KeyError> {
        Ok(ForgottenList::new(self.store(), keyring.index_key(KEY).await?))
    }
}

impl Journal {
    /// All who are forgotten in this database.
    pub async fn forgotten(&self) -> Result<Vec<Uuid>, KeyError> {
        self.keyring().forgotten().await
    }
}

impl ForgottenList {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, key: hmac::Key) -> Self {
        Self { store, key }
    }

    /// Adds these owners. Doing it again changes nothing.
    pub async fn add(&self, owners: impl IntoIterator<Item = &Uuid>) -> Result<(), FileError> {
        for owner in owners {
            let mark = format!("{owner}\n");
            self.store.put(&self.path(*owner), mark.into_bytes().into()).await?;
        }
        Ok(())
    }

    /// Who is on the list besides these. What was put there by somebody who does not have the key is passed over.
    pub async fn besides(&self, known: &[Uuid]) -> Result<BTreeSet<Uuid>, FileError> {
        // Thousands may be known; only what is news is read.
        let known: HashSet<Path> = known.iter().map(|owner| self.path(*owner)).collect();
        let marks: Vec<_> = self.store.list(Some(&Path::from(FOLDER))).try_collect().await?;
        let mut owners = BTreeSet::new();
        for mark in marks {
            if known.contains(&mark.location) {
                continue;
            }
            // A mark is 37 bytes; whatever is larger is none, and not read.
            let content = if mark.size <= 64 {
                self.store.get(&mark.location).await?.bytes().await?
            } else {
                Bytes::new()
            };
            let owner = std::str::from_utf8(&content)
                .ok()
                .and_then(|id| id.trim_end().parse().ok());
            match owner.filter(|owner| self.path(*owner) == mark.location) {
                Some(owner) => drop(owners.insert(owner)),
                None => tracing::warn!(object = %mark.location, "what stands in the list of the forgotten is not ours"),
            }
        }
        Ok(owners)
    }

    fn path(&self, owner: Uuid) -> Path {
        Path::from_iter([FOLDER, &hex(&keyed(&self.key, KEY, owner.as_bytes()))])
    }
}

#[cfg(test)]
mod tests {
    //! Marks of ours, and of somebody else.

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn only_who_has_the_key_can_put_somebody_on_the_list() {
        let store = Arc::new(InMemory::new());
        let list = |key: u8| ForgottenList::new(store.clone(), hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        list(1).add(&[one, one]).await.unwrap();
        list(2).add(&[two]).await.unwrap();
        store
            .put(&Path::from("forgotten/x"), vec![b'a'; 1000].into())
            .await
            .unwrap();
        store.put(&Path::from("other/x"), "y".into()).await.unwrap();
        assert_eq!(list(1).besides(&[]).await.unwrap(), BTreeSet::from([one]));
        assert_eq!(list(2).besides(&[one]).await.unwrap(), BTreeSet::from([two]));
        assert_eq!(list(1).besides(&[one]).await.unwrap(), BTreeSet::new());
    }
}
