//! From a file to its text, and from that to what it means. Foreign files are parsed in a child process with limits on
//! memory and time; what it hands back (words at places, tables, statements, page images) is recognised and put together
//! here. Rules that make sense of a text run in such a child as well: what a stranger wrote decides how long they take.

use std::{path::Path, path::PathBuf, process::ExitCode, time::Duration};

use spendlog_domain::documents::{DocumentKind, EngineChoice, FailureReason};

use crate::{Classification, Extraction, Hints, Reading};
use protocol::{Frame, Task};

mod archive;
mod child;
mod csv;
mod encoding;
mod failure;
mod layout;
mod limits;
mod ofx;
mod parent;
mod pdf;
mod picture;
mod protocol;
mod recognition;
mod sheets;
mod text;
mod word;

pub(crate) use csv::looks_like_csv;
pub(crate) use encoding::decode;

/// What a [`Reader`] is made of.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// An executable whose first argument `read-document` leads to [`child_main`].
    pub program: PathBuf,
    /// The folder with the weights and the runtime of the recognition engines.
    pub models: PathBuf,
    /// The engine to use where a document asks for none.
    pub engine: Option<EngineChoice>,
    /// How long a child may take for a file, or to make sense of a reading; recognition of pages is not counted.
    pub time_limit: Duration,
    /// How long recognition of all pages of a file may take.
    pub recognition_limit: Duration,
    /// How much address space the child may take, in bytes.
    pub memory_limit: u64,
    /// How many threads recognition may use.
    pub threads: usize,
}

impl ReaderConfig {
    /// The defaults: 60 seconds, 20 minutes for recognition, 1.5 GiB, two threads, the best engine that is installed.
    pub fn new(program: PathBuf, models: PathBuf) -> Self {
        Self {
            program,
            models,
            engine: None,
            time_limit: Duration::from_secs(60),
            recognition_limit: Duration::from_secs(20 * 60),
            memory_limit: 3 << 29,
            threads: 2,
        }
    }
}

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is locked.
    #[error("a password is needed")]
    PasswordRequired,
    /// The password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
    /// It cannot be read, and trying again would not help.
    #[error("cannot be read: {detail}")]
    Failed {
        /// Why, for machines.
        reason: FailureReason,
        /// Why, for people; tells nothing of the document's content.
        detail: String,
    },
}

/// Reads documents. Can be shared between threads; the engines are loaded at the first page that needs them.
pub struct Reader {
    config: ReaderConfig,
    recognition: recognition::Recognition,
}

impl Reader {
    /// A reader that loads nothing yet.
    pub fn new(config: ReaderConfig) -> Self {
        let recognition = recognition::Recognition::new(&config);
        Self { config, recognition }
    }

    /// Reads the (clear) file at `path`; blocks for as long as that takes. `engine` is the one asked for this
    /// document, before the configured one.
    pub fn read(
        &self,
        path: &Path,
        media_type: &str,
        password: Option<&str>,
        engine: Option<EngineChoice>,
    ) -> Result<Reading, ReadError> {
        parent::read(&self.config, &self.recognition, path, media_type, password, engine)
    }

    /// Does as [`classify`](crate::classify()) in a child; blocks for as long as that takes. `reading` is a [`Reading`] as JSON.
    pub fn classify(&self, reading: &[u8]) -> Result<Classification, ReadError> {
        match parent::understand(&self.config, Task::Classify, reading)? {
            Frame::Classification(classification) => Ok(classification),
            _ => Err(another_answer()),
        }
    }

    /// Does as [`extract`](crate::extract()) in a child; blocks for as long as that takes. `reading` is a [`Reading`] as JSON.
    pub fn extract(&self, reading: &[u8], kind: DocumentKind, hints: Hints) -> Result<Extraction, ReadError> {
        match parent::understand(&self.config, Task::Extract { kind, hints }, reading)? {
            Frame::Extraction(extraction) => Ok(extraction),
            _ => Err(another_answer()),
        }
    }
}

fn another_answer() -> ReadError {
    ReadError::Failed {
        reason: FailureReason::ReaderDied,
        detail: "its reader answered something else".to_owned(),
    }
}

/// What the hidden subcommand `read-document` runs: takes a request and a file on its standard input, limits itself,
/// parses, and answers on its standard output. Never called in the process that holds the journal.
pub fn child_main() -> ExitCode {
    child::main()
}
