//! Exporting the journal for analysts, and SQL over the export.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use object_store::local::LocalFileSystem;
use serde_json::Value;
use spendlog_analytics::{
    Format, Manifest, Tables, export,
    query::{self, Job},
};
use spendlog_domain::schema::event_schemas;

use crate::{
    ROUNDS,
    fixture::Fixture,
    in_turns,
    read::{EVENTS, filled, raw_rows},
    report::Measured,
};

/// How many events are asked.
const ASKED: u64 = 1_000_000;
/// The peer, from PyPI.
const DUCKDB: &str = "duckdb==1.4.4";

/// What is asked: the sum of each category and currency.
const SUMS: &str = "SELECT target_category, money_currency, sum(money_minor) AS minor, count(*) AS n \
    FROM transaction_recorded_postings WHERE target_category IS NOT NULL \
    GROUP BY target_category, money_currency ORDER BY target_category, money_currency";

/// Runs the statement twice, the first time to be warm, and prints the seconds of the second and its rows.
const PEER: &str = "
import duckdb, json, sys, time
duckdb.sql(f\"CREATE VIEW transaction_recorded_postings AS SELECT * FROM read_parquet('{sys.argv[1]}')\")
for _ in range(2):
    started = time.perf_counter()
    rows = duckdb.sql(sys.argv[2]).fetchall()
    seconds = time.perf_counter() - started
print(json.dumps({'seconds': seconds, 'rows': [[a, b, int(c), d] for a, b, c, d in rows]}))
";

/// Exports the whole log to Parquet; beside, the raw rows by sqlx.
pub(crate) async fn export_parquet(name: &str) -> anyhow::Result<Measured> {
    let fixture = filled(EVENTS).await?;
    let ours = async || {
        let folder = tempfile::tempdir_in(fixture.folder())?;
        let started = Instant::now();
        let events = export_to(&fixture, folder.path()).await?;
        anyhow::ensure!(events > EVENTS, "{events} events were exported");
        Ok(events as f64 / started.elapsed().as_secs_f64())
    };
    let beside = async || raw_rows(&fixture).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "raw rows/s", &ours, &beside))
}

/// A grouped sum over the export of a million transactions; beside, the same statement by DuckDB on the same files.
pub(crate) async fn grouped_sum(name: &str) -> anyhow::Result<Measured> {
    let fixture = filled(ASKED).await?;
    let folder = tempfile::tempdir_in(fixture.folder())?;
    export_to(&fixture, folder.path()).await?;
    let manifest = Manifest::read(&LocalFileSystem::new_with_prefix(folder.path())?).await?;
    let sources = query::sources(&tables(), manifest.as_ref(), folder.path(), folder.path(), &[]);
    let out = folder.path().join("answer.json");
    let job = Job {
        sql: SUMS.to_owned(),
        sources,
        format: Format::Json,
        shown_max: 0,
    };
    let rate = |seconds: f64| ASKED as f64 / seconds;
    let ours = async || {
        let (job, out) = (job.clone(), out.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let mut seconds = 0.0;
            for _ in 0..2 {
                let started = Instant::now();
                query::run(&job, Box::new(std::fs::File::create(&out)?))?;
                seconds = started.elapsed().as_secs_f64();
            }
            anyhow::Ok(seconds)
        });
        Ok(rate(asked.await??))
    };
    let Some(packages) = duckdb() else {
        eprintln!("    {DUCKDB} can't be had by pip: nothing stands beside");
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push(ours().await?);
        }
        fixture.stop().await?;
        return Ok(Measured::alone(name, "events/s", &rates));
    };
    let beside = async || {
        let (seconds, rows) = by_duckdb(&packages, folder.path())?;
        let answer: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&out)?)?;
        let answer: Vec<Value> = answer
            .iter()
            .map(|row| ["target_category", "money_currency", "minor", "n"].map(|name| row[name].clone()))
            .map(|row| Value::Array(row.to_vec()))
            .collect();
        anyhow::ensure!(answer == rows, "the two answers differ");
        Ok(rate(seconds))
    };
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "events/s by DuckDB", &ours, &beside))
}

fn tables() -> Arc<Tables> {
    let schemas = event_schemas();
    let each = schemas
        .iter()
        .map(|schema| (schema.event_type.as_str(), schema.version.as_str(), &schema.schema));
    Arc::new(Tables::new(each))
}

async fn export_to(fixture: &Fixture, folder: &Path) -> anyhow::Result<u64> {
    let (journal, store) = (&fixture.journal, LocalFileSystem::new_with_prefix(folder)?);
    let head = *journal.head().borrow();
    Ok(export(journal, &tables(), &store, None, head, |_| ()).await?.events)
}

/// The folder of DuckDB's package, outside of the checkout; downloaded where it is not there yet.
fn duckdb() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let folder = cache.join("spendlog-bench").join(DUCKDB);
    if !folder.exists() {
        let fetched = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
                "--target",
            ])
            .arg(&folder)
            .arg(DUCKDB)
            .status();
        if !fetched.is_ok_and(|status| status.success()) {
            // What is there half must not be taken for whole the next time.
            let _nothing = std::fs::remove_dir_all(&folder);
            return None;
        }
    }
    Some(folder)
}

/// The seconds that DuckDB takes, and its rows.
fn by_duckdb(packages: &Path, export: &Path) -> anyhow::Result<(f64, Vec<Value>)> {
    let files = export.join("transaction_recorded_postings/*/*.parquet");
    let output = Command::new("python3")
        .args(["-c", PEER])
        .arg(files)
        .arg(SUMS)
        .env("PYTHONPATH", packages)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "DuckDB failed: {said}");
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let seconds = answer["seconds"].as_f64().context("DuckDB took some time")?;
    let rows = answer["rows"].as_array().context("DuckDB gave rows")?;
    Ok((seconds, rows.clone()))
}
