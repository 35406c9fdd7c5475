//! The table and the file.

use std::path::Path;

use serde_json::{Value, json};

/// What came of one measurement.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: String,
    /// Our figure: the median of the rounds.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: &'static str,
    /// Half of the answers took no longer, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// 99 in 100 answers took no longer, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// What stood beside it, and its figure.
    pub(crate) beside: Option<(&'static str, f64)>,
    /// Ours over the other, round by round; the median.
    pub(crate) ratio: Option<f64>,
}

impl Measured {
    /// Of rounds taken in turns.
    pub(crate) fn of(name: &str, unit: &'static str, peer: &'static str, ours: &[f64], beside: &[f64]) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(beside).map(|(a, b)| a / b).collect();
        Self {
            beside: Some((peer, median(beside))),
            ratio: Some(median(&ratios)),
            ..Self::alone(name, unit, ours)
        }
    }

    /// Of rounds with nothing beside them.
    pub(crate) fn alone(name: &str, unit: &'static str, ours: &[f64]) -> Self {
        Self {
            name: name.to_owned(),
            value: median(ours),
            unit,
            p50_ms: None,
            p99_ms: None,
            beside: None,
            ratio: None,
        }
    }

    /// With the times of single answers, in seconds.
    pub(crate) fn with_times(mut self, mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |part: usize| {
            seconds
                .get((seconds.len().saturating_sub(1)) * part / 100)
                .map(|s| s * 1e3)
        };
        (self.p50_ms, self.p99_ms) = (at(50), at(99));
        self
    }
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// All measurements of a run.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Measured>);

impl Report {
    /// Adds one.
    pub(crate) fn add(&mut self, measured: Measured) {
        self.0.push(measured);
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!(
            "{:<22} {:>12} {:<14} {:>9} {:>9} {:>7}  beside",
            "name", "value", "unit", "p50 ms", "p99 ms", "ratio"
        );
        for m in &self.0 {
            let optional = |value: Option<f64>| value.map_or(String::from("–"), |v| format!("{v:.2}"));
            let beside = m
                .beside
                .map_or(String::new(), |(what, value)| format!("{value:.0} {what}"));
            println!(
                "{:<22} {:>12} {:<14} {:>9} {:>9} {:>7}  {beside}",
                m.name,
                if m.value < 100.0 {
                    format!("{:.1}", m.value)
                } else {
                    format!("{:.0}", m.value)
                },
                m.unit,
                optional(m.p50_ms),
                optional(m.p99_ms),
                optional(m.ratio)
            );
        }
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let rows: Vec<Value> = self
            .0
            .iter()
            .map(|m| {
                json!({
                    "name": m.name, "value": m.value, "unit": m.unit, "p50_ms": m.p50_ms, "p99_ms": m.p99_ms,
                    "beside": m.beside.map(|(_, value)| value), "ratio": m.ratio,
                })
            })
            .collect();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")?;
        Ok(())
    }
}
