//! Tests of the configuration.

use std::path::Path;

use super::*;

fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(
        vars.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn mistakes(vars: &[(&str, &str)]) -> String {
    config(vars).unwrap_err().0.join("\n")
}

#[test]
fn the_defaults_hold_where_nothing_is_set() {
    let config = config(&[("PATH", "/bin"), ("SPENDLOG_LISTEN", "")]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.models, PathBuf::from("./data/models"));
    assert!(matches!(config.objects, Objects::Folder(folder) if folder.as_path() == Path::new("./data/objects")));
    assert_eq!(
        config.roles,
        Roles {
            api: true,
            projections: true,
            processors: true,
            relay: true
        }
    );
    assert!(config.kafka.is_none());
    assert!(config.database_url.is_none() && config.master_key.is_none() && config.ocr_engine.is_none());
    assert_eq!(config.upload_limit_bytes, 256 * 1024 * 1024);
}

#[test]
fn every_mistake_is_named_at_once() {
    let said = mistakes(&[
        ("SPENDLOG_LISTEN", "here"),
        ("SPENDLOG_WORKERS", "0"),
        ("SPENDLOG_ROLES", "api,cook"),
        ("SPENDLOG_OCR_ENGINE", "eyes"),
        ("SPENDLOG_LISTN", "127.0.0.1:1"),
        ("SPENDLOG_WHATEVER_ELSE", "1"),
    ]);
    assert_eq!(
        said,
        "SPENDLOG_LISTN is not known; SPENDLOG_LISTEN is\n\
         SPENDLOG_WHATEVER_ELSE is not known; `spendlog config example` lists what is\n\
         SPENDLOG_LISTEN must be an address and a port, as in 127.0.0.1:8080, not `here`\n\
         SPENDLOG_ROLES must be a list of api, projections, processors and relay, not `api,cook`\n\
         SPENDLOG_WORKERS must be a number from 1 to 64, not `0`\n\
         SPENDLOG_OCR_ENGINE must be auto, ort, ocrs or tesseract, not `eyes`"
    );
}

#[test]
fn a_secret_can_come_from_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{}\n", "ab".repeat(32))).unwrap();
    let vars = [
        ("SPENDLOG_MASTER_KEY_FILE", path.to_str().unwrap()),
        ("DATABASE_URL", "postgres://u:hush@h/d"),
    ];
    let config = config(&vars).unwrap();
    assert_eq!(config.master_key.as_ref().unwrap().reveal(), "ab".repeat(32));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && !shown.contains("abab"), "{shown}");
    let settings = Config::settings(
        vars.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hush") && !shown.contains("abab"), "{shown}");
    assert!(
        settings
            .iter()
            .any(|setting| setting.name == "SPENDLOG_MASTER_KEY" && setting.set)
    );
}

#[test]
fn a_secret_given_twice_or_badly_is_refused_without_repeating_it() {
    let twice = mistakes(&[
        ("SPENDLOG_MASTER_KEY", "secret-one"),
        ("SPENDLOG_MASTER_KEY_FILE", "/nowhere"),
    ]);
    assert!(twice.contains("both set") && !twice.contains("secret-one"), "{twice}");
    let bad = mistakes(&[("SPENDLOG_MASTER_KEY", "secret-one")]);
    assert!(
        bad.contains("64 hexadecimal digits") && !bad.contains("secret-one"),
        "{bad}"
    );
    assert!(mistakes(&[("DATABASE_URL_FILE", "/nowhere/at/all")]).contains("cannot read"));
}

#[test]
fn a_bucket_needs_credentials() {
    assert!(mistakes(&[("SPENDLOG_OBJECTS", "s3://files/spendlog")]).contains("SPENDLOG_S3_ACCESS_KEY_ID"));
    let vars = [
        ("SPENDLOG_OBJECTS", "s3://files/spendlog/"),
        ("SPENDLOG_S3_ACCESS_KEY_ID", "us"),
        ("SPENDLOG_S3_SECRET_ACCESS_KEY", "hush"),
    ];
    let Objects::S3(s3) = config(&vars).unwrap().objects else {
        panic!("a bucket")
    };
    assert_eq!(
        (s3.bucket.as_str(), s3.prefix.as_str(), s3.service.region.as_str()),
        ("files", "spendlog", "us-east-1")
    );
}

#[test]
fn kafka_is_used_where_its_brokers_are_named() {
    let vars = [
        ("SPENDLOG_KAFKA_BROKERS", "a:9092,b:9092"),
        ("SPENDLOG_KAFKA_REPLICATION", "3"),
    ];
    let kafka = config(&vars).unwrap().kafka.unwrap();
    assert_eq!(
        (kafka.topic.as_str(), kafka.partitions, kafka.replication),
        ("spendlog.events", 12, Some(3))
    );
    let said = mistakes(&[
        ("SPENDLOG_KAFKA_TOPIC", "all events"),
        ("SPENDLOG_KAFKA_PARTITIONS", "0"),
        ("SPENDLOG_KAFKA_REPLICATION", "all"),
    ]);
    assert_eq!(
        said,
        "SPENDLOG_KAFKA_TOPIC must be a name of letters, digits, `.`, `_` and `-`, not `all events`\n\
         SPENDLOG_KAFKA_PARTITIONS must be a number from 1 to 1000, not `0`\n\
         SPENDLOG_KAFKA_REPLICATION must be auto or a number from 1 to 15, not `all`"
    );
}

#[test]
fn eventstoredb_is_taken_where_it_was_built_in_and_refused_where_it_was_not() {
    let secret = "esdb://admin:hunter2@localhost:2113";
    let set = config(&[("SPENDLOG_EVENTSTOREDB", secret)]);
    #[cfg(feature = "eventstoredb")]
    {
        assert!(!format!("{:?}", set.unwrap()).contains("hunter2"));
        let both = mistakes(&[("SPENDLOG_EVENTSTOREDB", secret), ("SPENDLOG_KAFKA_BROKERS", "a:9092")]);
        assert!(both.contains("one of them is enough"), "{both}");
        let wrong = mistakes(&[("SPENDLOG_EVENTSTOREDB", "http://admin:hunter2@localhost")]);
        assert!(
            wrong.contains("connection string") && !wrong.contains("hunter2"),
            "{wrong}"
        );
    }
    #[cfg(not(feature = "eventstoredb"))]
    {
        let said = set.unwrap_err().0.join("\n");
        assert!(
            said.contains("--features eventstoredb") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn roles_of_the_command_line_come_first() {
    let vars = [("SPENDLOG_ROLES", "api"), ("SPENDLOG_ROLES", "relay, processors")];
    let roles = config(&vars).unwrap().roles;
    assert!(!roles.api && !roles.projections && roles.processors && roles.relay);
}

#[test]
fn the_example_is_what_the_server_knows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.env.example");
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written,
        example(),
        "write it anew: spendlog config example > .env.example"
    );
}

#[test]
fn the_example_changes_nothing_when_taken_as_it_stands() {
    let example = example();
    let set = example.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        name.bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
            .then(|| (name.to_owned(), value.to_owned()))
    });
    let set: Vec<_> = set.collect();
    assert_eq!(set.len(), VARIABLES.len());
    let (taken, plain) = (Config::from_vars(set).unwrap(), Config::from_vars([]).unwrap());
    assert_eq!(format!("{taken:?}"), format!("{plain:?}"));
}
