//! The place where backups are kept.

use std::{collections::HashMap, fs::File, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path, prefix::PrefixStore};

use super::{Backup, BackupError};
use crate::Files;

/// Where all that belongs to backups stands: whatever else is in the place is somebody else's.
const FOLDERS: [&str; 5] = ["backups", "commits", "events", "files", "keys"];
/// No manifest, and no set of keys, is larger.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A folder or bucket that backups are kept in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Where it is a folder of this machine.
    folder: Option<PathBuf>,
}

impl Target {
    /// Backups are kept in this store. Where it is a folder of this machine, what is written there is on the disk before a
    /// backup counts as made.
    pub fn new(store: Arc<dyn ObjectStore>, folder: Option<PathBuf>) -> Self {
        Self { store, folder }
    }

    /// All backups, oldest first.
    pub async fn backups(&self) -> Result<Vec<Backup>, BackupError> {
        let mut backups = Vec::new();
        for name in self.manifests().await? {
            backups.push(Backup::read(self, &name).await?);
        }
        Ok(backups)
    }

    /// The backup of this name, or the newest.
    pub async fn backup(&self, name: Option<&str>) -> Result<Backup, BackupError> {
        match name {
            Some(name) => {
                let known = self.manifests().await?.iter().any(|known| known == name);
                let backup = if known {
                    Some(Backup::read(self, name).await?)
                } else {
                    None
                };
                backup.ok_or(BackupError::NotThere)
            }
            None => self.newest().await?.ok_or(BackupError::NotThere),
        }
    }

    /// The newest backup, if there is any.
    pub(super) async fn newest(&self) -> Result<Option<Backup>, BackupError> {
        match self.manifests().await?.last() {
            Some(name) => Ok(Some(Backup::read(self, name).await?)),
            None => Ok(None),
        }
    }

    /// The names of all backups that have a manifest, in the order of what they hold: a name is the time and the position.
    async fn manifests(&self) -> Result<Vec<String>, BackupError> {
        let found = self.list("backups").await?.into_keys();
        let mut names: Vec<String> = found
            .filter_map(|path| {
                Some(
                    path.strip_prefix("backups/")?
                        .strip_suffix("/manifest.json")?
                        .to_owned(),
                )
            })
            .collect();
        names.sort_by(|a, b| a.rsplit('-').next().cmp(&b.rsplit('-').next()).then(a.cmp(b)));
        Ok(names)
    }

    /// Names and sizes of all objects in a folder.
    pub(super) async fn list(&self, folder: &str) -> Result<HashMap<String, u64>, BackupError> {
        let listed = self.store.list(Some(&Path::from(folder)));
        Ok(listed
            .map_ok(|found| (found.location.to_string(), found.size))
            .try_collect()
            .await?)
    }

    pub(super) async fn has(&self, name: &str) -> Result<bool, BackupError> {
        match self.store.head(&Path::from(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The files in it.
    pub(super) fn files(&self) -> Files {
        Files::new(Arc::new(PrefixStore::new(Arc::clone(&self.store), "files")))
    }

    pub(super) async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), BackupError> {
        self.store.put(&Path::from(name), content.into()).await?;
        Ok(())
    }

    /// A small object. That it is gone is told as [`BackupError::Altered`].
    pub(super) async fn get(&self, name: &str) -> Result<Bytes, BackupError> {
        let got = match self.store.get(&Path::from(name)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(super::altered(name, "it is gone")),
            got => got?,
        };
        if got.meta.size > BYTES_MAX {
            return Err(super::altered(name, "it is larger than anything that was written"));
        }
        Ok(got.bytes().await?)
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), BackupError> {
        match self.store.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when all that was written is on the disk: a machine that fails must not leave a manifest without its parts.
    pub(super) async fn settle(&self) -> Result<(), BackupError> {
        if let Some(folder) = self.folder.clone() {
            let settled = move || -> io::Result<()> { Ok(rustix::fs::syncfs(File::open(folder)?)?) };
            tokio::task::spawn_blocking(settled).await.map_err(io::Error::other)??;
        }
        Ok(())
    }

    /// Removes what those who were killed were writing: a file has its own name only when it is whole.
    pub(super) async fn tidy(&self) -> Result<(), BackupError> {
        if let Some(folder) = self.folder.clone() {
            let ours = FOLDERS.map(|ours| folder.join(ours));
            let tidied = move || ours.iter().filter(|ours| ours.is_dir()).try_for_each(|ours| tidy(ours));
            tokio::task::spawn_blocking(tidied).await.map_err(io::Error::other)??;
        }
        Ok(())
    }
}

fn tidy(folder: &std::path::Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let is_number = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if kind.is_dir() {
            tidy(&path)?;
        } else if name.rsplit_once('#').is_some_and(|(_, number)| is_number(number)) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
