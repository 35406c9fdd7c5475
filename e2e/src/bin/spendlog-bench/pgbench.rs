//! The limit that appends are held against: bare INSERTs, one commit each, by PostgreSQL's own pgbench.

use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::Command;

use crate::fixture::Fixture;

/// Inserts per second by so many clients, each row as large as one of our events.
pub(crate) async fn bare_inserts(
    fixture: &Fixture,
    clients: usize,
    row_bytes: usize,
    seconds: u32,
) -> anyhow::Result<f64> {
    let script = fixture.folder().join("bare.sql");
    let payload = format!("{{\"x\":\"{}\"}}", "x".repeat(row_bytes.saturating_sub(8)));
    std::fs::write(&script, format!("INSERT INTO bare (payload) VALUES ('{payload}');\n"))?;
    let threads = clients.min(2).to_string();
    let output = Command::new(fixture.pgbench())
        .args(["--no-vacuum", "--protocol=prepared"])
        .args([
            "--client",
            &clients.to_string(),
            "--jobs",
            &threads,
            "--time",
            &seconds.to_string(),
        ])
        .arg("--file")
        .arg(&script)
        .arg(fixture.url())
        .stdin(Stdio::null())
        .output()
        .await
        .context("pgbench comes with PostgreSQL's server package")?;
    let text = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(
        output.status.success(),
        "pgbench failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench printed no rate: {text}"))
}
