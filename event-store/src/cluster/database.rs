//! Making a data folder, its settings, and the database in it.

use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;
use tokio_postgres::NoTls;

use super::{ClusterError, Durability, binaries::Binaries, place::Place};

/// The database, and the role whose it is.
pub(super) const NAME: &str = "spendlog";

/// Locales for the classes of letters, the first that the system has. Order is bytewise in both.
const LETTERS: [&str; 3] = ["C.UTF-8", "C.utf8", "C"];

/// Makes the data folder. It is made beside its place and moved there when whole, so that a crash leaves no half of one.
pub(super) async fn init(binaries: &Binaries, place: &Place) -> Result<(), ClusterError> {
    let half = place.data.with_extension("new");
    let mut said = String::new();
    for letters in LETTERS {
        if half.exists() {
            std::fs::remove_dir_all(&half).map_err(ClusterError::io("cannot remove", &half))?;
        }
        std::fs::create_dir(&half).map_err(ClusterError::io("cannot make", &half))?;
        place.give(&half)?;
        let mut command = Command::new(&binaries.initdb);
        place.as_user(&mut command);
        command.arg("-D").arg(&half).arg("--username").arg(NAME);
        command.args([
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--lc-collate=C",
            "--data-checksums",
        ]);
        command
            .args(["--locale=C", "--no-instructions"])
            .arg(format!("--lc-ctype={letters}"));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(ClusterError::io("cannot start", &binaries.initdb))?;
        if output.status.success() {
            return std::fs::rename(&half, &place.data).map_err(ClusterError::io("cannot move to", &place.data));
        }
        said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " | ");
        if !said.contains("locale") {
            break;
        }
    }
    Err(ClusterError::Initdb {
        data: place.data.clone(),
        said,
    })
}

/// What PostgreSQL is started with: given with each start, so that the data folder holds no settings of ours.
pub(super) fn settings(socket: &Path, durability: Durability) -> Vec<OsString> {
    // Tests run many servers at once on one cluster.
    let (on, connections) = match durability {
        Durability::Full => ("on", "160"),
        Durability::None => ("off", "300"),
    };
    let mut settings: Vec<(&str, OsString)> = [
        ("listen_addresses", ""),
        ("port", "5432"),
        ("unix_socket_permissions", "0700"),
        ("fsync", on),
        ("synchronous_commit", on),
        ("full_page_writes", on),
        ("max_connections", connections),
        ("shared_buffers", "128MB"),
        ("work_mem", "16MB"),
        ("maintenance_work_mem", "128MB"),
        ("max_wal_size", "2GB"),
        ("min_wal_size", "128MB"),
        ("checkpoint_timeout", "15min"),
        ("random_page_cost", "1.1"),
        ("max_worker_processes", "4"),
        ("max_parallel_workers_per_gather", "1"),
        ("jit", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("lc_messages", "C"),
        ("logging_collector", "off"),
        // Statements and details of errors hold what people wrote: they stay out of the log.
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_min_duration_statement", "-1"),
        ("log_statement", "none"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.into()))
    .collect();
    // The value is a list of folders: in quotes it is one, whatever signs it has.
    let mut folder = OsString::from("\"");
    folder.push(socket.to_string_lossy().replace('"', "\"\""));
    folder.push("\"");
    settings.push(("unix_socket_directories", folder));
    settings
        .into_iter()
        .flat_map(|(name, value)| {
            let mut setting = OsString::from(format!("{name}="));
            setting.push(value);
            [OsString::from("-c"), setting]
        })
        .collect()
}

/// How to connect to a database of the cluster.
pub(super) fn url(socket: &Path, database: &str) -> String {
    let mut host = String::new();
    for byte in socket.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => host.push(char::from(*byte)),
            other => {
                // Writing to a string can't fail.
                let _infallible = write!(host, "%{other:02X}");
            }
        }
    }
    format!("postgres://{NAME}@{host}:5432/{database}")
}

/// Succeeds when the cluster accepts connections and has our database.
pub(super) async fn ensure(socket: &Path) -> Result<(), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config
        .host_path(PathBuf::from(socket))
        .port(5432)
        .user(NAME)
        .dbname("postgres");
    config.connect_timeout(Duration::from_secs(5));
    let (client, connection) = config.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let there = client
        .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&NAME])
        .await?;
    if there.is_none() {
        client.batch_execute(&format!("CREATE DATABASE {NAME}")).await?;
    }
    drop(client);
    // It ends when the client is gone; how is of no interest.
    let _closed = connection.await;
    Ok(())
}

/// An error with its causes: the driver's own text is only `db error`.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
