//! Sealed files in an object store: what is too large for an event.
//!
//! A file is named by the hash of its clear content, keyed by its owner, and stands under `<owner>/<name>`. It begins with four
//! bytes `SLF1` and a random salt of 16, from which, with the owner's key, its own key is made. Then come chunks of 64 KiB, each
//! sealed by AES-256-GCM with a tag of 16 bytes; its nonce is its number and whether it is the last, so that none can be changed,
//! moved or left out, nor the file cut short. Files are written and read as streams: memory does not grow with their size.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use ring::{digest, hmac};
use uuid::Uuid;

use crate::{
    KeyError, OwnerKeys,
    merkle::{self, Hash},
};

mod chunks;

use chunks::{SealedChunks, unsealed};

/// How much of a file's beginning is handed back in clear, for those who want to know what it is.
const HEAD: usize = 8 * 1024;
/// Size of a part of an upload: the least that S3 takes.
const PART: usize = 5 * 1024 * 1024;

/// A file can't be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file of this owner.
    #[error("there is no such file")]
    NotFound,
    /// What is stored is not what was put there.
    #[error("the stored file is damaged")]
    Damaged,
    /// It is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// So many bytes are allowed.
        limit: u64,
    },
    /// What was to be stored could not be read.
    #[error("the content could not be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store failed.
    #[error("the object store failed")]
    Store(#[source] object_store::Error),
    /// The file's key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<object_store::Error> for FileError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// A file that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name: the keyed hash of its content, 64 hexadecimal digits.
    pub object: String,
    /// Its size in clear.
    pub bytes: u64,
    /// Its first 8 KiB in clear.
    pub head: Bytes,
}

/// The files of all owners. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files(Arc<dyn ObjectStore>);

impl Files {
    /// Keeps files in this store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0)
    }

    /// Stores a file of at most `limit` bytes. The same content of the same owner is the same file.
    pub async fn put<E>(
        &self,
        keys: &OwnerKeys,
        owner: Uuid,
        body: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<StoredFile, FileError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut body = pin!(body);
        let mut sealed = SealedChunks::new(keys)?;
        let mut content = keys.content();
        let (mut bytes, mut head, mut upload) = (0_u64, Vec::new(), None);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| FileError::Body(error.into()))?;
            bytes += piece.len() as u64;
            if bytes > limit {
                return Err(FileError::TooLarge { limit });
            }
            content.update(&piece);
            head.extend_from_slice(&piece[..piece.len().min(HEAD - head.len())]);
            // A piece can be as large as the caller likes: what is sealed of it must not pile up.
            for piece in piece.chunks(PART) {
                sealed.push(piece)?;
                while let Some(part) = sealed.part(PART) {
                    let upload = match &mut upload {
                        Some(upload) => upload,
                        None => upload.insert(Upload::begin(&*self.0, owner).await?),
                    };
                    upload.part(part).await?;
                }
            }
        }
        let object = name(content);
        let (path, rest) = (path(owner, &object), sealed.finish()?);
        match upload {
            None => drop(self.0.put(&path, rest.into()).await?),
            Some(mut upload) => {
                upload.part(rest).await?;
                let begun = upload.complete().await?;
                self.0.rename(&begun, &path).await?;
            }
        }
        Ok(StoredFile {
            object,
            bytes,
            head: head.into(),
        })
    }

    /// Stores what is in memory.
    pub async fn put_bytes(&self, keys: &OwnerKeys, owner: Uuid, content: &[u8]) -> Result<StoredFile, FileError> {
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(content))]);
        self.put(keys, owner, body, u64::MAX).await
    }

    /// The content of a file, in pieces of at most 64 KiB. Each piece was checked; that nothing is missing, and that it is the
    /// file of this name, is known only when the stream ends without an error.
    pub async fn get(
        &self,
        keys: &OwnerKeys,
        owner: Uuid,
        object: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, FileError>>, FileError> {
        let is_name = object.len() == 64
            && object
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_name {
            return Err(FileError::NotFound);
        }
        let stored = self.0.get(&path(owner, object)).await?.into_stream();
        unsealed(keys, stored, object.to_owned()).await
    }

    /// The content of a file of at most `limit` bytes.
    pub async fn get_bytes(
        &self,
        keys: &OwnerKeys,
        owner: Uuid,
        object: &str,
        limit: u64,
    ) -> Result<Vec<u8>, FileError> {
        let mut pieces = self.get(keys, owner, object).await?;
        let mut content = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            if (content.len() + piece.len()) as u64 > limit {
                return Err(FileError::TooLarge { limit });
            }
            content.extend_from_slice(&piece);
        }
        Ok(content)
    }

    /// Reads a whole file and checks that it is what its name says. Gives size and SHA-256 of what is stored.
    pub(crate) async fn sum(&self, keys: &OwnerKeys, owner: Uuid, object: &str) -> Result<(u64, Hash), FileError> {
        let seen = Arc::new(Mutex::new((0, digest::Context::new(&digest::SHA256))));
        let stored = self.0.get(&path(owner, object)).await?.into_stream();
        let watched = stored.inspect_ok({
            let seen = Arc::clone(&seen);
            move |piece| {
                let (bytes, hash) = &mut *seen.lock().unwrap_or_else(PoisonError::into_inner);
                *bytes += piece.len() as u64;
                hash.update(piece);
            }
        });
        let content = unsealed(keys, watched, object.to_owned()).await?;
        content.try_for_each(async |_| Ok(())).await?;
        let (bytes, hash) = &*seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((*bytes, merkle::finish(hash.clone())))
    }

    /// Removes all files of an owner. Doing it again changes nothing. Gives how many there were.
    pub async fn erase(&self, owner: Uuid) -> Result<u64, FileError> {
        let listed = self.0.list(Some(&Path::from(owner.to_string())));
        let mut removed = self.0.delete_stream(listed.map_ok(|found| found.location).boxed());
        let mut count = 0;
        while let Some(removed) = removed.next().await {
            match removed {
                Ok(_) => count += 1,
                // Somebody else was faster.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }
}

fn path(owner: Uuid, object: &str) -> Path {
    Path::from_iter([&*owner.to_string(), object])
}

fn name(content: hmac::Context) -> String {
    hex::encode(content.sign().as_ref())
}

/// A file that is too large to be written at once: it gets its name when all of it is there.
struct Upload {
    path: Path,
    /// None once it is complete.
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    async fn begin(store: &dyn ObjectStore, owner: Uuid) -> Result<Self, FileError> {
        let path = Path::from_iter([&*owner.to_string(), &*format!("upload-{}", Uuid::now_v7())]);
        Ok(Self {
            parts: Some(store.put_multipart(&path).await?),
            path,
        })
    }

    async fn part(&mut self, part: Vec<u8>) -> Result<(), FileError> {
        match &mut self.parts {
            Some(parts) => Ok(parts.put_part(PutPayload::from(part)).await?),
            None => Err(FileError::Damaged),
        }
    }

    async fn complete(mut self) -> Result<Path, FileError> {
        if let Some(parts) = &mut self.parts {
            parts.complete().await?;
        }
        self.parts = None;
        Ok(std::mem::take(&mut self.path))
    }
}

/// What was begun and not completed (an error, a limit, a caller that went away) is removed.
impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut parts), Ok(runtime)) = (self.parts.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = parts.abort().await {
                    tracing::warn!(%error, "an unfinished upload could not be removed");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
