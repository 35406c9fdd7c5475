//! Judges predictions by the corpora's scripts, and lays out the figures.

use std::{
    fmt,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::Value;

use crate::corpora::Corpus;

/// How wide the column of figures may grow.
const WIDTH: usize = 100;

/// The table that is printed in the end, with notes below.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<(String, usize, String, Option<Duration>)>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a corpus.
    pub(crate) fn add(&mut self, name: &str, files: usize, figures: String, took: Option<Duration>) {
        self.rows.push((name.to_owned(), files, figures, took));
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:24} {:>5}  {:WIDTH$}  {:>7}",
            "corpus", "files", "figures", "seconds"
        )?;
        for (name, files, figures, took) in &self.rows {
            let mut lines: Vec<String> = vec![String::new()];
            for figure in figures.split("  ") {
                let line = lines
                    .last_mut()
                    .map(|line| (line.len() + figure.len() + 2 <= WIDTH || line.is_empty(), line));
                match line {
                    Some((true, line)) => {
                        if !line.is_empty() {
                            line.push_str("  ");
                        }
                        line.push_str(figure);
                    }
                    _ => lines.push(figure.to_owned()),
                }
            }
            let seconds = took.map_or(String::new(), |took| took.as_secs().to_string());
            let count = if *files == 0 { String::new() } else { files.to_string() };
            for (index, line) in lines.iter().enumerate() {
                let first = index == 0;
                let (name, count, seconds) = if first {
                    (name.as_str(), count.as_str(), seconds.as_str())
                } else {
                    ("", "", "")
                };
                writeln!(f, "{name:24} {count:>5}  {line:WIDTH$}  {seconds:>7}")?;
            }
        }
        if !self.notes.is_empty() {
            writeln!(f, "\nnotes:")?;
            for note in &self.notes {
                writeln!(f, "  {note}")?;
            }
        }
        Ok(())
    }
}

/// Writes one JSON object a line.
pub(crate) fn write<'a>(path: &Path, lines: impl Iterator<Item = &'a Value>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| format!("writing {}", path.display()))?);
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        writeln!(file)?;
    }
    file.flush()?;
    Ok(())
}

/// The figures of a corpus, by its script.
pub(crate) fn score(
    root: &Path,
    corpus: &Corpus,
    predictions: &Path,
    split: &str,
    errors: bool,
    table: &mut Table,
) -> anyhow::Result<String> {
    score_with(root, corpus, predictions, split, &[], errors, table)
}

/// The same, with more arguments for the script.
pub(crate) fn score_with(
    root: &Path,
    corpus: &Corpus,
    predictions: &Path,
    split: &str,
    more: &[&str],
    errors: bool,
    table: &mut Table,
) -> anyhow::Result<String> {
    let mut command = Command::new("python3");
    command
        .arg(root.join("eval").join(corpus.script))
        .arg(predictions)
        .args(["--split", split, "--json"])
        .args(corpus.arguments)
        .args(more)
        .env("CORPORA", root);
    if errors {
        command.arg("--errors");
    }
    let output = command
        .output()
        .context("running python3, which the scoring scripts need")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("no reason given").to_owned();
        table.note(format!("{}: the scoring script failed: {last}", corpus.name));
        return Ok("not scored".to_owned());
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    let mut lines = answer.lines();
    let figures: Value =
        serde_json::from_str(lines.next().unwrap_or_default()).context("the answer of the scoring script")?;
    for line in lines {
        table.note(format!("{}{line}", corpus.name));
    }
    let shown = corpus
        .figures
        .iter()
        .filter_map(|(key, name)| Some(format!("{name} {}", figure(figures.get(key)?)?)));
    Ok(shown.collect::<Vec<_>>().join("  "))
}

/// A share with three digits; counts as they are.
fn figure(value: &Value) -> Option<String> {
    let number = value.as_f64()?;
    Some(if value.is_f64() {
        format!("{number:.3}")
    } else {
        number.to_string()
    })
}
