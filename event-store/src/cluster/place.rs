//! Where the cluster stands, and whose it is.
//!
//! PostgreSQL refuses to run as root. Started as root, it runs as the user `postgres` (or `nobody`), who must be able
//! to reach the data: below a folder that is closed to others (root's home, say) this is not so. Then the data stand
//! in a folder of their own under `/var/lib/spendlog`, a link in the folder asked for leads there, and a note beside
//! the link says why.

use std::{
    fs::{DirBuilder, Metadata, Permissions},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::ClusterError;

/// What `sun_path` takes, less its closing zero.
const SOCKET_PATH_LIMIT_BYTES: usize = 107;
/// The name of the socket for port 5432.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Where the data stand when the unprivileged user can't reach the folder asked for.
const REACHABLE: &str = "/var/lib/spendlog";

/// The user that PostgreSQL runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunAs {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The folders of a cluster.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder asked for.
    pub(super) dir: PathBuf,
    /// PostgreSQL's data folder, links followed.
    pub(super) data: PathBuf,
    /// What holds it.
    home: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) log: PathBuf,
    /// None: the user that we are.
    pub(super) run_as: Option<RunAs>,
}

impl Place {
    /// Finds where the cluster of `dir` stands, or decides where it will.
    pub(super) fn choose(dir: &Path) -> Result<Self, ClusterError> {
        make_folder(dir, 0o755)?;
        let dir = dir.canonicalize().map_err(ClusterError::io("cannot find", dir))?;
        let entry = dir.join("cluster");
        let us = rustix::process::geteuid().as_raw();
        if let Ok(meta) = entry.metadata() {
            let data = entry.canonicalize().map_err(ClusterError::io("cannot find", &entry))?;
            let run_as = owner(&data, &meta, us)?;
            return Ok(Self::at(dir, &data, run_as));
        }
        let run_as = if us == 0 { Some(unprivileged()?) } else { None };
        let data = match run_as {
            Some(user) if !reachable(&dir, user) => elsewhere(&dir, &entry)?,
            _ => entry,
        };
        Ok(Self::at(dir, &data, run_as))
    }

    fn at(dir: PathBuf, data: &Path, run_as: Option<RunAs>) -> Self {
        let home = data.parent().unwrap_or(&dir).to_owned();
        let (lock, log) = (home.join("lock"), home.join("postgres.log"));
        Self {
            dir,
            data: data.to_owned(),
            home,
            lock,
            log,
            run_as,
        }
    }

    /// Lets `command` run as the cluster's user, with none of our environment: it may hold secrets, and settings of
    /// libpq's that were meant for another server.
    pub(super) fn as_user(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(&self.home);
        if let Some(user) = self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
    }

    /// Gives a file or folder to the cluster's user.
    pub(super) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        let Some(user) = self.run_as else { return Ok(()) };
        chown(path, Some(user.uid), Some(user.gid)).map_err(ClusterError::io("cannot give away", path))
    }

    /// The folder of the socket: closed to all but the cluster's user, and short enough for a socket's address.
    pub(super) fn socket_folder(&self) -> Result<PathBuf, ClusterError> {
        let folder = match self.home.join("run") {
            near if fits(&near) => near,
            _ => self.short_folder(),
        };
        make_folder(&folder, 0o700)?;
        let meta = folder
            .symlink_metadata()
            .map_err(ClusterError::io("cannot look at", &folder))?;
        let us = rustix::process::geteuid().as_raw();
        let user = self.run_as.map_or(us, |user| user.uid);
        // In a shared folder somebody else may have been there first, with a link or a folder of theirs.
        if !meta.is_dir() || (meta.uid() != us && meta.uid() != user) {
            return Err(ClusterError::Socket { dir: folder });
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))
            .map_err(ClusterError::io("cannot close", &folder))?;
        self.give(&folder)?;
        Ok(folder)
    }

    fn short_folder(&self) -> PathBuf {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.data.as_os_str().as_encoded_bytes());
        let key = hex::encode(&digest.as_ref()[..8]);
        let runtime = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|_| self.run_as.is_none());
        let near = runtime.map(|folder| folder.join(format!("spendlog-{key}")));
        near.filter(|folder| fits(folder))
            .unwrap_or_else(|| PathBuf::from(format!("/tmp/spendlog-{key}")))
    }
}

