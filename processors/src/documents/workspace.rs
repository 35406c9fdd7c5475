//! Clear copies of sealed files, for as long as a reader needs them.

use std::os::fd::AsRawFd;
use std::path::PathBuf;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use spendlog_domain::values::FileRef;
use spendlog_event_store::{Files, OwnerKeys};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// A file in clear that has no name: it is gone as soon as this value is, even if the process is killed.
pub(super) struct ClearFile {
    file: std::fs::File,
}

impl ClearFile {
    /// Opens the sealed file into one in clear.
    pub(super) async fn open(files: &Files, keys: &OwnerKeys, owner: Uuid, file: &FileRef) -> anyhow::Result<Self> {
        let clear = tokio::task::spawn_blocking(tempfile::tempfile)
            .await?
            .context("no room for a temporary file")?;
        let mut writer = tokio::fs::File::from_std(clear.try_clone()?);
        let mut chunks = std::pin::pin!(files.get(keys, owner, &file.object).await?);
        while let Some(chunk) = chunks.try_next().await? {
            writer.write_all(&chunk).await?;
        }
        writer.flush().await?;
        Ok(Self { file: clear })
    }

    /// Where this process, and nobody else, can open it.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}
