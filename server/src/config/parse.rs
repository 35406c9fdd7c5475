//! From the environment to the typed configuration, with every mistake named at once.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZero,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use spendlog_domain::documents::EngineChoice;
use spendlog_kafka::KafkaConfig;

use super::{
    Config, LogFormat, Objects, Roles, S3Service, Secret,
    variables::{FOR_TESTS, VARIABLES, Variable},
};

const MIB: u64 = 1024 * 1024;

/// What is wrong with the environment: one line for each mistake.
#[derive(Debug, thiserror::Error)]
#[error("the configuration can't be used:\n  {}", .0.join("\n  "))]
pub(crate) struct ConfigError(pub Vec<String>);

/// A variable, and what holds for it: for people to look at.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The variable's name.
    pub(crate) name: &'static str,
    /// Its value, or that of its default; of a secret only whether there is one.
    pub(crate) value: String,
    /// Whether it is set.
    pub(crate) set: bool,
}

impl Config {
    /// Reads the environment of this process; roles that are named on the command line come before those in it.
    ///
    /// # Errors
    /// Every variable that is unknown, twice given, unreadable or out of its bounds. Values of secrets are not repeated.
    pub(crate) fn from_env(roles: Option<&str>) -> Result<Self, ConfigError> {
        let vars =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::from_vars(vars.chain(roles.map(|roles| ("SPENDLOG_ROLES".to_owned(), roles.to_owned()))))
    }

    /// Reads these variables; those that are not Spendlog's are passed over.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub(crate) fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut given = Given::new(vars);
        let data = PathBuf::from(given.text("SPENDLOG_DATA"));
        let s3 = given.s3();
        let config = Self {
            listen: given.parsed(
                "SPENDLOG_LISTEN",
                "an address and a port, as in 127.0.0.1:8080",
                |text| text.parse::<SocketAddr>().ok(),
            ),
            database_url: given.secret("DATABASE_URL"),
            database_connections: given.number("SPENDLOG_DATABASE_CONNECTIONS", 4, 200),
            objects: given.objects(&data, s3.as_ref()),
            s3,
            master_key: given.master_key(),
            roles: given.roles(),
            kafka: given.kafka(),
            #[cfg(feature = "eventstoredb")]
            eventstoredb: given.eventstoredb(),
            workers: given.number("SPENDLOG_WORKERS", 1, 64),
            ocr_engine: given.parsed("SPENDLOG_OCR_ENGINE", "auto, ort, ocrs or tesseract", engine),
            ocr_threads: given.number("SPENDLOG_OCR_THREADS", 1, 64),
            models: given
                .optional("SPENDLOG_MODELS")
                .map_or_else(|| data.join("models"), PathBuf::from),
            documents_at_once: given.number("SPENDLOG_DOCUMENTS_AT_ONCE", 1, 64),
            upload_limit_bytes: given.number::<u64>("SPENDLOG_UPLOAD_LIMIT_MIB", 1, 4096) * MIB,
            read_time_limit: Duration::from_secs(given.number("SPENDLOG_READ_TIME_LIMIT_S", 1, 3600)),
            read_memory_limit_bytes: given.number::<u64>("SPENDLOG_READ_MEMORY_LIMIT_MIB", 128, 65536) * MIB,
            registrations_max: given.number("SPENDLOG_REGISTRATIONS_MAX", 0, 1_000_000),
            sign_in_failures_max: given.number("SPENDLOG_SIGN_IN_FAILURES_MAX", 0, 1_000_000),
            snapshot_events: NonZero::new(given.number("SPENDLOG_SNAPSHOT_EVENTS", 0, 1_000_000)),
            archive_after_days: given.number("SPENDLOG_ARCHIVE_AFTER_DAYS", 0, 36_500),
            shutdown_limit: Duration::from_secs(given.number("SPENDLOG_SHUTDOWN_LIMIT_S", 1, 600)),
            log: given.text("SPENDLOG_LOG"),
            log_format: given.parsed("SPENDLOG_LOG_FORMAT", "text or json", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }),
            data,
        };
        #[cfg(not(feature = "eventstoredb"))]
        if given.secret("SPENDLOG_EVENTSTOREDB").is_some() {
            let built =
                "SPENDLOG_EVENTSTOREDB is set, and this program was built without: cargo build --features eventstoredb";
            given.mistakes.push(built.to_owned());
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log) {
            given
                .mistakes
                .push(format!("SPENDLOG_LOG is no filter of log lines: {error}"));
        }
        if given.mistakes.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(given.mistakes))
        }
    }

    /// What holds for each variable, in the order of the documentation.
    pub(crate) fn settings(vars: impl IntoIterator<Item = (String, String)>) -> Vec<Setting> {
        let given = Given::new(vars);
        let describe = |variable: &Variable| {
            let from_file = given.vars.contains_key(&format!("{}_FILE", variable.name));
            let value = given.vars.get(variable.name);
            let shown = match (value, variable.secret) {
                _ if from_file => "(secret, from a file)".to_owned(),
                (Some(_), true) => "(secret)".to_owned(),
                (Some(value), false) => value.clone(),
                (None, _) if variable.default.is_empty() => "(none)".to_owned(),
                (None, _) => variable.default.to_owned(),
            };
            Setting {
                name: variable.name,
                value: shown,
                set: from_file || value.is_some(),
            }
        };
        VARIABLES.iter().map(describe).collect()
    }
}