/// Whether a socket in this folder has an address that the system takes.
pub(super) fn fits(folder: &Path) -> bool {
    folder.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_LIMIT_BYTES
}

/// Who PostgreSQL must run as for data that are there.
fn owner(data: &Path, meta: &Metadata, us: u32) -> Result<Option<RunAs>, ClusterError> {
    match (us, meta.uid()) {
        (0, 0) => unprivileged().map(Some),
        (0, uid) => Ok(Some(RunAs { uid, gid: meta.gid() })),
        (us, uid) if us == uid => Ok(None),
        (us, owner) => Err(ClusterError::NotOurs {
            data: data.to_owned(),
            owner,
            us,
        }),
    }
}

fn unprivileged() -> Result<RunAs, ClusterError> {
    let path = Path::new("/etc/passwd");
    let users = std::fs::read_to_string(path).map_err(ClusterError::io("cannot read", path))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| user_named(&users, name))
        .ok_or(ClusterError::NoUser)
}

/// The user's ids in the text of a passwd file.
pub(super) fn user_named(passwd: &str, name: &str) -> Option<RunAs> {
    passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next() == Some(name)).then_some(())?;
        Some(RunAs {
            uid: parts.nth(1)?.parse().ok()?,
            gid: parts.next()?.parse().ok()?,
        })
    })
}

/// Whether the user may enter the folder and all that lead to it.
fn reachable(dir: &Path, user: RunAs) -> bool {
    dir.ancestors()
        .all(|folder| folder.metadata().is_ok_and(|meta| may_enter(&meta, user)))
}

fn may_enter(meta: &Metadata, user: RunAs) -> bool {
    let mode = meta.mode();
    let bit = match () {
        () if meta.uid() == user.uid => 0o100,
        () if meta.gid() == user.gid => 0o010,
        () => 0o001,
    };
    mode & bit != 0
}

/// Makes a folder that the unprivileged user can reach, and leads there from `entry`.
fn elsewhere(dir: &Path, entry: &Path) -> Result<PathBuf, ClusterError> {
    make_folder(Path::new(REACHABLE), 0o755)?;
    // A name of its own each time: a folder that was removed and made again must not find the data of the former one.
    let home = Path::new(REACHABLE).join(uuid::Uuid::now_v7().simple().to_string());
    make_folder(&home, 0o755)?;
    let data = home.join("cluster");
    let why = format!(
        "The database of {} stands in {}: PostgreSQL does not run as root, and the user that it runs as\n\
         cannot reach the former folder. Move or back up both together.\n",
        dir.display(),
        home.display()
    );
    for note in [
        dir.join("WHERE-THE-DATA-ARE.txt"),
        home.join("WHOSE-DATA-THESE-ARE.txt"),
    ] {
        std::fs::write(&note, &why).map_err(ClusterError::io("cannot write", &note))?;
    }
    // A link that leads nowhere is of a former cluster that somebody removed.
    if entry.symlink_metadata().is_ok() {
        std::fs::remove_file(entry).map_err(ClusterError::io("cannot remove", entry))?;
    }
    symlink(&data, entry).map_err(ClusterError::io("cannot link", entry))?;
    tracing::warn!(dir = %dir.display(), stands_in = %home.display(), "the database stands elsewhere, because its user cannot reach this folder");
    Ok(data)
}

/// Makes the folder and those that lead to it; one that is there keeps its mode.
fn make_folder(path: &Path, mode: u32) -> Result<(), ClusterError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(ClusterError::io("cannot make", path))
}
