//! Every variable of the environment that Spendlog reads: the one list that parsing, help and `.env.example` share.

/// A variable of the environment.
#[derive(Debug)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether its value must never be shown, and can also be given in a file named by `<name>_FILE`.
    pub(crate) secret: bool,
    /// What holds when it is not set, in words or as the value itself.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
}

const fn open(name: &'static str, default: &'static str, about: &'static str) -> Variable {
    Variable {
        name,
        secret: false,
        default,
        about,
    }
}

const fn secret(name: &'static str, default: &'static str, about: &'static str) -> Variable {
    Variable {
        name,
        secret: true,
        default,
        about,
    }
}

/// All of them, in the order in which they are shown.
pub(crate) const VARIABLES: &[Variable] = &[
    open(
        "SPENDLOG_LISTEN",
        "127.0.0.1:8080",
        "Address and port of the HTTP server. Port 0 takes a free one.",
    ),
    open(
        "SPENDLOG_DATA",
        "./data",
        "Folder of the private PostgreSQL, of the files and of the master key.",
    ),
    secret(
        "DATABASE_URL",
        "",
        "A PostgreSQL server of yours, 15 or newer: postgres://user:password@host/database. Without it Spendlog runs its own.",
    ),
    open(
        "SPENDLOG_DATABASE_CONNECTIONS",
        "16",
        "Connections of this process to the database, 4 to 200.",
    ),
    open(
        "SPENDLOG_OBJECTS",
        "(objects in SPENDLOG_DATA)",
        "Where documents are kept, sealed: a folder, or s3://bucket/prefix.",
    ),
    open(
        "SPENDLOG_S3_ENDPOINT",
        "",
        "Address of an S3 service that is not Amazon's: https://host.",
    ),
    open("SPENDLOG_S3_REGION", "us-east-1", "Region of the buckets."),
    open("SPENDLOG_S3_ACCESS_KEY_ID", "", "Who we are for S3."),
    secret("SPENDLOG_S3_SECRET_ACCESS_KEY", "", "The secret that goes with it."),
    secret(
        "SPENDLOG_MASTER_KEY",
        "(a file master.key in SPENDLOG_DATA, made at the first start)",
        "64 hexadecimal digits: the key that wraps the owners' keys. Without it nothing stored can be read again.",
    ),
    open(
        "SPENDLOG_ROLES",
        "api,projections,processors,relay",
        "What this process does. Several processes may share the work. Without Kafka there is nothing to relay.",
    ),
    open(
        "SPENDLOG_KAFKA_BROKERS",
        "",
        "Kafka, through which processors hear of events: host:port, several separated by commas. Without it they hear from the journal itself.",
    ),
    open(
        "SPENDLOG_KAFKA_TOPIC",
        "spendlog.events",
        "The topic that the journal is published to. Dead letters go to <topic>.dead, consumer groups are called <topic>.<subscription>.",
    ),
    open(
        "SPENDLOG_KAFKA_PARTITIONS",
        "12",
        "How many partitions the topic is made with, 1 to 1000; `spendlog kafka switch` changes it later.",
    ),
    open(
        "SPENDLOG_KAFKA_REPLICATION",
        "auto",
        "On how many brokers each record is kept, 1 to 15; auto: as the brokers are configured.",
    ),
    secret(
        "SPENDLOG_EVENTSTOREDB",
        "",
        "An EventStoreDB instead of Kafka: esdb://user:password@host:2113. Only where Spendlog was built with --features eventstoredb.",
    ),
    open("SPENDLOG_WORKERS", "2", "Threads that answer HTTP, 1 to 64."),
    open(
        "SPENDLOG_OCR_ENGINE",
        "auto",
        "What recognises text on images: auto, ort, ocrs or tesseract.",
    ),
    open(
        "SPENDLOG_OCR_THREADS",
        "2",
        "Threads of the recognition, for all documents together, 1 to 64.",
    ),
    open(
        "SPENDLOG_MODELS",
        "(models in SPENDLOG_DATA)",
        "Folder of the recognition's weights and runtime.",
    ),
    open(
        "SPENDLOG_DOCUMENTS_AT_ONCE",
        "2",
        "Documents in the pipeline at the same time, 1 to 64.",
    ),
    open(
        "SPENDLOG_UPLOAD_LIMIT_MIB",
        "256",
        "The largest document taken, 1 to 4096.",
    ),
    open(
        "SPENDLOG_READ_TIME_LIMIT_S",
        "120",
        "Seconds that each step of reading one document may take, 1 to 3600; recognition of its pages comes on top, 20 minutes at most.",
    ),
    open(
        "SPENDLOG_READ_MEMORY_LIMIT_MIB",
        "1024",
        "Memory that the reading of one document may take, 128 to 65536.",
    ),
    open(
        "SPENDLOG_REGISTRATIONS_MAX",
        "600",
        "Registrations from one network address in an hour; 0 for no limit. Behind a reverse proxy all come from the proxy's: limit them there.",
    ),
    open(
        "SPENDLOG_SIGN_IN_FAILURES_MAX",
        "20",
        "Wrong passwords for one e-mail address from one network address in a quarter of an hour; 0 for no limit. Ten times as many for one e-mail address from anywhere, and from one network address that is not private: behind a reverse proxy all come from the proxy's, limit them there.",
    ),
    open(
        "SPENDLOG_SNAPSHOT_EVENTS",
        "100",
        "After how many events of a stream its state is kept, sealed, so that they need not be read again; 0 for never.",
    ),
    open(
        "SPENDLOG_ARCHIVE_AFTER_DAYS",
        "400",
        "Days after which `spendlog archive` moves events to the object store, unless it is told otherwise.",
    ),
    open(
        "SPENDLOG_SHUTDOWN_LIMIT_S",
        "20",
        "Seconds that open requests get at the end, 1 to 600.",
    ),
    open(
        "SPENDLOG_LOG",
        "info",
        "What is logged: a level, or directives as in info,spendlog_commands=debug.",
    ),
    open("SPENDLOG_LOG_FORMAT", "text", "How: text or json."),
];

/// Set for the tests of this repository; the server takes no notice.
pub(crate) const FOR_TESTS: &[&str] = &["SPENDLOG_TEST_DATABASE_URL"];

/// The text of `.env.example`.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# Everything that can be configured. Copy to .env, which `make run` reads, or set it in the environment.\n\
         # The shell reads it: a value with a space or one of & $ ; # stands between single quotes.\n\
         # Made by `spendlog config example`; a test holds it to what the server knows.\n",
    );
    for variable in VARIABLES {
        let Variable {
            name, default, about, ..
        } = variable;
        let literal = if default.starts_with('(') { "" } else { default };
        let unset = if default.starts_with('(') {
            format!(" Not set: {}.", &default[1..default.len() - 1])
        } else {
            String::new()
        };
        text.push_str(&format!("\n# {about}{unset}\n"));
        if variable.secret {
            text.push_str(&format!("# Or the name of a file that holds it: {name}_FILE.\n"));
        }
        text.push_str(&format!("#{name}={literal}\n"));
    }
    text
}
