//! Two servers, sixteen writers and somebody who makes trouble.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is run by a person, who wants to see something"
)]

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use spendlog_e2e::torture::torture;

/// Two servers, sixteen writers and somebody who makes trouble: kills, restarts, connections that are cut
///
/// Prints what came of it and writes it to `out/torture.json`. Ends with 1 where anything was lost, doubled, out of order, or got
/// past a guard.
#[derive(Parser)]
struct Arguments {
    /// How long the trouble goes on
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// By which the same choices are made again; one by chance unless given
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let Arguments { minutes, seed } = Arguments::parse();
    // JSON's numbers hold so many digits.
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1 << 53));
    let (duration, file) = (Duration::from_secs(minutes * 60), Path::new("out/torture.json"));
    let figures = torture(seed, duration, file, |summary| eprint!("\r{summary}")).await;
    eprintln!();
    println!("{:#}", figures.json());
    if figures.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
