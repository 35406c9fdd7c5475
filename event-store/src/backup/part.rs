//! A part of a backup: what COPY writes as text, compressed by gzip. Written and read as a stream, and hashed on the way.

use std::{io::Write as _, mem};

use flate2::{
    Compression,
    write::{GzDecoder, GzEncoder},
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectStoreExt as _, buffered::BufWriter, path::Path};
use ring::digest;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio::io::AsyncWriteExt as _;

use super::{BackupError, Target, altered};
use crate::merkle;

/// So much is handed to the store at a time.
const PIECE: usize = 256 * 1024;
/// So many compressed bytes are opened at a time: they can become a thousand times as many.
const SLICE: usize = 64 * 1024;
/// No line is longer: an event is at most 64 KiB, which COPY can make twice as long.
const LINE_MAX: usize = 16 * 1024 * 1024;

/// A part as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The object's name.
    pub(super) name: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) sha256: String,
    /// How many rows it has.
    pub(super) rows: u64,
}

/// Writes a part.
pub(super) struct Writer {
    name: String,
    upload: BufWriter,
    gzip: GzEncoder<Vec<u8>>,
    hash: digest::Context,
    bytes: u64,
    lines: u64,
}

impl Writer {
    pub(super) fn new(target: &Target, name: String) -> Self {
        Self {
            upload: BufWriter::new(target.store.clone(), Path::from(name.as_str())),
            gzip: GzEncoder::new(Vec::with_capacity(PIECE), Compression::fast()),
            hash: digest::Context::new(&digest::SHA256),
            bytes: 0,
            lines: 0,
            name,
        }
    }

    /// Adds whole or broken lines.
    pub(super) async fn write(&mut self, clear: &[u8]) -> Result<(), BackupError> {
        self.lines += memchr::memchr_iter(b'\n', clear).count() as u64;
        self.gzip.write_all(clear)?;
        if self.gzip.get_ref().len() >= PIECE {
            let piece = mem::replace(self.gzip.get_mut(), Vec::with_capacity(PIECE));
            self.put(piece).await?;
        }
        Ok(())
    }

    async fn put(&mut self, piece: Vec<u8>) -> Result<(), BackupError> {
        self.hash.update(&piece);
        self.bytes += piece.len() as u64;
        Ok(self.upload.put(piece.into()).await?)
    }

    pub(super) async fn finish(mut self) -> Result<Part, BackupError> {
        let gzip = mem::replace(&mut self.gzip, GzEncoder::new(Vec::new(), Compression::fast()));
        self.put(gzip.finish()?).await?;
        self.upload.shutdown().await?;
        Ok(Part {
            name: self.name,
            bytes: self.bytes,
            sha256: hex::encode(merkle::finish(self.hash)),
            rows: self.lines.saturating_sub(1),
        })
    }
}

/// Makes COPY write times and bytes in the one form that parts have.
pub(super) const FORMS: &str =
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex'";

/// What a query gives, as COPY writes it, with the names of the columns in the first line.
pub(super) async fn copied<'c>(
    connection: &'c mut PgConnection,
    query: &str,
) -> Result<BoxStream<'c, sqlx::Result<bytes::Bytes>>, BackupError> {
    Ok(connection
        .copy_out_raw(&format!("COPY ({query}) TO STDOUT (FORMAT text, HEADER true)"))
        .await?)
}

/// Writes what a query gives as a part.
pub(super) async fn write(
    target: &Target,
    name: String,
    connection: &mut PgConnection,
    query: &str,
) -> Result<Part, BackupError> {
    let mut writer = Writer::new(target, name);
    let mut rows = copied(connection, query).await?;
    while let Some(piece) = rows.try_next().await? {
        writer.write(&piece).await?;
    }
    writer.finish().await
}

/// Reads a part, line by line.
pub(super) struct Reader {
    name: String,
    stored: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    gzip: GzDecoder<Vec<u8>>,
    hash: digest::Context,
    bytes: u64,
    lines: u64,
    /// What was opened and not handed out, up to the last end of a line, and how much of it was handed out.
    clear: Vec<u8>,
    at: usize,
    columns: Vec<String>,
}

