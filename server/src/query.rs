//! `spendlog query`: SQL over an export and what the journal has beyond it.
//!
//! The statement runs in a process of its own, which the kernel gives no more memory than it may have, and which has neither keys
//! nor a connection: it knows the files of the tables that the statement names, and nothing else of Spendlog.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Read as _},
    os::fd::AsFd as _,
    path::Path,
    process::{ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use spendlog_analytics::{
    Format, Manifest, Table, newest,
    query::{self, Job},
};
use tempfile::{NamedTempFile, TempDir};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    cli::{self, QueryFormat},
    config::Config,
    export::{place, show, tables},
    foundation::{Foundation, Use},
    note,
    objects::store_at,
    progress, say,
};

/// So many rows are shown as a table.
const SHOWN_MAX: usize = 1000;
/// Exit status of a child whose statement can't be answered: the reason is on its standard error.
const REFUSED: u8 = 1;
const MIB: u64 = 1024 * 1024;

/// Prints the tables and their columns.
pub(crate) fn show_tables() {
    for table in tables().all() {
        say(&table.name);
        for column in &table.columns {
            let sealed = if column.sealed {
                "  (sealed: only with --texts-of)"
            } else {
                ""
            };
            say(&format!("    {:<32} {}{sealed}", column.name, column.column_type));
        }
    }
}

/// Answers the query.
pub(crate) async fn run(config: &Config, asked: &cli::Query) -> anyhow::Result<()> {
    let sql = asked.sql.as_deref().context("there is nothing to ask")?;
    ensure!(
        asked.format != QueryFormat::Parquet || asked.output.is_some() || !io::stdout().is_terminal(),
        "Parquet is nothing to read on a terminal: name a file with --output"
    );
    // A statement that is no SQL needs no database.
    let named = query::tables_named(sql, &tables())?;
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let gathered = unless_broken_off(gather(config, &foundation, asked, named)).await;
    foundation.close().await?;
    let gathered = gathered?;
    let job = Job {
        sql: sql.to_owned(),
        sources: gathered.sources,
        format: format(asked.format),
        shown_max: SHOWN_MAX,
    };
    unless_broken_off(answer(asked, &job)).await
}

/// Does it, unless the person at the terminal has enough.
async fn unless_broken_off<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => bail!("broken off"),
    }
}

async fn answer(asked: &cli::Query, job: &Job) -> anyhow::Result<()> {
    let Some(output) = &asked.output else {
        return ask_child(job, asked.memory, Stdio::inherit()).await;
    };
    // The file is there when all of it is.
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let file = file.with_context(|| format!("{} can't be written", output.display()))?;
    ask_child(job, asked.memory, Stdio::from(file.reopen()?)).await?;
    file.persist(output)?;
    Ok(())
}

/// The tables with their files, and the folder of those that go with the query.
struct Gathered {
    sources: Vec<query::Source>,
    _folder: TempDir,
}

async fn gather(
    config: &Config,
    foundation: &Foundation,
    asked: &cli::Query,
    named: Vec<String>,
) -> anyhow::Result<Gathered> {
    let (place, tables) = (place(config, asked.over.as_deref()), tables());
    let folder = tempfile::Builder::new().prefix("query-").tempdir_in(&config.data)?;
    let (fetched, fresh) = (folder.path().join("export"), folder.path().join("newest"));
    for folder in [&fetched, &fresh] {
        std::fs::create_dir(folder)?;
    }
    let (remote, named_one) = (place.starts_with("s3://"), asked.over.is_some());
    // Asking makes no folder.
    let store = match remote || Path::new(&place).is_dir() {
        true => Some(store_at(config, &place)?),
        false => None,
    };
    let manifest = match &store {
        Some(store) => Manifest::read(&**store).await?,
        None => None,
    };
    ensure!(
        !named_one || manifest.is_some(),
        "{place} holds no export: `spendlog events export --to {place}` makes one"
    );
    let export = match (&store, &manifest) {
        (Some(store), Some(manifest)) if remote => {
            query::fetch(&**store, manifest, &named, &fetched).await?;
            fetched
        }
        _ => std::path::absolute(&place)?,
    };
    let bar = progress::bar("events");
    let wanted = move |table: &Table| named.contains(&table.name);
    let files = newest(
        &foundation.journal,
        &tables,
        manifest.as_ref(),
        &fresh,
        wanted,
        |progress| {
            show(&bar, progress);
        },
    )
    .await;
    bar.finish_and_clear();
    Ok(Gathered {
        sources: query::sources(&tables, manifest.as_ref(), &export, &fresh, &files?),
        _folder: folder,
    })
}

/// Has a child answer, with at most so much memory.
async fn ask_child(job: &Job, memory_mib: u64, out: Stdio) -> anyhow::Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("run-query")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut asked = (memory_mib * MIB).to_le_bytes().to_vec();
    serde_json::to_writer(&mut asked, job)?;
    if let Some(mut input) = child.stdin.take() {
        // A child that ends before it has read all says why.
        let _ended = input.write_all(&asked).await;
    }
    let ended = child.wait_with_output().await?;
    let told = String::from_utf8_lossy(&ended.stderr);
    if ended.status.success() {
        told.lines().for_each(note);
        return Ok(());
    }
    if told.contains("memory allocation") || told.contains("Cannot allocate memory") {
        bail!(
            "the query needs more than {memory_mib} MiB of memory: ask for fewer columns, groups or rows, or allow more with --memory"
        );
    }
    if ended.status.code() == Some(i32::from(REFUSED)) {
        bail!("{}", told.trim_end());
    }
    let first = told
        .lines()
        .find(|line| !line.is_empty())
        .unwrap_or("no reason was told");
    bail!("the query failed: {first}")
}

fn format(format: QueryFormat) -> Format {
    match format {
        QueryFormat::Table => Format::Table,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Parquet => Format::Parquet,
        QueryFormat::Json => Format::Json,
    }
}

/// `spendlog run-query`: reads a limit and a query from standard input, and answers on standard output.
pub(crate) fn child_main() -> ExitCode {
    match child() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("{error:#}"));
            ExitCode::from(REFUSED)
        }
    }
}

fn child() -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut input = io::stdin().lock();
    let mut limit = [0; 8];
    input.read_exact(&mut limit)?;
    let job: Job = serde_json::from_reader(input)?;
    let limits = [(Resource::Data, u64::from_le_bytes(limit)), (Resource::Core, 0)];
    for (resource, limit) in limits {
        let limit = Some(limit);
        setrlimit(
            resource,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )?;
    }
    // Not by `Stdout`, which looks for the end of a line in all that passes.
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let answered = query::run(&job, Box::new(BufWriter::new(out)))?;
    if answered.more {
        note(&format!(
            "There are more than these {} rows: --format csv, json or parquet gives all of them.",
            answered.rows
        ));
    }
    Ok(())
}