/// The variables as given, and the mistakes found so far.
struct Given {
    vars: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Given {
    fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| name.starts_with("SPENDLOG_") || name == "DATABASE_URL" || name == "DATABASE_URL_FILE";
        // An empty variable is one that is not set: so compose files and shells have it.
        let vars: BTreeMap<_, _> = vars
            .into_iter()
            .filter(|(name, value)| ours(name) && !value.is_empty())
            .collect();
        let known = |name: &str| {
            let plain = VARIABLES
                .iter()
                .any(|v| v.name == name || (v.secret && name.strip_suffix("_FILE") == Some(v.name)));
            plain || FOR_TESTS.contains(&name)
        };
        let mistakes = vars
            .keys()
            .filter(|name| !known(name))
            .map(|name| unknown(name))
            .collect();
        Self { vars, mistakes }
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    /// The value, or the default, which must be a value itself.
    fn text(&self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| default_of(name).to_owned())
    }

    /// The value as `parse` understands it; of a mistake, which is noted, the default's, so that the others are found too.
    fn parsed<T>(&mut self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let text = self.text(name);
        if let Some(value) = parse(&text) {
            return value;
        }
        self.mistakes.push(format!("{name} must be {expected}, not `{text}`"));
        #[expect(clippy::expect_used, reason = "a test parses every default")]
        parse(default_of(name)).expect("a default can be parsed")
    }

    fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(&mut self, name: &str, least: T, most: T) -> T {
        self.parsed(name, &format!("a number from {least} to {most}"), |text| {
            text.parse().ok().filter(|number| *number >= least && *number <= most)
        })
    }

