//! The child: limits itself, parses one file or makes sense of one reading, answers, ends.

use std::{
    io::{self, BufWriter, Read, Write},
    panic,
    process::ExitCode,
    thread,
};

use rustix::process::{self, Resource, Rlimit, Signal};
use spendlog_domain::documents::{FailureReason, Source};

use super::failure::Failure;
use super::limits::{ANSWER_BYTES, CELLS, FILE_BYTES, OPEN_FILES, PAGES, SCANNED_PAGES, STACK_BYTES, TABLES};
use super::protocol::{self, End, Frame, Raster, Request, Task};
use super::{csv, ofx, pdf, picture, sheets, text, word};
use crate::classify::classify;
use crate::extract::extract;
use crate::reading::{Page, Reading, Statement, Table};
use crate::sniff;

/// Exit status of a child that could not even answer.
const NO_ANSWER: u8 = 3;

pub(super) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NO_ANSWER),
    }
}

fn run() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let request = protocol::read_request(&mut input)?;
    confine(&request)?;
    if request.bytes > FILE_BYTES {
        return answer_failure(Failure::too_large("the file is larger than what is read"));
    }
    let mut file = Vec::with_capacity(usize::try_from(request.bytes).unwrap_or_default());
    input.take(FILE_BYTES).read_to_end(&mut file)?;
    // A panic's message may quote the document: it must reach nobody's log.
    panic::set_hook(Box::new(|_| ()));
    let work = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || work(&request.task, file))?;
    match work.join() {
        Ok(done) => done,
        Err(_) => answer_failure(Failure::malformed("its reader gave up")),
    }
}

/// Takes away from this process what a file could abuse. What the kernel refuses is an error: no limits, no parsing.
fn confine(request: &Request) -> io::Result<()> {
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above.
    if process::getppid().map(|parent| parent.as_raw_pid()) != i32::try_from(request.parent).ok() {
        return Err(io::ErrorKind::NotFound.into());
    }
    rustix::thread::set_no_new_privs(true)?;
    let limits = [
        (Resource::As, request.memory_limit, request.memory_limit),
        // At the first of the two the kernel says what it ends the process for.
        (Resource::Cpu, request.cpu_limit_s, request.cpu_limit_s + 1),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, OPEN_FILES, OPEN_FILES),
    ];
    for (resource, current, maximum) in limits {
        process::setrlimit(
            resource,
            Rlimit {
                current: Some(current),
                maximum: Some(maximum),
            },
        )?;
    }
    Ok(())
}

fn answer_failure(failure: Failure) -> io::Result<()> {
    let mut out = io::stdout().lock();
    Frame::Failure(failure).write(&mut out)?;
    out.flush()
}

fn work(task: &Task, input: Vec<u8>) -> io::Result<()> {
    let mut answer = Answer::new(BufWriter::with_capacity(256 << 10, io::stdout().lock()));
    let done = match task {
        Task::Read {
            media_type,
            password,
            careful,
        } => read(media_type, password.as_deref(), *careful, input, &mut answer).map(Frame::End),
        Task::Classify => reading(input).map(|reading| Frame::Classification(classify(&reading))),
        Task::Extract { kind, hints } => {
            reading(input).map(|reading| Frame::Extraction(extract(&reading, *kind, hints)))
        }
    };
    match done {
        Ok(last) => answer.write(&last)?,
        Err(Stop::Failure(failure)) => answer.write(&Frame::Failure(failure))?,
        Err(Stop::Pipe(error)) => return Err(error),
    }
    answer.out.flush()
}

fn reading(json: Vec<u8>) -> Result<Reading, Stop> {
    let reading = serde_json::from_slice(&json);
    reading.map_err(|_| Failure::malformed("its text is not what was read").into())
}

