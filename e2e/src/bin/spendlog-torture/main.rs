//! `spendlog-torture [--minutes n] [--seed n]`: two servers, sixteen writers and somebody who makes trouble; prints what came of it
//! and writes it to `out/torture.json`. Ends with 1 where anything was lost, doubled, out of order, or got past a guard.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is run by a person, who wants to see something"
)]

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Context as _;
use spendlog_e2e::torture::torture;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let (mut minutes, mut seed) = (1_u64, fastrand::u64(..1 << 53));
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        let value = given.next().with_context(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--minutes" => minutes = value.parse().context("--minutes takes a whole number")?,
            "--seed" => seed = value.parse().context("--seed takes a whole number")?,
            _ => anyhow::bail!("{option} is not known; there are --minutes and --seed"),
        }
    }
    let (duration, file) = (Duration::from_secs(minutes * 60), Path::new("out/torture.json"));
    let figures = torture(seed, duration, file, |summary| eprint!("\r{summary}")).await;
    eprintln!();
    println!("{:#}", figures.json());
    Ok(if figures.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
