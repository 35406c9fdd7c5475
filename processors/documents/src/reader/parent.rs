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
use super::protocol::{self, Frame, Request, Task};
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
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let task = Task::Read {
            media_type: media_type.to_owned(),
            password: password.map(str::to_owned),
            careful,
        };
        let mut assembly = Assembly::new(recognition, engine);
        let recognising = config.recognition_limit;
        ask(config, time_limit, task, file, bytes, |frames| {
            take(frames, &mut assembly, time_limit, recognising)
        })?;
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

/// Has a child make sense of a reading.
pub(super) fn understand(config: &ReaderConfig, task: Task, reading: &[u8]) -> Result<Frame, ReadError> {
    let bytes = u64::try_from(reading.len()).unwrap_or(u64::MAX);
    let answer = |frames: &Receiver<Received>| only(frames, config.time_limit);
    ask(config, config.time_limit, task, reading, bytes, answer).map_err(Ended::into_error)
}

/// How a child ended without what it was asked for.
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

/// Starts a child, gives it the task and its input, and takes the answer.
fn ask<T>(
    config: &ReaderConfig,
    time_limit: Duration,
    task: Task,
    input: impl Read + Send,
    bytes: u64,
    answer: impl FnOnce(&Receiver<Received>) -> Result<T, Stopped>,
) -> Result<T, Ended> {
    if bytes > FILE_BYTES {
        let detail = "the file is larger than what is read".to_owned();
        return Err(Ended::Answered(ReadError::Failed {
            reason: FailureReason::TooLarge,
            detail,
        }));
    }
    let request = Request {
        task,
        memory_limit: config.memory_limit,
        cpu_limit_s: time_limit.as_secs() + 1,
        parent: std::process::id(),
        bytes,
    };
    // An environment may hold keys; a parser of foreign files needs none of it.
    let mut child = Command::new(&config.program)
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
        let request = &request;
        scope.spawn(move || feed(stdin, request, input));
        let (sender, frames) = mpsc::sync_channel(1);
        scope.spawn(move || receive(BufReader::with_capacity(256 << 10, stdout), &sender));
        let last_words = scope.spawn(move || last_words(stderr));
        let answer = answer(&frames);
        // Unblocks whoever still writes or reads, and leaves no grandchild behind.
        drop(frames);
        end(&mut child);
        let status = child.wait()?;
        let last_words = last_words.join().unwrap_or_default();
        answer.map_err(|stopped| match stopped {
            Stopped::Failure(error) => Ended::Answered(error),
            Stopped::TooLong => Ended::died(FailureReason::TimeLimit, "reading it took too long"),
            Stopped::TooMuch => Ended::died(FailureReason::TooLarge, "its reader answered too much"),
            Stopped::Broken => autopsy(status, &last_words),
        })
    })
}

fn end(child: &mut Child) {
    // Not reaped yet, so the number still means this child, and its group.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

fn feed(mut stdin: impl Write, request: &Request, mut input: impl Read) {
    // A child that ends early closes the pipe; why it did is for its answer or its exit to say.
    let _ = protocol::write_request(&mut stdin, request).and_then(|()| io::copy(&mut input, &mut stdin));
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

/// Why there was no whole answer.
enum Stopped {
    Failure(ReadError),
    TooLong,
    TooMuch,
    Broken,
}

/// The next frame, and how large it was.
fn next(frames: &Receiver<Received>, time_limit: Duration) -> Result<(Frame, u64), Stopped> {
    match frames.recv_timeout(time_limit) {
        Ok(Ok((Frame::Failure(failure), _))) => Err(Stopped::Failure(failure.into())),
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Stopped::Broken),
        Err(RecvTimeoutError::Timeout) => Err(Stopped::TooLong),
    }
}

/// Takes an answer of one frame.
fn only(frames: &Receiver<Received>, time_limit: Duration) -> Result<Frame, Stopped> {
    next(frames, time_limit).map(|(frame, _)| frame)
}

/// Takes a reading. The child's clock runs only while we wait for it: recognition has its own.
fn take(
    frames: &Receiver<Received>,
    assembly: &mut Assembly<'_>,
    time_limit: Duration,
    recognition_limit: Duration,
) -> Result<(), Stopped> {
    let (mut left, mut recognising, mut bytes) = (time_limit, Duration::ZERO, 0);
    loop {
        let start = Instant::now();
        let (frame, size) = next(frames, left)?;
        left = left.saturating_sub(start.elapsed());
        bytes += size;
        if bytes > ANSWER_BYTES + u64::from(FRAME_BYTES) {
            return Err(Stopped::TooMuch);
        }
        match frame {
            Frame::Page(page) => assembly.page(page),
            Frame::Raster(raster) => {
                let start = Instant::now();
                assembly.raster(*raster);
                recognising += start.elapsed();
                if recognising > recognition_limit {
                    return Err(Stopped::TooLong);
                }
            }
            Frame::Table(table) => assembly.table(table),
            Frame::Statement(statement) => assembly.statement(statement),
            Frame::End(end) => {
                assembly.end(end);
                return Ok(());
            }
            Frame::Classification(_) | Frame::Extraction(_) | Frame::Failure(_) => return Err(Stopped::Broken),
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
