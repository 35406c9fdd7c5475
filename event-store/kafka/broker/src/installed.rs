//! Where Kafka's jars are, and whether there is a Java to run them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Says which version is fetched.
const POM: &str = include_str!("../pom.xml");
/// The oldest Java that runs the broker.
const JAVA: u32 = 17;

/// Kafka's jars, and the settings of their log beside them.
#[derive(Debug)]
pub(crate) struct Installed {
    jars: PathBuf,
}

impl Installed {
    /// Finds it. If it is not there, says so, once in a process, past the capture of a test's output.
    pub(crate) fn find() -> Option<&'static Self> {
        static FOUND: LazyLock<Option<Installed>> = LazyLock::new(|| {
            look()
                .inspect_err(|reason| {
                    let line =
                        format!("\n*** No Apache Kafka for the tests: {reason}. What needs it is NOT tested. ***\n\n");
                    // Nobody can be told when this fails.
                    let _told = std::io::stderr().write_all(line.as_bytes());
                })
                .ok()
        });
        FOUND.as_ref()
    }

    /// A program of Kafka's, by its class.
    pub(crate) fn java(&self, options: &[&str], class: &str) -> Command {
        let mut command = Command::new("java");
        let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("log4j2.properties");
        command.args(options).arg("-cp").arg(self.jars.join("*"));
        command
            .arg(format!("-Dlog4j2.configurationFile={}", log.display()))
            .arg(class);
        command
    }
}

fn look() -> Result<Installed, String> {
    let jars = folder().ok_or("there is no home folder to look for it in")?;
    if !jars.is_dir() {
        return Err(format!("{} is not there; scripts/kafka.sh fetches it", jars.display()));
    }
    match java_version() {
        Some(version) if version >= JAVA => Ok(Installed { jars }),
        Some(version) => Err(format!("it needs Java {JAVA} or newer, and this is {version}")),
        None => Err("there is no Java here; scripts/kafka.sh installs one".to_owned()),
    }
}

/// Where `scripts/kafka.sh` puts the jars: outside of the checkout, for all checkouts.
fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("SPENDLOG_TEST_KAFKA") {
        return Some(folder.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join(format!("spendlog/kafka-{}", version())))
}

/// The version of the pom itself, which is Kafka's.
fn version() -> &'static str {
    let version = POM
        .split_once("<version>")
        .and_then(|(_, rest)| rest.split_once("</version>"));
    version.map_or("", |(version, _)| version)
}

/// Java's major version, out of `openjdk 17.0.15 2025-04-15`.
fn java_version() -> Option<u32> {
    let said = Command::new("java").arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split_whitespace()
        .nth(1)?
        .split(['.', '-', '+'])
        .next()?
        .parse()
        .ok()
}
