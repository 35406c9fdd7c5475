//! Where PostgreSQL is installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::ClusterError;

/// The programs of one installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The server.
    pub(super) postgres: PathBuf,
    /// The program that makes a data folder.
    pub(super) initdb: PathBuf,
}

impl Binaries {
    /// All that are installed, the preferred one first: those in PATH, then that of `pg_config`, then Debian's, newest first.
    pub(super) fn find() -> Result<Vec<Self>, ClusterError> {
        let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
            .map(|p| std::env::split_paths(&p).collect())
            .unwrap_or_default();
        folders.extend(pg_config_bindir());
        folders.extend(debian_folders(Path::new("/usr/lib/postgresql")));
        let mut found: Vec<Self> = Vec::new();
        for folder in folders {
            if let Some(binaries) = Self::within(&folder)
                && !found.contains(&binaries)
            {
                found.push(binaries);
            }
        }
        if found.is_empty() {
            Err(ClusterError::NoBinaries)
        } else {
            Ok(found)
        }
    }

    /// The first of those installed that can open `data`; the first of all where there is nothing yet.
    pub(super) fn fitting(installed: &[Self], data: &Path) -> Result<Self, ClusterError> {
        let Ok(made_by) = std::fs::read_to_string(data.join("PG_VERSION")) else {
            return installed.first().cloned().ok_or(ClusterError::NoBinaries);
        };
        let made_by = made_by.trim().to_owned();
        let mut versions = Vec::new();
        for binaries in installed {
            match binaries.major() {
                Some(major) if major == made_by => return Ok(binaries.clone()),
                Some(major) => versions.push(major),
                None => {}
            }
        }
        Err(ClusterError::OtherVersion {
            data: data.to_owned(),
            made_by,
            found: versions.join(", "),
        })
    }

    fn within(folder: &Path) -> Option<Self> {
        // Links are followed: PostgreSQL finds its other files beside the real program.
        let postgres = folder.join("postgres").canonicalize().ok()?;
        let initdb = folder.join("initdb").canonicalize().ok()?;
        (postgres.is_file() && initdb.is_file()).then_some(Self { postgres, initdb })
    }

    fn major(&self) -> Option<String> {
        let output = Command::new(&self.postgres)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        major_of(&String::from_utf8_lossy(&output.stdout))
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is of the major version `15`.
pub(super) fn major_of(version: &str) -> Option<String> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(major)
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !path.trim().is_empty()).then(|| PathBuf::from(path.trim()))
}

pub(super) fn debian_folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
