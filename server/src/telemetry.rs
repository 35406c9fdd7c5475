//! The log: to standard error, as text or as one JSON object a line.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{Config, LogFormat};

/// Begins logging. Called once.
pub(crate) fn begin(config: &Config) {
    // Checked with the configuration; the level is a fallback that never comes to pass.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(filter_fn(tells_nothing_personal));
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// Whatever is asked to be logged: the database's client tells the values of its queries, and those are people's texts.
fn tells_nothing_personal(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || !metadata.target().starts_with("tokio_postgres")
}
