//! A PostgreSQL cluster of our own: found, made, started, and stopped with the server.
//!
//! It listens on a unix socket in a folder that only its own user can enter, never on a network address, and is run
//! with full durability. The folder given to [`Cluster::start`] holds:
//!
//! | name | what it is |
//! |---|---|
//! | `cluster` | PostgreSQL's data folder, or a link to where it stands (see [`place`]) |
//! | `run` | the socket, where the path is short enough for one |
//! | `lock` | held by the server that uses the cluster |
//! | `postgres.log` | what PostgreSQL says; statements and values are kept out of it |

mod binaries;
mod database;
mod orphans;
mod place;
#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use self::{binaries::Binaries, place::Place};

/// How long a fast shutdown may take before it is reported as failed: it writes a checkpoint.
const STOP_LIMIT: Duration = Duration::from_secs(90);
/// How long whoever drops a cluster is held up by its shutdown.
const DROP_LIMIT: Duration = Duration::from_secs(30);
/// How long a start may take: after a crash it replays the log since the last checkpoint.
const START_LIMIT: Duration = Duration::from_secs(600);
/// The log is begun anew at the start when it is larger than this.
const LOG_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// Why the cluster can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No PostgreSQL server is installed.
    #[error(
        "no PostgreSQL server binaries found (looked in PATH, in `pg_config --bindir` and in /usr/lib/postgresql/*/bin); \
         install them with `make setup` or `apt-get install postgresql`, or set DATABASE_URL to a server that is there"
    )]
    NoBinaries,
    /// The data were made by another major version than those installed.
    #[error(
        "the data in {} were made by PostgreSQL {made_by}, and only {found} is installed; \
         install postgresql-{made_by}, or bring the data over with pg_upgrade", .data.display()
    )]
    OtherVersion {
        /// PostgreSQL's data folder.
        data: PathBuf,
        /// The major version that made it.
        made_by: String,
        /// The major versions installed.
        found: String,
    },
    /// Another server holds the data.
    #[error("another spendlog is running on {}; stop it first, or choose another folder", .dir.display())]
    InUse {
        /// The folder that is in use.
        dir: PathBuf,
    },
    /// The data belong to somebody else than the user running this.
    #[error(
        "the database in {} belongs to user id {owner}, and this is user id {us}; start it as that user, or as root", .data.display()
    )]
    NotOurs {
        /// PostgreSQL's data folder.
        data: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// PostgreSQL refuses to run as root, and there is nobody else.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor a user `nobody` to run it as"
    )]
    NoUser,
    /// The folder of the socket belongs to somebody else.
    #[error("{} is not a folder that only the database's user can enter, so its socket can't stand there", .dir.display())]
    Socket {
        /// The folder.
        dir: PathBuf,
    },
    /// A PostgreSQL of an earlier run neither serves us nor ends.
    #[error("PostgreSQL (process {pid}) of an earlier run still uses {} and does not stop", .data.display())]
    Orphan {
        /// Its process.
        pid: i32,
        /// PostgreSQL's data folder.
        data: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb could not make a database in {}: {said}", .data.display())]
    Initdb {
        /// Where it was to be made.
        data: PathBuf,
        /// What it said.
        said: String,
    },
    /// PostgreSQL ended before it accepted a connection.
    #[error("PostgreSQL ended during its start ({status}); the end of {}: {said}", .log.display())]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        said: String,
    },
    /// It did not begin to accept connections.
    #[error("PostgreSQL accepted no connection within {} s: {said}", START_LIMIT.as_secs())]
    NotReady {
        /// The last refusal.
        said: String,
    },
    /// It did not end.
    #[error("PostgreSQL (process {pid}) did not stop within {} s", STOP_LIMIT.as_secs())]
    NotStopped {
        /// Its process.
        pid: i32,
    },
    /// A file or folder could not be made, read or changed.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ClusterError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Whether what was committed must outlive a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It must: fsync and synchronous_commit are on.
    Full,
    /// The data are thrown away anyway: for tests.
    None,
}

/// A running PostgreSQL that serves this process alone.
///
/// Dropped without [`Cluster::stop`], or before it has started, it is told to stop and waited for a while.
#[derive(Debug)]
pub struct Cluster {
    child: Option<Child>,
    pid: i32,
    url: String,
    socket: PathBuf,
    place: Place,
    _lock: File,
}

impl Cluster {
    /// Makes the cluster in `dir` where there is none, and starts it with full durability.
    ///
    /// A postmaster that an earlier server left behind when it was killed is stopped first.
    ///
    /// # Errors
    /// See [`ClusterError`]; each says what to do.
    pub async fn start(dir: &Path) -> Result<Self, ClusterError> {
        Self::start_with(dir, Durability::Full).await
    }

