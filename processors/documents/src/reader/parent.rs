//! The parent's side: starts the child, feeds it, takes its answer within the limits, recognises its page images.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use spendlog_domain::documents::{EngineChoice, FailureReason};

use super::limits::{ANSWER_BYTES, FILE_BYTES, FRAME_BYTES};
use super::protocol::{self, Frame, Request};
use super::recognition::Recognition;
use super::{ReadError, ReaderConfig, recognition::Assembly};
use crate::reading::Reading;
use crate::sniff;

/// How much of what the child says on its standard error is looked at.
const LAST_WORDS_BYTES: u64 = 16 << 10;

pub(super) fn read(
    config: &ReaderConfig,
    recognition: &Recognition,
    path: &Path,
    media_type: &str,
    password: Option<&str>,
    engine: Option<EngineChoice>,
) -> Result<Reading, ReadError> {
    let attempt = |careful, time_limit| {
        let mut assembly = Assembly::new(recognition, engine);
        let attempt = Attempt {
            config,
            path,
            media_type,
            password,
            careful,
            time_limit,
        };
        attempt.run(&mut assembly)?;
        assembly.finish().map_err(Ended::Answered)
    };
    if media_type != sniff::PDF {
        return attempt(false, config.time_limit).map_err(Ended::into_error);
    }
    // The better reader of text layers loops or dies on some damaged files, on which the other one does not.
    let start = Instant::now();
    match attempt(false, config.time_limit / 2) {
        Ok(reading) => Ok(reading),
        Err(Ended::Answered(error)) => Err(error),
        Err(Ended::Died(error)) => {
            let left = config
                .time_limit
                .saturating_sub(start.elapsed())
                .max(config.time_limit / 2);
            attempt(true, left).map_err(|_| error)
        }
    }
}

/// How an attempt ended without a reading.
enum Ended {
    /// The child said why.
    Answered(ReadError),
    /// The child could not say any more.
    Died(ReadError),
}

impl Ended {
    fn into_error(self) -> ReadError {
        match self {
            Self::Answered(error) | Self::Died(error) => error,
        }
    }

    fn died(reason: FailureReason, detail: &str) -> Self {
        Self::Died(ReadError::Failed {
            reason,
            detail: detail.to_owned(),
        })
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::died(
            FailureReason::ReaderDied,
            &format!("the reader could not be run: {}", error.kind()),
        )
    }
}

struct Attempt<'a> {
    config: &'a ReaderConfig,
    path: &'a Path,
    media_type: &'a str,
    password: Option<&'a str>,
    careful: bool,
    time_limit: Duration,
}

impl Attempt<'_> {
    fn run(&self, assembly: &mut Assembly<'_>) -> Result<(), Ended> {
        let file = File::open(self.path)?;
        let file_bytes = file.metadata()?.len();
        if file_bytes > FILE_BYTES {
            let detail = "the file is larger than what is read".to_owned();
            return Err(Ended::Answered(ReadError::Failed {
                reason: FailureReason::TooLarge,
                detail,
            }));
        }
        let request = Request {
            media_type: self.media_type.to_owned(),
            password: self.password.map(str::to_owned),
            memory_limit: self.config.memory_limit,
            cpu_limit_s: self.time_limit.as_secs() + 1,
            careful: self.careful,
            parent: std::process::id(),
            file_bytes,
        };
        // An environment may hold keys; a parser of foreign files needs none of it.
        let mut child = Command::new(&self.config.program)
            .arg("read-document")
            .env_clear()
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        thread::scope(|scope| {
            scope.spawn(move || feed(stdin, &request, file));
            let (sender, frames) = mpsc::sync_channel(1);
            scope.spawn(move || receive(BufReader::with_capacity(256 << 10, stdout), &sender));
            let last_words = scope.spawn(move || last_words(stderr));
            let taken = take(&frames, assembly, self.time_limit);
            // Unblocks whoever still writes or reads, and leaves no grandchild behind.
            drop(frames);
            end(&mut child);
            let status = child.wait()?;
            let last_words = last_words.join().unwrap_or_default();
            match taken {
                Taken::All => Ok(()),
                Taken::Failure(error) => Err(Ended::Answered(error)),
                Taken::TooLong => Err(Ended::died(FailureReason::TimeLimit, "reading it took too long")),
                Taken::TooMuch => Err(Ended::died(FailureReason::TooLarge, "its reader answered too much")),
                Taken::Broken => Err(autopsy(status, &last_words)),
            }
        })
    }
}

fn end(child: &mut Child) {
    // Not reaped yet, so the number still means this child, and its group.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

fn feed(mut stdin: impl Write, request: &Request, mut file: File) {
    // A child that ends early closes the pipe; why it did is for its answer or its exit to say.
    let _ = protocol::write_request(&mut stdin, request).and_then(|()| io::copy(&mut file, &mut stdin));
}

/// A frame, and the size of what of it was not pixels.
type Received = io::Result<(Frame, u64)>;

fn receive(mut from: impl Read, sender: &SyncSender<Received>) {
    loop {
        let frame = match Frame::read(&mut from) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let last = frame.is_err();
        if sender.send(frame).is_err() || last {
            return;
        }
    }
}

fn last_words(mut stderr: impl Read) -> Vec<u8> {
    let mut words = Vec::new();
    let _ = stderr.by_ref().take(LAST_WORDS_BYTES).read_to_end(&mut words);
    let _ = io::copy(&mut stderr, &mut io::sink());
    words
}

enum Taken {
    All,
    Failure(ReadError),
    TooLong,
    TooMuch,
    Broken,
}

/// Takes the answer. The clock runs only while we wait for the child: recognition takes its own time.
fn take(frames: &Receiver<Received>, assembly: &mut Assembly<'_>, time_limit: Duration) -> Taken {
    let (mut left, mut bytes) = (time_limit, 0);
    loop {
        let start = Instant::now();
        let received = frames.recv_timeout(left);
        left = left.saturating_sub(start.elapsed());
        let (frame, size) = match received {
            Ok(Ok(frame)) => frame,
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Taken::Broken,
            Err(RecvTimeoutError::Timeout) => return Taken::TooLong,
        };
        bytes += size;
        if bytes > ANSWER_BYTES + u64::from(FRAME_BYTES) {
            return Taken::TooMuch;
        }
        match frame {
            Frame::Page(page) => assembly.page(page),
            Frame::Raster(raster) => assembly.raster(*raster),
            Frame::Table(table) => assembly.table(table),
            Frame::Statement(statement) => assembly.statement(statement),
            Frame::Failure(failure) => return Taken::Failure(failure.into()),
            Frame::End(end) => {
                assembly.end(end);
                return Taken::All;
            }
        }
    }
}

/// What a child that ended without an answer died of.
fn autopsy(status: ExitStatus, last_words: &[u8]) -> Ended {
    let says = |what: &str| last_words.windows(what.len()).any(|part| part == what.as_bytes());
    let cpu_limit = status.signal() == Some(Signal::XCPU.as_raw());
    if cpu_limit {
        Ended::died(FailureReason::TimeLimit, "reading it took too long")
    } else if says("memory allocation of") || says("capacity overflow") {
        Ended::died(FailureReason::MemoryLimit, "reading it took too much memory")
    } else if says("overflowed its stack") {
        Ended::died(FailureReason::ReaderDied, "it is nested too deeply")
    } else {
        Ended::died(FailureReason::ReaderDied, "its reader ended without an answer")
    }
}
