//! Regular expressions that are compiled once.

/// A regular expression by name.
macro_rules! regex {
    ($visibility:vis $name:ident, $pattern:expr) => {
        $visibility static $name: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
            #[allow(clippy::expect_used, reason = "the pattern is a constant, and a test uses each")]
            regex::Regex::new($pattern).expect("constant pattern")
        });
    };
}
pub(crate) use regex;
