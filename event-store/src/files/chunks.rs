//! The sealed chunks that a stored file consists of.

use bytes::{Bytes, BytesMut};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use ring::{
    aead::{Aad, LessSafeKey, MAX_TAG_LEN as TAG, NONCE_LEN, Nonce},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

use super::{FileError, name};
use crate::{KeyError, OwnerKeys};

const MAGIC: &[u8; 4] = b"SLF1";
/// Magic and salt.
const PREFIX: usize = 20;
/// A chunk in clear.
const CHUNK: usize = 64 * 1024;

/// The nonce of a chunk: 3 zero bytes, whether it is the last, its number. No two chunks of a file have the same, and each
/// file has a key of its own.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3] = u8::from(last);
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// Turns clear bytes into a stored file.
pub(super) struct SealedChunks {
    key: LessSafeKey,
    prefix: [u8; PREFIX],
    number: u64,
    clear: Vec<u8>,
    sealed: Vec<u8>,
}

impl SealedChunks {
    pub(super) fn new(keys: &OwnerKeys) -> Result<Self, KeyError> {
        let mut prefix = [0; PREFIX];
        prefix[..MAGIC.len()].copy_from_slice(MAGIC);
        SystemRandom::new()
            .fill(&mut prefix[MAGIC.len()..])
            .map_err(|_| KeyError::Crypto)?;
        let key = keys.file_key(&prefix[MAGIC.len()..])?;
        Ok(Self {
            key,
            prefix,
            number: 0,
            clear: Vec::with_capacity(CHUNK + TAG),
            sealed: prefix.to_vec(),
        })
    }

    /// Takes more of the content.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), KeyError> {
        while !piece.is_empty() {
            // A full chunk is sealed only when more comes, since the last is sealed as such.
            if self.clear.len() == CHUNK {
                self.seal(false)?;
            }
            let (taken, rest) = piece.split_at(piece.len().min(CHUNK - self.clear.len()));
            self.clear.extend_from_slice(taken);
            piece = rest;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> Result<(), KeyError> {
        let aad = Aad::from(&self.prefix[..]);
        let sealed = self
            .key
            .seal_in_place_append_tag(nonce(self.number, last), aad, &mut self.clear);
        sealed.map_err(|_| KeyError::Crypto)?;
        self.sealed.append(&mut self.clear);
        self.number += 1;
        Ok(())
    }

    /// So many bytes of the stored file, if so many are ready.
    pub(super) fn part(&mut self, size: usize) -> Option<Vec<u8>> {
        if self.sealed.len() < size {
            return None;
        }
        let rest = self.sealed.split_off(size);
        Some(std::mem::replace(&mut self.sealed, rest))
    }

    /// The rest of the stored file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, KeyError> {
        self.seal(true)?;
        Ok(self.sealed)
    }
}

struct Unsealing<S> {
    stored: S,
    ended: bool,
    buffer: BytesMut,
    key: LessSafeKey,
    prefix: Vec<u8>,
    number: u64,
    content: hmac::Context,
    object: String,
}

/// The content of a stored file.
pub(super) async fn unsealed(
    keys: &OwnerKeys,
    mut stored: impl Stream<Item = object_store::Result<Bytes>> + Send + Unpin + 'static,
    object: String,
) -> Result<BoxStream<'static, Result<Bytes, FileError>>, FileError> {
    let mut buffer = BytesMut::new();
    while buffer.len() < PREFIX {
        buffer.extend_from_slice(&stored.next().await.ok_or(FileError::Damaged)??);
    }
    let prefix = buffer.split_to(PREFIX).to_vec();
    let salt = prefix.strip_prefix(MAGIC).ok_or(FileError::Damaged)?;
    let (key, content) = (keys.file_key(salt)?, keys.content());
    let unsealing = Unsealing {
        stored,
        ended: false,
        buffer,
        key,
        prefix,
        number: 0,
        content,
        object,
    };
    Ok(stream::try_unfold(Some(unsealing), |state| async move {
        match state {
            Some(unsealing) => unsealing.next().await.map(Some),
            None => Ok(None),
        }
    })
    .boxed())
}

impl<S: Stream<Item = object_store::Result<Bytes>> + Unpin> Unsealing<S> {
    /// The next chunk in clear, and what is left to do after it.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), FileError> {
        while !self.ended && self.buffer.len() <= CHUNK + TAG {
            match self.stored.next().await {
                Some(piece) => self.buffer.extend_from_slice(&piece?),
                None => self.ended = true,
            }
        }
        let last = self.buffer.len() <= CHUNK + TAG;
        let mut chunk = self.buffer.split_to(self.buffer.len().min(CHUNK + TAG));
        let opened = self
            .key
            .open_in_place(nonce(self.number, last), Aad::from(&self.prefix[..]), &mut chunk);
        let length = opened.map_err(|_| FileError::Damaged)?.len();
        chunk.truncate(length);
        self.number += 1;
        self.content.update(&chunk);
        if !last {
            return Ok((chunk.freeze(), Some(self)));
        }
        // A file of the same owner that stands under another's name opens; its content tells.
        if name(self.content) != self.object {
            return Err(FileError::Damaged);
        }
        Ok((chunk.freeze(), None))
    }
}
