//! Measures Spendlog, each figure beside a peer or a physical limit.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::large_futures,
    reason = "a benchmark prints, calculates rates, and stops where anything fails"
)]

mod analytics;
mod append;
mod feed;
mod fixture;
mod http;
mod kafka;
mod load;
mod pgbench;
mod read;
mod report;

use std::path::PathBuf;

use clap::Parser;
use fixture::Fixture;
use report::Report;

/// Every measurement, by its name.
const NAMES: &[&str] = &[
    "append/1",
    "append/8",
    "append/32",
    "append/128",
    "append-many-streams",
    "append-one-stream",
    "append-old-snapshot",
    "read-log",
    "verify",
    "load-long-stream",
    "feed-latency",
    "export-parquet",
    "query",
    "kafka-relay",
    "rebuild",
    "http-create/1",
    "http-create/16",
    "http-create/64",
    "http-list",
    "http-summary",
    "http-at",
    "http-replay",
];

/// Measures Spendlog on a PostgreSQL of its own with full durability
///
/// Each figure stands beside a peer or a physical limit taken in turns in the same run. Figures of one run on one machine can be
/// compared with each other; those of two machines can't.
#[derive(Parser)]
struct Arguments {
    /// The measurements that are wanted, all unless given; `append` means all of `append/…`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// The file for the figures
    #[arg(long, default_value = "out/bench.json")]
    out: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let Arguments { only, out } = Arguments::parse();
    let asked: Vec<&str> = only
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    for name in &asked {
        let names = NAMES.join(", ");
        anyhow::ensure!(
            NAMES.iter().any(|known| matches(known, name)),
            "no measurement is called {name}; there are: {names}"
        );
    }
    let wanted: Vec<&str> = NAMES
        .iter()
        .copied()
        .filter(|name| asked.is_empty() || asked.iter().any(|a| matches(name, a)))
        .collect();
    let mut report = Report::default();
    for (done, name) in wanted.iter().enumerate() {
        eprintln!("[{}/{}] {name}", done + 1, wanted.len());
        let measured = match *name {
            "append/1" => append::by_callers(name, 1).await?,
            "append/8" => append::by_callers(name, 8).await?,
            "append/32" => append::by_callers(name, 32).await?,
            "append/128" => append::by_callers(name, 128).await?,
            "append-many-streams" => append::many_streams(name).await?,
            "append-one-stream" => append::one_stream(name).await?,
            "append-old-snapshot" => append::old_snapshot(name).await?,
            "read-log" => read::log(name).await?,
            "verify" => read::verify(name).await?,
            "load-long-stream" => read::long_stream(name).await?,
            "export-parquet" => analytics::export_parquet(name).await?,
            "query" => analytics::grouped_sum(name).await?,
            "feed-latency" => feed::latency(name).await?,
            "kafka-relay" => kafka::relay(name).await?,
            "rebuild" => read::rebuild(name).await?,
            http => http::measure(http).await?,
        };
        let ratio = measured
            .ratio
            .map_or(String::new(), |ratio| format!(", ratio {ratio:.2}"));
        eprintln!("    {:.1} {}{ratio}", measured.value, measured.unit);
        report.add(measured);
    }
    report.print();
    report.write(&out)
}

/// Whether a measurement is the one asked for, or of its family: `append` means all of `append/…`.
fn matches(name: &str, asked: &str) -> bool {
    name == asked || name.strip_prefix(asked).is_some_and(|rest| rest.starts_with('/'))
}

/// How often ours and the peer are taken in turns.
const ROUNDS: usize = 5;

/// Takes both in turns, and gives the figures of both.
async fn in_turns<A, B>(mut ours: A, mut beside: B) -> anyhow::Result<(Vec<f64>, Vec<f64>)>
where
    A: AsyncFnMut() -> anyhow::Result<f64>,
    B: AsyncFnMut() -> anyhow::Result<f64>,
{
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        first.push(ours().await?);
        second.push(beside().await?);
    }
    Ok((first, second))
}

/// A place for fixtures that goes away with the run.
async fn fixture() -> anyhow::Result<Fixture> {
    Fixture::start().await
}