    fn secret(&mut self, name: &str) -> Option<Secret> {
        let file = self.optional(&format!("{name}_FILE"));
        match (self.optional(name), file) {
            (Some(_), Some(_)) => {
                self.mistakes
                    .push(format!("{name} and {name}_FILE are both set: one of them is enough"));
                None
            }
            (Some(value), None) => Some(Secret(value)),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(Secret(text.trim_end().to_owned())),
                Err(error) => {
                    self.mistakes.push(format!("{name}_FILE: cannot read {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn master_key(&mut self) -> Option<Secret> {
        let key = self.secret("SPENDLOG_MASTER_KEY")?;
        let hex = key.reveal();
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.mistakes.push(
                "SPENDLOG_MASTER_KEY must be 64 hexadecimal digits (`openssl rand -hex 32` makes some)".to_owned(),
            );
        }
        Some(key)
    }

    fn roles(&mut self) -> Roles {
        self.parsed(
            "SPENDLOG_ROLES",
            "a list of api, projections, processors and relay",
            |text| {
                let mut roles = Roles {
                    api: false,
                    projections: false,
                    processors: false,
                    relay: false,
                };
                for role in text.split(',').map(str::trim) {
                    match role {
                        "api" => roles.api = true,
                        "projections" => roles.projections = true,
                        "processors" => roles.processors = true,
                        "relay" => roles.relay = true,
                        _ => return None,
                    }
                }
                Some(roles)
            },
        )
    }

    #[cfg(feature = "eventstoredb")]
    fn eventstoredb(&mut self) -> Option<spendlog_eventstoredb::EventStoreDb> {
        let server = self.secret("SPENDLOG_EVENTSTOREDB")?;
        if self.optional("SPENDLOG_KAFKA_BROKERS").is_some() {
            let both = "SPENDLOG_EVENTSTOREDB and SPENDLOG_KAFKA_BROKERS are both set: one of them is enough";
            self.mistakes.push(both.to_owned());
        }
        let server = spendlog_eventstoredb::EventStoreDb::new(server.reveal());
        let note = |error| self.mistakes.push(format!("SPENDLOG_EVENTSTOREDB: {error}"));
        server.map_err(note).ok()
    }

    fn kafka(&mut self) -> Option<KafkaConfig> {
        let topic = self.parsed(
            "SPENDLOG_KAFKA_TOPIC",
            "a name of letters, digits, `.`, `_` and `-`",
            |text| {
                let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
                (text.len() <= 200 && text.bytes().all(legal)).then(|| text.to_owned())
            },
        );
        let partitions = self.number("SPENDLOG_KAFKA_PARTITIONS", 1, 1000);
        let replication = self.parsed(
            "SPENDLOG_KAFKA_REPLICATION",
            "auto or a number from 1 to 15",
            |text| match text {
                "auto" => Some(None),
                number => number.parse().ok().filter(|number| (1..=15).contains(number)).map(Some),
            },
        );
        Some(KafkaConfig {
            brokers: self.optional("SPENDLOG_KAFKA_BROKERS")?,
            topic,
            partitions,
            replication,
        })
    }

    fn s3(&mut self) -> Option<S3Service> {
        let secret_access_key = self.secret("SPENDLOG_S3_SECRET_ACCESS_KEY");
        let access_key_id = self.optional("SPENDLOG_S3_ACCESS_KEY_ID");
        Some(S3Service {
            endpoint: self.optional("SPENDLOG_S3_ENDPOINT"),
            region: self.text("SPENDLOG_S3_REGION"),
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
        })
    }

    fn objects(&mut self, data: &Path, s3: Option<&S3Service>) -> Objects {
        let place = self.optional("SPENDLOG_OBJECTS");
        let Some(bucket) = place.as_deref().and_then(|place| place.strip_prefix("s3://")) else {
            return Objects::Folder(place.map_or_else(|| data.join("objects"), PathBuf::from));
        };
        let mistake = match s3.map(|service| service.bucket(bucket)) {
            Some(Some(s3)) => return Objects::S3(s3),
            Some(None) => "SPENDLOG_OBJECTS names no bucket: s3://bucket/prefix",
            None => {
                "with SPENDLOG_OBJECTS=s3://…, SPENDLOG_S3_ACCESS_KEY_ID and SPENDLOG_S3_SECRET_ACCESS_KEY must be set"
            }
        };
        self.mistakes.push(mistake.to_owned());
        Objects::Folder(data.join("objects"))
    }
}

/// The default of a variable; empty where it has none.
fn default_of(name: &str) -> &'static str {
    let variable = VARIABLES.iter().find(|variable| variable.name == name);
    variable.map_or("", |variable| variable.default)
}

fn engine(text: &str) -> Option<Option<EngineChoice>> {
    match text {
        "auto" => Some(None),
        _ => text.parse().ok().map(Some),
    }
}

fn unknown(name: &str) -> String {
    let near = VARIABLES
        .iter()
        .map(|variable| (strsim::levenshtein(variable.name, name), variable.name))
        .min();
    match near {
        Some((steps, near)) if steps <= 3 => format!("{name} is not known; {near} is"),
        _ => format!("{name} is not known; `spendlog config example` lists what is"),
    }
}
