//! The list of the forgotten, kept outside of the database.
//!
//! A database that is restored from an older state has the keys of those who were forgotten since. So each forgetting also
//! leaves a mark where the files are, and in every backup: an object under `forgotten/` that holds the owner's id and nothing
//! else. It is named by the id's hash, keyed by the system's key of this purpose: who can only write files can't have anybody
//! forgotten.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path};
use ring::hmac;
use uuid::Uuid;

use crate::{FileError, Files, Journal, KeyError, Keyring, owner_keys::keyed};

/// The folder of the marks.
pub(crate) const FOLDER: &str = "forgotten";
/// The name of the system's key, and the purpose of the hash.
pub(crate) const KEY: &str = "forgotten";
/// So many marks are read at the same time.
const AT_ONCE: usize = 16;

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

    /// Who is on the list besides these. What was put there by somebody who does not have the key is passed over. Each answer of
    /// the store is waited for so long at most, however many are needed.
    pub async fn besides(&self, known: &[Uuid], patience: Duration) -> Result<BTreeSet<Uuid>, FileError> {
        // Thousands may be known; only what is news is read.
        let known: HashSet<Path> = known.iter().map(|owner| self.path(*owner)).collect();
        let mut listed = self.store.list(Some(&Path::from(FOLDER)));
        let mut marks = Vec::new();
        while let Some(mark) = in_time(patience, listed.try_next()).await? {
            if !known.contains(&mark.location) {
                marks.push(mark);
            }
        }
        let owners = marks.into_iter().map(|mark| self.owner(mark, patience));
        let mut owners = stream::iter(owners).buffer_unordered(AT_ONCE);
        let mut all = BTreeSet::new();
        while let Some(owner) = owners.try_next().await? {
            all.extend(owner);
        }
        Ok(all)
    }

    /// Whose mark it is, if it is one of ours.
    async fn owner(&self, mark: ObjectMeta, patience: Duration) -> Result<Option<Uuid>, FileError> {
        // A mark is 37 bytes; whatever is larger is none, and not read.
        let content = if mark.size <= 64 {
            let read = async { self.store.get(&mark.location).await?.bytes().await };
            in_time(patience, read).await?.to_vec()
        } else {
            Vec::new()
        };
        let owner: Option<Uuid> = std::str::from_utf8(&content)
            .ok()
            .and_then(|id| id.trim_end().parse().ok());
        let owner = owner.filter(|owner| self.path(*owner) == mark.location);
        if owner.is_none() {
            tracing::warn!(object = %mark.location, "what stands in the list of the forgotten is not ours");
        }
        Ok(owner)
    }

    fn path(&self, owner: Uuid) -> Path {
        Path::from_iter([FOLDER, &hex::encode(keyed(&self.key, KEY, owner.as_bytes()))])
    }
}

/// An answer of the store, unless it takes longer.
async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, object_store::Error>>,
) -> Result<T, FileError> {
    let answer = tokio::time::timeout(patience, answer).await;
    let late = |error: tokio::time::error::Elapsed| object_store::Error::Generic {
        store: "the list of the forgotten",
        source: Box::new(error),
    };
    Ok(answer.map_err(late)??)
}

#[cfg(test)]
mod tests {
    //! Marks of ours, and of somebody else.

    use object_store::{
        memory::InMemory,
        throttle::{ThrottleConfig, ThrottledStore},
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

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
        let besides = async |key: u8, known: &[Uuid]| list(key).besides(known, PATIENCE).await.unwrap();
        assert_eq!(besides(1, &[]).await, BTreeSet::from([one]));
        assert_eq!(besides(2, &[one]).await, BTreeSet::from([two]));
        assert_eq!(besides(1, &[one]).await, BTreeSet::new());
    }

    #[tokio::test]
    async fn a_long_list_is_read_whole_and_a_store_that_hangs_is_not_waited_for() {
        let slow = ThrottleConfig {
            wait_get_per_call: Duration::from_millis(100),
            ..ThrottleConfig::default()
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let list = ForgottenList::new(Arc::new(ThrottledStore::new(InMemory::new(), slow)), key);
        let owners: BTreeSet<Uuid> = (1..=200).map(Uuid::from_u128).collect();
        list.add(&owners).await.unwrap();
        // One after the other would take twenty seconds, and all of them together take longer than one may.
        assert_eq!(list.besides(&[], Duration::from_secs(1)).await.unwrap(), owners);
        let late = list.besides(&[], Duration::from_millis(10)).await;
        assert!(matches!(late, Err(FileError::Store(_))), "{late:?}");
    }
}
