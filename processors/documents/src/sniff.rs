//! What kind of file this is, by its content. The name only breaks ties between formats that look alike at their
//! beginning: archives whose parts come later, and kinds of text.

use crate::reader::{decode, looks_like_csv};

mod packed;
#[cfg(test)]
mod tests;

/// Portable Document Format.
pub const PDF: &str = "application/pdf";
/// Excel workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Excel workbook with macros.
pub const XLSM: &str = "application/vnd.ms-excel.sheet.macroenabled.12";
/// Excel binary workbook.
pub const XLSB: &str = "application/vnd.ms-excel.sheet.binary.macroenabled.12";
/// Excel workbook of before 2007.
pub const XLS: &str = "application/vnd.ms-excel";
/// OpenDocument spreadsheet.
pub const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
/// OpenDocument text.
pub const ODT: &str = "application/vnd.oasis.opendocument.text";
/// Word document.
pub const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/// Word document of before 2007.
pub const DOC: &str = "application/msword";
/// Office document under a password.
pub const LOCKED_OFFICE: &str = "application/vnd.ms-office.encrypted";
/// Some other archive.
pub const ZIP: &str = "application/zip";
/// Some other compound file.
pub const OLE: &str = "application/x-ole-storage";
/// Open Financial Exchange, of either syntax, Quicken's variant too.
pub const OFX: &str = "application/x-ofx";
/// Quicken Interchange Format.
pub const QIF: &str = "application/x-qif";
/// SWIFT MT940 statement.
pub const MT940: &str = "application/x-mt940";
/// Table of values between delimiters.
pub const CSV: &str = "text/csv";
/// XML of no kind that has a name here.
pub const XML: &str = "application/xml";
/// Words.
pub const TEXT: &str = "text/plain";

/// How far into a file the mark of a PDF is looked for.
const PDF_JUNK_BYTES: usize = 1024;
/// How much of a text is looked at.
const TEXT_BYTES: usize = 64 << 10;

/// The media type of a file that begins with `head` (8 KiB are enough), or `None` where it is nothing we know.
/// `name` is only asked where the content leaves it open.
pub fn sniff(head: &[u8], name: Option<&str>) -> Option<&'static str> {
    let extension = name
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let extension = extension.as_deref();
    match by_marks(head) {
        Some(ZIP) => Some(
            packed::zip_head(head)
                .or_else(|| packed::zip_name(extension))
                .unwrap_or(ZIP),
        ),
        Some(OLE) => Some(packed::ole(head).or_else(|| packed::ole_name(extension)).unwrap_or(OLE)),
        Some(kind) => Some(kind),
        None => text(head, extension),
    }
}

/// The media type of a whole file. Text is left undecided between kinds that only a name can tell apart.
pub(crate) fn of_file(file: &[u8]) -> Option<&'static str> {
    match by_marks(file) {
        Some(ZIP) => packed::zip(file),
        Some(OLE) => packed::ole(file),
        Some(kind) => Some(kind),
        // CSV and plain text shade into each other: what was decided at the upload, with the name, holds.
        None => text(file, None).filter(|kind| !matches!(*kind, CSV | TEXT)),
    }
}

/// Kinds that are known by bytes at fixed places.
fn by_marks(head: &[u8]) -> Option<&'static str> {
    let kind = infer::get(head).map(|kind| kind.mime_type());
    match kind {
        Some(image @ ("image/jpeg" | "image/png" | "image/gif" | "image/webp" | "image/bmp" | "image/tiff")) => {
            return Some(image);
        }
        Some("image/heif") => return Some("image/heif"),
        _ => (),
    }
    let start = &head[..head.len().min(PDF_JUNK_BYTES)];
    if start.windows(5).any(|bytes| bytes == b"%PDF-") {
        Some(PDF)
    } else if head.starts_with(b"PK\x03\x04") {
        Some(ZIP)
    } else if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]) {
        Some(OLE)
    } else {
        None
    }
}

/// Kinds of text.
fn text(head: &[u8], extension: Option<&str>) -> Option<&'static str> {
    let head = &head[..head.len().min(TEXT_BYTES)];
    let text = decode(head)?;
    let start = text.trim_start();
    if start.is_empty() {
        return None;
    }
    let first_lines: String = start.chars().take(4096).collect::<String>().to_ascii_uppercase();
    let mt940 = first_lines.contains(":20:") && (first_lines.contains(":60F:") || first_lines.contains(":60M:"));
    if first_lines.contains("OFXHEADER") || first_lines.contains("<OFX>") || first_lines.contains("<?OFX") {
        Some(OFX)
    } else if start.starts_with("<?xml") || (start.starts_with('<') && extension == Some("xml")) {
        Some(XML)
    } else if first_lines.starts_with("!TYPE:")
        || first_lines.starts_with("!ACCOUNT")
        || first_lines.starts_with("!OPTION:")
    {
        Some(QIF)
    } else if mt940 {
        Some(MT940)
    } else if looks_like_csv(&text, matches!(extension, Some("csv" | "tsv" | "tab" | "xls"))) {
        Some(CSV)
    } else {
        Some(TEXT)
    }
}
