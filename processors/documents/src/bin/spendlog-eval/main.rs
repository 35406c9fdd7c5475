//! Scores the reading of documents on folders of documents whose content is known.
//!
//! Each corpus goes through the very code that the server runs (reader with its child process, classification,
//! extraction); predictions are written as JSON lines and judged by the scoring scripts that come with the corpora.
//! A file that cannot be read is a line in the report, never the end of the run.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line: its table is its answer"
)]

mod corpora;
mod predict;
mod report;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use spendlog_domain::documents::EngineChoice;

/// Scores the reading of documents.
#[derive(Parser)]
#[command(name = "spendlog-eval")]
struct Options {
    /// The folder of the corpora: one folder each, and `eval` with the scoring scripts.
    #[arg(long, env = "CORPORA")]
    corpora: Option<PathBuf>,
    /// Which part of each corpus.
    #[arg(long, default_value = "dev")]
    split: Split,
    /// Only these corpora, by name, separated by commas.
    #[arg(long, default_value = "")]
    only: String,
    /// Where weights and runtime of the recognition engines are.
    #[arg(long, default_value = "data/models")]
    models: PathBuf,
    /// Where predictions go.
    #[arg(long, default_value = "out/eval")]
    out: PathBuf,
    /// The engine to recognise images with: ort, ocrs or tesseract.
    #[arg(long)]
    engine: Option<Engine>,
    /// Lists what is wrong, file by file, beside the figures.
    #[arg(long)]
    errors: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    Dev,
    Heldout,
    All,
}

impl Split {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Heldout => "heldout",
            Self::All => "all",
        }
    }

    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Dev => &["dev"],
            Self::Heldout => &["heldout"],
            Self::All => &["dev", "heldout"],
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Ort,
    Ocrs,
    Tesseract,
}

impl From<Engine> for EngineChoice {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Ort => Self::Ort,
            Engine::Ocrs => Self::Ocrs,
            Engine::Tesseract => Self::Tesseract,
        }
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("read-document") {
        return spendlog_documents::child_main();
    }
    let options = Options::parse();
    let Some(root) = options.corpora.clone().filter(|root| !root.as_os_str().is_empty()) else {
        eprintln!("spendlog-eval needs the folder of the corpora: --corpora <folder> (or CORPORA=<folder>).");
        eprintln!(
            "It holds a folder for each corpus (<split>/truth.jsonl and the files) and eval/ with a scoring script for each."
        );
        return ExitCode::from(2);
    };
    if !root.join("eval").is_dir() {
        eprintln!(
            "{} has no folder eval with scoring scripts: is it the folder of the corpora?",
            root.display()
        );
        return ExitCode::from(2);
    }
    match run(&options, &root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spendlog-eval: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, root: &std::path::Path) -> anyhow::Result<()> {
    let wanted: Vec<&str> = options
        .only
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let known = |name: &str| {
        corpora::ALL.iter().any(|corpus| corpus.name == name)
            || corpora::NOT_YET.iter().any(|(not_yet, _)| *not_yet == name)
    };
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let names: Vec<&str> = corpora::ALL.iter().map(|corpus| corpus.name).collect();
        anyhow::bail!("no corpus is named {unknown}; there are {}", names.join(", "));
    }
    let chosen = |name: &str| wanted.is_empty() || wanted.contains(&name);
    std::fs::create_dir_all(&options.out)?;
    let predictor = predict::Predictor::new(&options.models, options.engine.map(EngineChoice::from))?;
    let mut table = report::Table::default();
    for corpus in corpora::ALL.iter().filter(|corpus| chosen(corpus.name)) {
        let files = corpus.files(root, options.split.folders())?;
        if files.is_empty() {
            table.add(corpus.name, 0, "not there".to_owned(), None);
            continue;
        }
        let predictions = predictor.predict_all(corpus, &files)?;
        let path = options.out.join(format!("{}.jsonl", corpus.name));
        report::write(&path, predictions.lines.iter())?;
        for failure in &predictions.failures {
            table.note(format!("{}: {failure}", corpus.name));
        }
        let figures = report::score(root, corpus, &path, options.split.name(), options.errors, &mut table)?;
        let own = predictions.kinds.figure();
        table.add(
            corpus.name,
            files.len(),
            [own, figures].concat_figures(),
            Some(predictions.took),
        );
        if let Some((name, path, lines)) = predictor.second_run(corpus, &files, &predictions, &options.out)? {
            report::write(&path, lines.iter())?;
            let figures = report::score_with(
                root,
                corpus,
                &path,
                options.split.name(),
                &["--with-password"],
                options.errors,
                &mut table,
            )?;
            table.add(&name, files.len(), figures, None);
        }
    }
    for (name, why) in corpora::NOT_YET.iter().filter(|(name, _)| chosen(name)) {
        table.add(name, 0, format!("not yet ({why})"), None);
    }
    println!("{table}");
    Ok(())
}

/// Figures side by side, the empty ones left out.
trait ConcatFigures {
    fn concat_figures(self) -> String;
}

impl ConcatFigures for [String; 2] {
    fn concat_figures(self) -> String {
        self.into_iter()
            .filter(|figure| !figure.is_empty())
            .collect::<Vec<_>>()
            .join("  ")
    }
}
