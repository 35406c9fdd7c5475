//! Tests of the manifest and of fetching.

use std::fs;
use std::io::Write as _;

use super::download::{blame, extract};
use super::*;

#[test]
fn pins_whole_hashes() {
    for artefact in manifest() {
        for hash in [artefact.sha256, artefact.package.sha256] {
            assert_eq!(hash.len(), 64, "{}", artefact.file);
            assert!(
                hash.bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            );
        }
    }
}

#[test]
fn tells_missing_from_damaged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DETECTION.file), b"not a model").unwrap();
    let found = list(folder.path());
    assert_eq!(found[0].state, State::Damaged);
    assert_eq!(found[1].state, State::Missing);
    assert!(matches!(
        load(folder.path(), Part::Detection),
        Err(ModelError::Damaged { .. })
    ));
    assert!(matches!(
        verified(folder.path(), Part::Detection),
        Err(ModelError::Damaged { .. })
    ));
    assert!(matches!(
        load(folder.path(), Part::Recognition),
        Err(ModelError::Missing { .. })
    ));
}

static WHEEL: Package = Package {
    name: "tiny",
    version: "1",
    sha256: "",
    platform: PLATFORM,
};

/// An artefact of three bytes.
fn tiny(sha256: &'static str) -> Artefact {
    Artefact {
        part: Part::Detection,
        file: "tiny.bin",
        sha256,
        bytes: 3,
        package: &WHEEL,
        member: "tiny/tiny.bin",
        licence: "MIT",
        purpose: "a test",
    }
}

#[test]
fn takes_only_the_pinned_file_out_of_a_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir_in(folder.path()).unwrap();
    let wheel = scratch.path().join("tiny.whl");
    let mut writer = zip::ZipWriter::new(File::create(&wheel).unwrap());
    writer
        .start_file("tiny/tiny.bin", zip::write::SimpleFileOptions::default())
        .unwrap();
    writer.write_all(b"abc").unwrap();
    writer.finish().unwrap();

    let other = tiny("00");
    assert!(matches!(
        extract(&wheel, &other, scratch.path(), folder.path()),
        Err(FetchError::WrongFile { .. })
    ));
    assert!(!folder.path().join("tiny.bin").exists());

    let right = tiny("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    extract(&wheel, &right, scratch.path(), folder.path()).unwrap();
    assert_eq!(fs::read(folder.path().join("tiny.bin")).unwrap(), b"abc");
}

#[test]
fn says_what_went_wrong() {
    let no_network = "WARNING: Retrying after connection broken\nERROR: Could not find a version that satisfies tiny==1\nERROR: No matching distribution found for tiny==1\n";
    assert_eq!(
        blame(&WHEEL, no_network).to_string(),
        "tiny 1 can't be downloaded; is there a network? pip says: No matching distribution found for tiny==1"
    );
    let tampered = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.";
    assert!(matches!(blame(&WHEEL, tampered), FetchError::WrongPackage { .. }));
}
