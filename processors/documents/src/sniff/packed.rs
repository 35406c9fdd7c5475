//! Office files: archives and compound files that are told apart by what is in them.

use std::io::Cursor;

use super::{DOC, DOCX, LOCKED_OFFICE, ODS, ODT, XLS, XLSB, XLSM, XLSX};

/// By the names of the parts in the archive's directory.
pub(super) fn zip(file: &[u8]) -> Option<&'static str> {
    let Ok(archive) = zip::ZipArchive::new(Cursor::new(file)) else {
        return zip_head(file);
    };
    let has = |name: &str| archive.index_for_name(name).is_some();
    let holds = |folder: &str| {
        archive
            .file_names()
            .flatten()
            .any(|name| name.trim_start_matches('/').starts_with(folder))
    };
    if has("xl/workbook.bin") {
        Some(XLSB)
    } else if has("xl/vbaProject.bin") {
        Some(XLSM)
    } else if holds("xl/") {
        Some(XLSX)
    } else if holds("word/") {
        Some(DOCX)
    } else {
        // An OpenDocument begins with its type.
        zip_head(file)
    }
}

/// By the parts that the first bytes of an archive show.
pub(super) fn zip_head(head: &[u8]) -> Option<&'static str> {
    let head = &head[..head.len().min(64 << 10)];
    let shows = |what: &[u8]| head.windows(what.len()).any(|part| part == what);
    if head.get(30..38) == Some(b"mimetype") {
        let rest = &head[38..];
        return if rest.starts_with(ODS.as_bytes()) {
            Some(ODS)
        } else if rest.starts_with(ODT.as_bytes()) {
            Some(ODT)
        } else {
            None
        };
    }
    if shows(b"xl/workbook.bin") {
        Some(XLSB)
    } else if shows(b"xl/vbaProject") {
        Some(XLSM)
    } else if shows(b"xl/") {
        Some(XLSX)
    } else if shows(b"word/") {
        Some(DOCX)
    } else {
        None
    }
}

/// By the name, where the parts come too late in the file.
pub(super) fn zip_name(extension: Option<&str>) -> Option<&'static str> {
    match extension? {
        "xlsx" => Some(XLSX),
        "xlsm" => Some(XLSM),
        "xlsb" => Some(XLSB),
        "ods" => Some(ODS),
        "odt" => Some(ODT),
        "docx" => Some(DOCX),
        _ => None,
    }
}

/// By the streams of a compound file, whose names stand in it in UTF-16.
pub(super) fn ole(file: &[u8]) -> Option<&'static str> {
    let shows = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        file.windows(wide.len()).any(|part| part == wide)
    };
    if shows("EncryptedPackage") {
        Some(LOCKED_OFFICE)
    } else if shows("Workbook") || shows("Book\0") {
        Some(XLS)
    } else if shows("WordDocument") {
        Some(DOC)
    } else {
        None
    }
}

/// By the name, where the directory comes too late in the file.
pub(super) fn ole_name(extension: Option<&str>) -> Option<&'static str> {
    match extension? {
        "xls" => Some(XLS),
        "doc" => Some(DOC),
        // Of the formats that are archives, only locked ones are compound files.
        "xlsx" | "xlsm" | "xlsb" | "docx" => Some(LOCKED_OFFICE),
        _ => None,
    }
}
