//! A server's process: started, found listening, stopped or killed.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use rustix::process::{Pid, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::DEADLINE;

pub use rustix::process::Signal;

/// Sends a process a signal, as `kill` does, which a bare Debian lacks. Whether there was such a process.
pub fn send(process: u32, signal: Signal) -> bool {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| kill_process(process, signal).is_ok())
}

/// What a subcommand printed that did what it was asked.
#[track_caller]
pub fn succeed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: String,
}

impl Process {
    /// Starts the server and waits until it says where it listens.
    pub(crate) async fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("its output is text") {
                if let Some((_, address)) = line.split_once("http://") {
                    let address = address.split_whitespace().next().unwrap_or_default();
                    return Some(format!("http://{}", address.trim_end_matches(['/', '.', ','])));
                }
            }
            None
        };
        let address = tokio::time::timeout(DEADLINE, listening)
            .await
            .expect("the server starts in time");
        let address = address.unwrap_or_else(|| {
            panic!(
                "the server ended before it listened:\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            )
        });
        // Reads on, so that the server never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// Where it listens: `http://127.0.0.1:…`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("the server can be killed");
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        assert!(send(self.pid(), Signal::TERM), "the server is still there");
        let ended = tokio::time::timeout(DEADLINE, self.child.wait())
            .await
            .expect("the server stops in time");
        assert!(
            ended.expect("the server can be waited for").success(),
            "the server stops cleanly"
        );
    }
}

/// The program, built beforehand.
pub(crate) fn executable() -> PathBuf {
    let ours = std::env::current_exe().expect("this program has a path");
    // Programs are built into the profile's folder, tests into one inside it.
    let built = ours
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("spendlog"))
        .find(|program| program.is_file());
    built.expect("spendlog is built: run cargo build -p spendlog-server first, as make test does")
}
