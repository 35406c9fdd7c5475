//! What parent and child say to each other.
//!
//! To the child: a length (4 bytes, little endian), a [`Request`] as JSON, and the file or reading until the end. Back: frames of
//! a tag (1 byte), a length (4 bytes, little endian) and that many bytes. A raster's frame holds the length of its
//! head (4 bytes), the head as JSON, and the pixels. The password goes this way and no other: arguments and
//! environments can be seen by other processes.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use spendlog_domain::documents::{DocumentKind, Source};

use super::failure::Failure;
use super::limits::{FRAME_BYTES, RASTER_PIXELS};
use crate::classify::Classification;
use crate::extract::{Extraction, Hints};
use crate::reading::{Line, Page, Statement, Table};

/// What the child shall do with what follows.
#[derive(Serialize, Deserialize)]
pub(super) enum Task {
    /// Read a file.
    Read {
        media_type: String,
        password: Option<String>,
        /// Whether to leave out the readers that may loop or die on a damaged file.
        careful: bool,
    },
    /// Tell what kind of document a reading (JSON) is of.
    Classify,
    /// Find the fields and lines of a reading (JSON).
    Extract { kind: DocumentKind, hints: Hints },
}

/// A task, and what it may cost.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) task: Task,
    /// Address space in bytes.
    pub(super) memory_limit: u64,
    /// CPU seconds.
    pub(super) cpu_limit_s: u64,
    /// The parent: when it is gone, nobody waits for the answer.
    pub(super) parent: u32,
    /// Size of what follows.
    pub(super) bytes: u64,
}

/// A page that has to be recognised.
#[derive(Serialize, Deserialize)]
pub(super) struct RasterHead {
    pub(super) number: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 (grey) or 3 (red, green, blue), a byte each.
    pub(super) channels: u8,
    /// What text the page has besides its image: better than nothing if recognition finds none.
    pub(super) lines: Vec<Line>,
}

/// A page image: rows from the top, no padding.
pub(super) struct Raster {
    pub(super) head: RasterHead,
    pub(super) pixels: Vec<u8>,
}

/// The end of a reading that went well.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) engine: String,
    pub(super) source: Source,
    /// Movements and sheets that could not be read.
    pub(super) left_out: u32,
}

/// A part of the answer.
pub(super) enum Frame {
    Page(Page),
    Raster(Box<Raster>),
    Table(Table),
    Statement(Statement),
    Classification(Classification),
    Extraction(Extraction),
    Failure(Failure),
    End(End),
}

const PAGE: u8 = b'p';
const RASTER: u8 = b'r';
const TABLE: u8 = b't';
const STATEMENT: u8 = b's';
const CLASSIFICATION: u8 = b'c';
const EXTRACTION: u8 = b'x';
const FAILURE: u8 = b'f';
const END: u8 = b'e';

impl Frame {
    /// Writes the frame.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Page(page) => write_json(out, PAGE, page),
            Self::Table(table) => write_json(out, TABLE, table),
            Self::Statement(statement) => write_json(out, STATEMENT, statement),
            Self::Classification(classification) => write_json(out, CLASSIFICATION, classification),
            Self::Extraction(extraction) => write_json(out, EXTRACTION, extraction),
            Self::Failure(failure) => write_json(out, FAILURE, failure),
            Self::End(end) => write_json(out, END, end),
            Self::Raster(raster) => {
                let head = serde_json::to_vec(&raster.head)?;
                out.write_all(&[RASTER])?;
                out.write_all(&length(4 + head.len() + raster.pixels.len())?)?;
                out.write_all(&length(head.len())?)?;
                out.write_all(&head)?;
                out.write_all(&raster.pixels)
            }
        }
    }

    /// Reads a frame and says how many bytes of it were not pixels; `None` at the end of the answer. What a child
    /// that has been taken over by its file could send is bounded and checked here.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<(Self, u64)>> {
        let mut tag = [0];
        match from.read_exact(&mut tag) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let size = read_length(from)?;
        if tag[0] == RASTER {
            return read_raster(from, size).map(Some);
        }
        let body = read_body(from, size, FRAME_BYTES)?;
        let frame = match tag[0] {
            PAGE => Self::Page(parse(&body)?),
            TABLE => Self::Table(parse(&body)?),
            STATEMENT => Self::Statement(parse(&body)?),
            CLASSIFICATION => Self::Classification(parse(&body)?),
            EXTRACTION => Self::Extraction(parse(&body)?),
            FAILURE => Self::Failure(parse(&body)?),
            END => Self::End(parse(&body)?),
            _ => return Err(invalid("unknown frame")),
        };
        Ok(Some((frame, u64::from(size))))
    }
}

fn read_raster(from: &mut impl Read, size: u32) -> io::Result<(Frame, u64)> {
    let head_size = read_length(from)?;
    let head: RasterHead = parse(&read_body(from, head_size, FRAME_BYTES)?)?;
    let pixels = u64::from(head.width) * u64::from(head.height);
    let bytes = pixels * u64::from(head.channels);
    let fits = pixels > 0 && pixels <= RASTER_PIXELS && matches!(head.channels, 1 | 3);
    if !fits || u64::from(size) != 4 + u64::from(head_size) + bytes {
        return Err(invalid("impossible raster"));
    }
    let bytes = u32::try_from(bytes).map_err(|_| invalid("impossible raster"))?;
    let pixels = read_body(from, bytes, bytes)?;
    Ok((Frame::Raster(Box::new(Raster { head, pixels })), u64::from(head_size)))
}

fn write_json(out: &mut impl Write, tag: u8, value: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(value)?;
    out.write_all(&[tag])?;
    out.write_all(&length(body.len())?)?;
    out.write_all(&body)
}

/// Writes the request, before the file.
pub(super) fn write_request(out: &mut impl Write, request: &Request) -> io::Result<()> {
    let body = serde_json::to_vec(request)?;
    out.write_all(&length(body.len())?)?;
    out.write_all(&body)
}

/// Reads the request.
pub(super) fn read_request(from: &mut impl Read) -> io::Result<Request> {
    let size = read_length(from)?;
    parse(&read_body(from, size, 64 << 10)?)
}

fn length(bytes: usize) -> io::Result<[u8; 4]> {
    u32::try_from(bytes)
        .map(u32::to_le_bytes)
        .map_err(|_| invalid("frame too long"))
}

fn read_length(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_body(from: &mut impl Read, size: u32, limit: u32) -> io::Result<Vec<u8>> {
    if size > limit {
        return Err(invalid("frame too long"));
    }
    // Grown as the bytes arrive: a length alone must not cost memory.
    let mut body = Vec::new();
    from.take(u64::from(size)).read_to_end(&mut body)?;
    if u64::try_from(body.len()).ok() != Some(u64::from(size)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|_| invalid("not what was agreed"))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
