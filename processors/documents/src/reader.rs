//! From a file to its text. Foreign files are parsed in a child process with limits on memory and time; what it
//! hands back (words at places, tables, statements, page images) is recognised and put together here.

use std::{path::Path, path::PathBuf, process::ExitCode, time::Duration};

use spendlog_domain::documents::{EngineChoice, FailureReason};

use crate::reading::Reading;

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
    /// How long the child may take for a file; recognition of its pages is not counted.
    pub time_limit: Duration,
    /// How much address space the child may take, in bytes.
    pub memory_limit: u64,
    /// How many threads recognition may use.
    pub threads: usize,
}

impl ReaderConfig {
    /// The defaults: 60 seconds, 1.5 GiB, two threads, the best engine that is installed.
    pub fn new(program: PathBuf, models: PathBuf) -> Self {
        Self {
            program,
            models,
            engine: None,
            time_limit: Duration::from_secs(60),
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
}

/// What the hidden subcommand `read-document` runs: takes a request and a file on its standard input, limits itself,
/// parses, and answers on its standard output. Never called in the process that holds the journal.
pub fn child_main() -> ExitCode {
    child::main()
}