    /// As [`Cluster::start`], with a choice of durability.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn start_with(dir: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let installed = Binaries::find()?;
        let place = Place::choose(dir)?;
        let lock = hold(&place)?;
        orphans::settle(&place.data).await?;
        let binaries = Binaries::fitting(&installed, &place.data)?;
        if !place.data.join("PG_VERSION").exists() {
            database::init(&binaries, &place).await?;
        }
        let socket = place.socket_folder()?;
        let log = open_log(&place.log)?;
        let begin = log.metadata().map(|m| m.len()).unwrap_or(0);
        let mut command = Command::new(&binaries.postgres);
        place.as_user(&mut command);
        command
            .arg("-D")
            .arg(&place.data)
            .args(database::settings(&socket, durability));
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(ClusterError::io("cannot use", &place.log))?);
        command.stderr(log);
        // A group of its own: Ctrl-C at the terminal is for the server, which stops PostgreSQL when it has drained.
        command.process_group(0);
        let child = command
            .spawn()
            .map_err(ClusterError::io("cannot start", &binaries.postgres))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        let mut cluster = Self {
            child: Some(child),
            pid,
            url: database::url(&socket, database::NAME),
            socket: socket.clone(),
            place,
            _lock: lock,
        };
        cluster.await_start(&socket, begin).await?;
        tracing::info!(pid, data = %cluster.place.data.display(), "PostgreSQL started");
        Ok(cluster)
    }

    /// Refuses where another server uses the cluster of `dir`. Makes nothing there, and holds nothing afterwards.
    ///
    /// # Errors
    /// [`ClusterError::InUse`], or whatever else there is against using it.
    pub fn refuse_second(dir: &Path) -> Result<(), ClusterError> {
        // Where no cluster stands nobody uses one, and looking for its place would choose one.
        if dir.join("cluster").exists() {
            drop(hold(&Place::choose(dir)?)?);
        }
        Ok(())
    }

    /// How to connect to the cluster of `dir` that another process has started: for commands of an operator beside a
    /// running server.
    ///
    /// # Errors
    /// [`ClusterError`] when there is none, or it is not ours to enter.
    pub fn address(dir: &Path) -> Result<String, ClusterError> {
        let place = Place::choose(dir)?;
        Ok(database::url(&place.socket_folder()?, database::NAME))
    }

    /// How to connect to its database: a URL that sqlx and tokio-postgres both take.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// PostgreSQL's data folder.
    pub fn data(&self) -> &Path {
        &self.place.data
    }

    /// The postmaster's process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Resolves when PostgreSQL has ended, which before [`Cluster::stop`] nobody asked it to.
    pub async fn ended(&mut self) {
        if let Some(child) = &mut self.child {
            // An error means that the process can't be waited for any more: it has ended.
            let _ended = child.wait().await;
        }
    }

    /// Stops it: rolls back what is open, writes a checkpoint, and waits until it has ended.
    ///
    /// # Errors
    /// [`ClusterError::NotStopped`] when it takes too long; it goes on stopping then.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        self.tell_to_stop();
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        match tokio::time::timeout(STOP_LIMIT, child.wait()).await {
            Ok(_) => {
                // Empty by now; in a shared folder nobody would ever clear it away.
                let _kept = std::fs::remove_dir(&self.socket);
                Ok(())
            }
            Err(_) => Err(ClusterError::NotStopped { pid: self.pid }),
        }
    }

    fn tell_to_stop(&self) {
        // SIGINT is what PostgreSQL calls a fast shutdown. It fails only when the process is gone, which is the aim.
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _gone = kill_process(pid, Signal::INT);
        }
    }

    async fn await_start(&mut self, socket: &Path, log_begin: u64) -> Result<(), ClusterError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                self.child = None;
                let said = tail(&self.place.log, log_begin);
                return Err(ClusterError::Ended {
                    status,
                    log: self.place.log.clone(),
                    said,
                });
            }
            match database::ensure(socket).await {
                Ok(()) => return Ok(()),
                Err(error) if begin.elapsed() > START_LIMIT => {
                    return Err(ClusterError::NotReady {
                        said: database::describe(&error),
                    });
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        self.tell_to_stop();
        // This holds up a thread, but mostly of a process that is about to end, and whose end may be PostgreSQL's: the first
        // process of a container takes all others with it.
        let told = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && told.elapsed() < DROP_LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Takes the lock that says "a server uses this"; the kernel lets it go when that server's process ends.
fn hold(place: &Place) -> Result<File, ClusterError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&place.lock)
        .map_err(ClusterError::io("cannot open", &place.lock))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClusterError::InUse { dir: place.dir.clone() }),
        Err(TryLockError::Error(source)) => Err(ClusterError::Io {
            what: "cannot lock",
            path: place.lock.clone(),
            source,
        }),
    }
}

fn open_log(path: &Path) -> Result<File, ClusterError> {
    let large = path.metadata().is_ok_and(|m| m.len() > LOG_LIMIT_BYTES);
    if large {
        std::fs::remove_file(path).map_err(ClusterError::io("cannot begin anew", path))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(ClusterError::io("cannot open", path))
}

/// The last lines that came to the log after byte `begin`.
fn tail(path: &Path, begin: u64) -> String {
    let mut said = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map(|m| m.len()).unwrap_or(0);
        if file
            .seek(SeekFrom::Start(begin.max(length.saturating_sub(4096))))
            .is_ok()
        {
            // What can be read of it is better than nothing.
            let _partial = file.take(4096).read_to_end(&mut said);
        }
    }
    let text = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}
