//! Reads files made here, the hostile ones too, through the child process as the server does.
#![expect(clippy::unwrap_used, reason = "what makes the files of a test may fail the test")]

mod images;
mod locked;
mod office;
mod pdf;
mod sense;
mod text;

use std::{path::Path, time::Duration};

use spendlog_documents::{ReadError, Reader, ReaderConfig, Reading, sniff};
use spendlog_domain::documents::FailureReason;

/// A folder without models: what needs recognition must say that no engine is there, or be read by Tesseract.
fn reader() -> Reader {
    reader_within(Duration::from_secs(20))
}

fn reader_within(time_limit: Duration) -> Reader {
    let config = ReaderConfig::new(
        env!("CARGO_BIN_EXE_spendlog-eval").into(),
        Path::new("/nonexistent").into(),
    );
    Reader::new(ReaderConfig { time_limit, ..config })
}

fn read_as(file: &[u8], name: &str, password: Option<&str>) -> Result<Reading, ReadError> {
    read_by(&reader(), file, name, password)
}

fn read_by(reader: &Reader, file: &[u8], name: &str, password: Option<&str>) -> Result<Reading, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, file).unwrap();
    let media_type = sniff(&file[..file.len().min(8 << 10)], Some(name)).unwrap_or("application/octet-stream");
    reader.read(&path, media_type, password, None)
}

fn read(file: &[u8], name: &str) -> Reading {
    read_as(file, name, None).unwrap()
}

fn reason(result: Result<Reading, ReadError>) -> FailureReason {
    match result {
        Err(ReadError::Failed { reason, .. }) => reason,
        other => panic!("expected a failure: {other:?}"),
    }
}

/// The words of each line of all pages, with a space between.
fn lines(reading: &Reading) -> Vec<String> {
    let lines = reading.pages.iter().flat_map(|page| &page.lines);
    lines
        .map(|line| {
            line.words
                .iter()
                .map(|word| word.text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
