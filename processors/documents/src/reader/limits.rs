//! Limits on what one file may cost. Beyond them the reading ends with `too_large`, never with a truncated answer.

/// The largest file that is read at all, in bytes.
pub(crate) const FILE_BYTES: u64 = 192 << 20;
/// Pages of a PDF or a multi-page image.
pub(crate) const PAGES: usize = 500;
/// Pages that need recognition: each costs seconds.
pub(crate) const SCANNED_PAGES: usize = 200;
/// Pixels of a page as it is handed to recognition (A4 at 300 dots an inch has 8.7 million).
pub(crate) const RASTER_PIXELS: u64 = 12_000_000;
/// Pixels of a photograph before it is scaled down.
pub(crate) const IMAGE_PIXELS: u64 = 120_000_000;
/// Glyphs of one page.
pub(crate) const PAGE_GLYPHS: usize = 400_000;
/// Cells of all tables together.
pub(crate) const CELLS: usize = 4_000_000;
/// Sheets, tables or statements.
pub(crate) const TABLES: usize = 1_000;
/// Bytes of text in one cell, paragraph or value; what is longer is cut.
pub(crate) const TEXT_BYTES: usize = 32 << 10;
/// Movements of one file.
pub(crate) const MOVEMENTS: usize = 500_000;
/// Bytes of all unpacked parts of an archive (spreadsheets and text documents are archives).
pub(crate) const UNPACKED_BYTES: u64 = 400 << 20;
/// Bytes of the text part of the child's answer.
pub(crate) const ANSWER_BYTES: u64 = 96 << 20;
/// Bytes of one frame of the answer beside a raster's pixels.
pub(crate) const FRAME_BYTES: u32 = 64 << 20;
/// How deep elements of a text document may nest.
pub(crate) const DEPTH: usize = 256;
/// Stack of the thread that parses: deep nesting is survived instead of ending the process.
pub(crate) const STACK_BYTES: usize = 128 << 20;
/// Files that the child may hold open, its pipes among them.
pub(crate) const OPEN_FILES: u64 = 32;
