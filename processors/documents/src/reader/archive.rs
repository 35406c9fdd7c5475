//! Spreadsheets and text documents are archives: what they unpack to is bounded before and while it is unpacked.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::failure::Failure;
use super::limits::{FILE_BYTES, UNPACKED_BYTES};

/// How many parts an archive may have.
const PARTS: usize = 20_000;

/// An archive whose parts together unpack to no more than allowed, as far as its directory tells.
pub(super) fn open(file: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Failure> {
    let damaged = || Failure::malformed("its archive is damaged");
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| damaged())?;
    if archive.len() > PARTS {
        return Err(Failure::too_large("its archive has too many parts"));
    }
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|_| damaged())?;
        unpacked = unpacked.saturating_add(part.size());
    }
    if unpacked > UNPACKED_BYTES {
        return Err(Failure::too_large("its archive unpacks to too much"));
    }
    Ok(archive)
}

/// A part, if there is one of that name; no more of it than allowed, whatever the directory says.
pub(super) fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Ok(part) = archive.by_name(name) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    part.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| Failure::malformed("its archive is damaged"))?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > FILE_BYTES) {
        return Err(Failure::too_large("its archive unpacks to too much"));
    }
    Ok(Some(bytes))
}
