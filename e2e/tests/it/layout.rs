//! The rules of the house that a compiler does not hold: edges between crates, length and head of files, one word for
//! a feature in every room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which crate may depend on which of ours, tests included. `server` may depend on all; `e2e` starts it as a program,
/// and takes from the rest only what its fixtures and benchmarks need.
const EDGES: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("event-store", &[]),
    ("eventstoredb", &["event-store"]),
    ("kafka-broker", &[]),
    ("kafka", &["event-store", "kafka-broker"]),
    ("schemas", &[]),
    ("web", &["schemas"]),
    ("documents", &["domain"]),
    ("projections", &["domain", "event-store"]),
    // polars is heavy to build and knows nothing of us: nobody but the binary waits for it.
    ("analytics", &["event-store"]),
    ("commands", &["web", "schemas", "domain", "event-store", "projections"]),
    ("read-api", &["web", "schemas", "domain", "projections", "event-store"]),
    (
        "processors",
        &["commands", "projections", "domain", "event-store", "documents"],
    ),
    (
        "server",
        &[
            "web",
            "schemas",
            "domain",
            "event-store",
            "eventstoredb",
            "kafka",
            "projections",
            "commands",
            "read-api",
            "processors",
            "documents",
            "analytics",
        ],
    ),
    (
        "e2e",
        &[
            "server",
            "domain",
            "event-store",
            "kafka",
            "kafka-broker",
            "projections",
            "commands",
            "analytics",
        ],
    ),
];

/// The features, and the rooms that each of them has a module in.
const FEATURES: &[&str] = &[
    "users",
    "books",
    "accounts",
    "categories",
    "transactions",
    "documents",
    "imports",
];
const ROOMS: &[&str] = &[
    "domain/src",
    "schemas/src",
    "commands/src",
    "projections/src",
    "read-api/src",
    "e2e/tests/it",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository has a root")
}

fn rust_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    names
        .lines()
        .map(|name| root().join(name))
        .filter(|path| path.exists())
        .collect()
}

#[test]
fn crates_depend_only_along_the_edges() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo answers");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo answers in JSON");
    let short = |name: &str| name.strip_prefix("spendlog-").map(str::to_owned);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("there are packages") {
        let name = short(package["name"].as_str().expect("a name")).expect("all our crates are called spendlog-…");
        let ours = package["dependencies"].as_array().expect("dependencies").iter();
        found.insert(
            name.clone(),
            ours.filter_map(|d| short(d["name"].as_str()?))
                .filter(|other| *other != name)
                .collect(),
        );
    }
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    for (name, dependencies) in &found {
        let may = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("crate {name} has no line in EDGES"));
        for other in dependencies {
            assert!(may.contains(&other.as_str()), "{name} must not depend on {other}");
        }
    }
    assert_eq!(found.len(), EDGES.len(), "EDGES names a crate that is not there");
}

#[test]
fn the_event_store_knows_no_feature() {
    for path in rust_files() {
        if !path.starts_with(root().join("event-store/src")) || path.to_string_lossy().contains("test") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file can be read");
        let text: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for word in [
            "transaction.recorded",
            "document.uploaded",
            "AccountId",
            "UserId",
            "spendlog_domain",
        ] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn source_files_are_short_and_say_what_they_are() {
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a source file can be read");
        assert!(
            text.starts_with("//!"),
            "{} must begin with a line //! that says what it is",
            path.display()
        );
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines: it is perhaps two things",
            path.display()
        );
        assert!(
            !path.ends_with("mod.rs"),
            "{}: modules are called by their names",
            path.display()
        );
    }
}

#[test]
fn a_feature_has_the_same_word_in_every_room() {
    for feature in FEATURES {
        for room in ROOMS {
            let module = root().join(room).join(feature);
            assert!(
                module.with_extension("rs").exists() || module.is_dir(),
                "feature {feature} has no module in {room}"
            );
        }
    }
}

#[test]
fn rooms_without_a_meaning_do_not_exist() {
    for path in rust_files() {
        for word in ["utils", "common", "helpers", "misc"] {
            let named = path.iter().any(|part| part == word) || path.file_stem().is_some_and(|stem| stem == word);
            assert!(!named, "{}: a room must say what it is for", path.display());
        }
    }
}

#[test]
fn edges_are_written_down_as_they_are() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("there is an ARCHITECTURE.md");
    for (name, may) in EDGES
        .iter()
        .filter(|(name, may)| !may.is_empty() && !matches!(*name, "server" | "e2e"))
    {
        let line = text.split('`').find(|part| part.starts_with(&format!("{name} -> ")));
        let line = line.unwrap_or_else(|| panic!("ARCHITECTURE.md does not give the edges of {name}"));
        let written: BTreeSet<&str> = line.split(" -> ").nth(1).unwrap_or_default().split(", ").collect();
        assert_eq!(
            written,
            may.iter().copied().collect(),
            "the edges of {name} in ARCHITECTURE.md"
        );
    }
}
