//! Bars at the terminal: how far something has come, and how long the rest will take.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts events, or whatever it is told to.
pub(crate) fn bar(what: &str) -> ProgressBar {
    let template = format!("{{bar:30}} {{human_pos}} of {{human_len}} {what}, {{per_sec}}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

/// Shows that so many of all are done. What is less than none counts as none.
pub(crate) fn show<N: TryInto<u64>>(bar: &ProgressBar, seen: N, all: N) {
    bar.set_length(all.try_into().unwrap_or(0));
    bar.set_position(seen.try_into().unwrap_or(0));
}
