//! The configuration: the environment, read once, checked whole, typed. There is no other source.

mod parse;
#[cfg(test)]
mod tests;
mod variables;

use std::{fmt, net::SocketAddr, num::NonZero, path::PathBuf, time::Duration};

use spendlog_domain::documents::EngineChoice;
use spendlog_kafka::KafkaConfig;

pub(crate) use self::variables::example;
#[cfg(test)]
use self::{parse::ConfigError, variables::VARIABLES};

/// A value that is never shown.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// The value, for the place that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where files are kept.
#[derive(Clone, Debug)]
pub(crate) enum Objects {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a bucket of an S3 service.
    S3(S3),
}

/// A bucket of an S3 service.
#[derive(Clone, Debug)]
pub(crate) struct S3 {
    /// Its name.
    pub(crate) bucket: String,
    /// What the names of our objects begin with; may be empty.
    pub(crate) prefix: String,
    /// The service.
    pub(crate) service: S3Service,
}

/// An S3 service.
#[derive(Clone, Debug)]
pub(crate) struct S3Service {
    /// The service's address, where it is not Amazon's.
    pub(crate) endpoint: Option<String>,
    /// The region of our buckets.
    pub(crate) region: String,
    /// Who we are there.
    pub(crate) access_key_id: String,
    /// The secret that goes with it.
    pub(crate) secret_access_key: Secret,
}

impl S3Service {
    /// The bucket, and what the names in it begin with, that `bucket/prefix` says; none without a bucket.
    pub(crate) fn bucket(&self, place: &str) -> Option<S3> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        (!bucket.is_empty()).then(|| S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            service: self.clone(),
        })
    }
}

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// Answers HTTP requests.
    pub(crate) api: bool,
    /// Brings the read tables up to date.
    pub(crate) projections: bool,
    /// Takes documents through the pipeline.
    pub(crate) processors: bool,
    /// Publishes the journal to Kafka, where there is one.
    pub(crate) relay: bool,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The folder of all that is kept on this machine.
    pub(crate) data: PathBuf,
    /// A database server; none: our own.
    pub(crate) database_url: Option<Secret>,
    /// Connections to it.
    pub(crate) database_connections: u32,
    /// Where files are kept.
    pub(crate) objects: Objects,
    /// The S3 service, where we are known to one.
    pub(crate) s3: Option<S3Service>,
    /// The master key in hexadecimal digits; none: from a file in `data`.
    pub(crate) master_key: Option<Secret>,
    /// What this process does.
    pub(crate) roles: Roles,
    /// By which the processors hear of events; none: from the journal itself.
    pub(crate) kafka: Option<KafkaConfig>,
    /// The same by EventStoreDB.
    #[cfg(feature = "eventstoredb")]
    pub(crate) eventstoredb: Option<spendlog_eventstoredb::EventStoreDb>,
    /// Threads that answer HTTP.
    pub(crate) workers: usize,
    /// The engine asked for; none: the best that is there.
    pub(crate) ocr_engine: Option<EngineChoice>,
    /// Threads of the recognition.
    pub(crate) ocr_threads: usize,
    /// Folder of weights and runtime.
    pub(crate) models: PathBuf,
    /// Documents in the pipeline at the same time.
    pub(crate) documents_at_once: usize,
    /// Bytes of the largest document taken.
    pub(crate) upload_limit_bytes: u64,
    /// Wall time that reading one document may take.
    pub(crate) read_time_limit: Duration,
    /// Memory that reading one document may take.
    pub(crate) read_memory_limit_bytes: u64,
    /// Registrations from one network address in an hour; 0: no limit.
    pub(crate) registrations_max: u32,
    /// Wrong passwords for one e-mail address from one network address in a quarter of an hour; 0: no limit.
    pub(crate) sign_in_failures_max: u32,
    /// After how many events of a stream its state is kept; none: never.
    pub(crate) snapshot_events: Option<NonZero<u32>>,
    /// Days after which events are archived, where nothing else is asked for.
    pub(crate) archive_after_days: u32,
    /// How long open requests get at the end.
    pub(crate) shutdown_limit: Duration,
    /// What is logged.
    pub(crate) log: String,
    /// How it is written.
    pub(crate) log_format: LogFormat,
}
