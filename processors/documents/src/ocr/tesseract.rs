//! Tesseract, as a program of its own: it can be killed, and a binding would be no faster.

use std::env;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage};
use spendlog_domain::documents::{Box2, Confidence};

use super::{Engine, EngineChoice, OcrError, name, page};
use crate::reading::{Line, Word};

/// A page takes two seconds; a busy machine may take long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it may answer: a page of text with boxes is a hundredth of it.
const ANSWER_MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Tesseract.
pub(super) struct Tesseract {
    program: PathBuf,
}

fn failed(what: impl Into<String>) -> OcrError {
    OcrError::Tesseract(what.into())
}

impl Tesseract {
    /// Looks for the program in `PATH`.
    pub(super) fn find() -> Result<Self, OcrError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .map(|folder| folder.join("tesseract"))
            .find(|program| program.is_file());
        found.map(|program| Self { program }).ok_or_else(|| {
            failed("the program is not installed: install the packages tesseract-ocr and tesseract-ocr-eng")
        })
    }

    fn run(&self, page: &RgbImage) -> Result<String, OcrError> {
        let mut child = Command::new(&self.program)
            // Page mode 6, one block of text: the usual mode tears the two columns of a receipt apart.
            .args(["stdin", "stdout", "-l", "eng", "--psm", "6", "tsv"])
            // It has up to seven times as much to do with several threads on a busy machine.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // Pipes are small: each end needs somebody, or the child and we wait for each other.
        thread::scope(|scope| {
            scope.spawn(move || {
                // An error here is a child that ended early; its status says more.
                stdin.map(|mut stdin| {
                    stdin
                        .write_all(format!("P6 {} {} 255\n", page.width(), page.height()).as_bytes())
                        .and_then(|()| stdin.write_all(page.as_raw()))
                })
            });
            let answer = scope.spawn(move || {
                let mut text = Vec::new();
                let read = stdout.map(|stdout| stdout.take(ANSWER_MAX_BYTES).read_to_end(&mut text));
                (text, read)
            });
            let said = scope.spawn(move || {
                let mut text = String::new();
                let _ = stderr.map(|stderr| stderr.take(4096).read_to_string(&mut text));
                text
            });
            let ended = wait(&mut child);
            let (text, said) = (answer.join(), said.join().unwrap_or_default());
            match ended {
                Some(true) => {}
                Some(false) => return Err(failed(said.lines().next().unwrap_or("it ended with an error"))),
                None => {
                    return Err(OcrError::Slow {
                        engine: name(EngineChoice::Tesseract),
                        seconds: PATIENCE.as_secs(),
                    });
                }
            }
            match text {
                Ok((text, Some(Ok(_)))) => Ok(String::from_utf8_lossy(&text).into_owned()),
                Ok(_) | Err(_) => Err(failed("its answer could not be read")),
            }
        })
    }
}

/// Whether it ended well; nothing when it had to be killed.
fn wait(child: &mut Child) -> Option<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

impl Engine for Tesseract {
    fn name(&self) -> &'static str {
        name(EngineChoice::Tesseract)
    }

    fn recognise(&self, image: &DynamicImage) -> Result<Vec<Line>, OcrError> {
        let page = page::prepare(image);
        Ok(lines(&self.run(&page)?, page.width(), page.height()))
    }
}

/// The words of its table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text.
pub(super) fn lines(table: &str, width: u32, height: u32) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut line_of: Option<[&str; 3]> = None;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.splitn(12, '\t').collect();
        let &["5", _, block, paragraph, line, _, left, top, wide, high, sure, text] = cells.as_slice() else {
            continue;
        };
        let text = text.trim();
        let numbers = [left, top, wide, high].map(|cell| cell.parse::<u32>().ok());
        let (false, [Some(left), Some(top), Some(wide), Some(high)]) = (text.is_empty(), numbers) else {
            continue;
        };
        let sure: f32 = sure.parse().unwrap_or(0.0);
        let part = |at: u32, whole: u32| (u64::from(at) * 10_000 / u64::from(whole.max(1))).min(10_000) as u16;
        let word = Word {
            text: text.to_owned(),
            area: Box2 {
                x0: part(left, width),
                y0: part(top, height),
                x1: part(left.saturating_add(wide), width),
                y1: part(top.saturating_add(high), height),
            },
            confidence: Confidence((sure * 10.0).clamp(0.0, 1000.0) as u16),
        };
        let key = Some([block, paragraph, line]);
        match lines.last_mut() {
            Some(current) if line_of == key => current.words.push(word),
            _ => lines.push(Line { words: vec![word] }),
        }
        line_of = key;
    }
    lines
}