impl Reader {
    /// Opens the part of this name, and reads the names of its columns.
    pub(super) async fn open(target: &Target, name: &str) -> Result<Self, BackupError> {
        let got = match target.store.get(&Path::from(name)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(altered(name, "it is gone")),
            got => got?,
        };
        let stored = got.into_stream().flat_map(sliced).fuse().boxed();
        let mut reader = Self {
            name: name.to_owned(),
            stored,
            gzip: GzDecoder::new(Vec::new()),
            hash: digest::Context::new(&digest::SHA256),
            bytes: 0,
            lines: 0,
            clear: Vec::new(),
            at: 0,
            columns: Vec::new(),
        };
        let head = reader
            .line()
            .await?
            .map(|line| String::from_utf8_lossy(line).into_owned());
        let head = head.ok_or_else(|| altered(name, "it is empty"))?;
        reader.columns = head.split('\t').map(str::to_owned).collect();
        let is_name = |name: &String| !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        if !reader.columns.iter().all(is_name) {
            return Err(altered(name, "its first line does not name columns"));
        }
        Ok(reader)
    }

    /// The names of the columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where the column of this name stands.
    pub(super) fn column(&self, name: &str) -> Result<usize, BackupError> {
        let found = self.columns.iter().position(|column| column == name);
        found.ok_or_else(|| altered(&self.name, format!("it has no column {name}")))
    }

    /// The next line without its end; none after the last.
    pub(super) async fn line(&mut self) -> Result<Option<&[u8]>, BackupError> {
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.clear[self.at..]) {
                let begin = self.at;
                self.at += length + 1;
                self.lines += 1;
                return Ok(Some(&self.clear[begin..begin + length]));
            }
            if !self.more().await? {
                return self.ended().map(|()| None);
            }
        }
    }

    /// The next lines, with their ends; none after the last.
    pub(super) async fn lines(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        loop {
            if let Some(end) = memchr::memrchr(b'\n', &self.clear[self.at..]) {
                let lines = self.clear[self.at..=self.at + end].to_vec();
                self.at += lines.len();
                self.lines += memchr::memchr_iter(b'\n', &lines).count() as u64;
                return Ok(Some(lines));
            }
            if !self.more().await? {
                return self.ended().map(|()| None);
            }
        }
    }

    fn ended(&self) -> Result<(), BackupError> {
        if self.at == self.clear.len() {
            Ok(())
        } else {
            Err(altered(&self.name, "its last line is cut off"))
        }
    }

    /// Opens more of what is stored. False at the end.
    async fn more(&mut self) -> Result<bool, BackupError> {
        let broken = |name: &str| altered(name, "it can't be uncompressed");
        let Some(piece) = self.stored.try_next().await? else {
            self.gzip.try_finish().map_err(|_| broken(&self.name))?;
            let rest = mem::take(self.gzip.get_mut());
            self.clear.extend_from_slice(&rest);
            return Ok(!rest.is_empty());
        };
        self.hash.update(&piece);
        self.bytes += piece.len() as u64;
        self.clear.drain(..self.at);
        self.at = 0;
        if self.clear.len() > LINE_MAX {
            return Err(altered(&self.name, "a line is longer than any that was written"));
        }
        self.gzip.write_all(&piece).map_err(|_| broken(&self.name))?;
        self.clear.append(self.gzip.get_mut());
        Ok(true)
    }

    /// What was read, after the last line.
    pub(super) fn part(self) -> Part {
        Part {
            name: self.name,
            bytes: self.bytes,
            sha256: hex::encode(merkle::finish(self.hash)),
            rows: self.lines.saturating_sub(1),
        }
    }
}

fn sliced(piece: object_store::Result<bytes::Bytes>) -> impl Stream<Item = object_store::Result<bytes::Bytes>> {
    let slices: Vec<_> = match piece {
        Ok(piece) => (0..piece.len())
            .step_by(SLICE)
            .map(|at| Ok(piece.slice(at..piece.len().min(at + SLICE))))
            .collect(),
        Err(error) => vec![Err(error)],
    };
    futures_util::stream::iter(slices)
}

impl Part {
    /// Refuses what was read instead, if it is not this part.
    pub(super) fn expect(&self, read: &Self) -> Result<(), BackupError> {
        let Self {
            name,
            bytes,
            sha256,
            rows,
        } = self;
        if read.bytes != *bytes {
            return Err(altered(name, format!("it has {} bytes and not {bytes}", read.bytes)));
        }
        if read.sha256 != *sha256 || read.rows != *rows {
            return Err(altered(
                name,
                format!("its SHA-256 is {} and not {sha256}", read.sha256),
            ));
        }
        Ok(())
    }
}

/// The fields of a line.
pub(super) fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == b'\t').collect()
}

/// The text of a field as COPY wrote it; none where it is null, or not text.
pub(super) fn text(field: &[u8]) -> Option<String> {
    if field == b"\\N" {
        return None;
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            },
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}