fn read(
    media_type: &str,
    password: Option<&str>,
    careful: bool,
    file: Vec<u8>,
    answer: &mut Answer<impl Write>,
) -> Result<End, Stop> {
    let by_content = sniff::of_file(&file);
    match by_content.unwrap_or(media_type) {
        sniff::PDF => pdf::read(file, password, careful, answer),
        kind @ (sniff::XLSX | sniff::XLSM | sniff::XLSB | sniff::XLS | sniff::ODS) => sheets::read(file, kind, answer),
        sniff::DOCX => word::read(&file, answer),
        sniff::LOCKED_OFFICE => {
            // These are not unlocked yet, so asking for a password would promise what cannot be kept.
            Err(Failure::unsupported("a locked spreadsheet or text document").into())
        }
        sniff::OFX => ofx::read(&file, answer),
        sniff::CSV => csv::read(&file, answer),
        sniff::TEXT => text::read(&file, answer),
        kind if kind.starts_with("image/") => picture::read(&file, kind, answer),
        _ => Err(Failure::unsupported("no reader for this kind of file").into()),
    }
}

/// Why parsing stopped.
pub(super) enum Stop {
    /// It cannot be read.
    Failure(Failure),
    /// Nobody listens any more.
    Pipe(io::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

/// The way out, which counts what goes out.
pub(super) struct Answer<W: Write> {
    out: W,
    pages: usize,
    scanned: usize,
    tables: usize,
    cells: usize,
    bytes: u64,
}

impl<W: Write> Answer<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            pages: 0,
            scanned: 0,
            tables: 0,
            cells: 0,
            bytes: 0,
        }
    }

    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        frame.write(&mut self.out)
    }

    pub(super) fn page(&mut self, page: Page) -> Result<(), Stop> {
        self.pages += 1;
        let words = page.lines.iter().flat_map(|line| &line.words);
        // A word's place and score in JSON take about a hundred bytes.
        self.count_bytes(words.map(|word| word.text.len() + 100).sum())?;
        limit(self.pages, PAGES, "it has too many pages")?;
        Ok(self.write(&Frame::Page(page))?)
    }

    pub(super) fn raster(&mut self, raster: Raster) -> Result<(), Stop> {
        self.pages += 1;
        self.scanned += 1;
        limit(self.pages, PAGES, "it has too many pages")?;
        limit(self.scanned, SCANNED_PAGES, "it has too many scanned pages")?;
        self.write(&Frame::Raster(Box::new(raster)))?;
        // The parent recognises this page while the next one is rendered.
        Ok(self.out.flush()?)
    }

    pub(super) fn table(&mut self, table: Table) -> Result<(), Stop> {
        self.tables += 1;
        self.cells += table.rows.iter().map(Vec::len).sum::<usize>();
        limit(self.tables, TABLES, "it has too many tables")?;
        limit(self.cells, CELLS, "it has too many cells")?;
        self.count_bytes(table.rows.iter().flatten().map(|cell| cell.len() + 3).sum())?;
        Ok(self.write(&Frame::Table(table))?)
    }

    pub(super) fn statement(&mut self, statement: Statement) -> Result<(), Stop> {
        self.tables += 1;
        limit(self.tables, TABLES, "it has too many statements")?;
        self.count_bytes(
            statement
                .movements
                .iter()
                .map(|line| line.description.len() + 200)
                .sum(),
        )?;
        Ok(self.write(&Frame::Statement(statement))?)
    }

    fn count_bytes(&mut self, more: usize) -> Result<(), Stop> {
        self.bytes += u64::try_from(more).unwrap_or(u64::MAX / 2);
        if self.bytes > ANSWER_BYTES / 2 {
            return Err(Failure::too_large("it has too much text").into());
        }
        Ok(())
    }
}

fn limit(count: usize, limit: usize, detail: &str) -> Result<(), Stop> {
    if count > limit {
        Err(Failure::too_large(detail).into())
    } else {
        Ok(())
    }
}

/// The end of a reading by this engine that left nothing out.
pub(super) fn end(engine: &str, source: Source) -> End {
    End {
        engine: engine.to_owned(),
        source,
        left_out: 0,
    }
}

/// What a parser's own limit means.
pub(super) fn because(reason: FailureReason, detail: &str) -> Stop {
    Stop::Failure(Failure::Because {
        reason,
        detail: detail.to_owned(),
    })
}
