//! SQL over Parquet files, run by polars' streaming engine: only the columns that are asked for are read, some rows at a time.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use polars::{
    prelude::{
        DataFrame, Engine, HiveOptions, IntoLazy as _, LazyFrame, PlRefPath, PlSmallStr, PlanCallback, PolarsError,
        PolarsResult, ScanArgsParquet, Schema,
    },
    sql::{SQLContext, extract_table_identifiers},
};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;

use crate::{
    error::ExportError,
    explain::{QueryError, explain},
    manifest::{File, Manifest},
    output::{Answered, Format, Output},
    rows::data_type,
    tables::{Column, Table, Tables},
};

/// A table, and the files that hold its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub table: String,
    /// Its columns. A file may lack some.
    pub columns: Vec<Column>,
    /// The files, in the order of positions.
    pub files: Vec<PathBuf>,
}

/// A query, ready to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The statement.
    pub sql: String,
    /// All tables; those that the statement does not name need no files.
    pub sources: Vec<Source>,
    /// How the rows are written.
    pub format: Format,
    /// As a table: how many rows are shown at most.
    pub shown_max: usize,
}

/// The names of our tables that stand in a statement; or why it is no SQL.
pub fn tables_named(sql: &str, tables: &Tables) -> Result<Vec<String>, QueryError> {
    let names = extract_table_identifiers(sql, false, true).map_err(|error| explain(sql, &error, tables.all()))?;
    let found = names.iter().filter_map(|name| tables.named(name));
    Ok(found.map(|table| table.name.clone()).collect())
}

/// The tables with their files: those of the export, which stand below `export`, and the newest, which stand below `newest`.
pub fn sources(
    tables: &Tables,
    manifest: Option<&Manifest>,
    export: &Path,
    newest: &Path,
    files: &[File],
) -> Vec<Source> {
    let source = |table: &Table| {
        let older = manifest.into_iter().flat_map(|manifest| &manifest.files);
        let older = older
            .filter(|file| file.table == table.name)
            .map(|file| export.join(&file.path));
        let newer = files.iter().filter(|file| file.table == table.name);
        let mut columns = table.columns.clone();
        let known = manifest.and_then(|manifest| manifest.columns.get(&table.name));
        for column in known.into_iter().flatten() {
            if !columns.iter().any(|own| own.name == column.name) {
                columns.push(column.clone());
            }
        }
        Source {
            table: table.name.clone(),
            columns,
            files: older.chain(newer.map(|file| newest.join(&file.path))).collect(),
        }
    };
    tables.all().iter().map(source).collect()
}

/// Gets the files of these tables from a store into a folder.
pub async fn fetch(
    store: &dyn ObjectStore,
    manifest: &Manifest,
    tables: &[String],
    folder: &Path,
) -> Result<(), ExportError> {
    for file in manifest.files.iter().filter(|file| tables.contains(&file.table)) {
        let place = folder.join(&file.path);
        if let Some(parent) = place.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        let mut pieces = store.get(&file.path.as_str().into()).await?.into_stream();
        let mut out = tokio::fs::File::create(&place).await?;
        while let Some(piece) = pieces.try_next().await? {
            out.write_all(&piece).await?;
        }
        out.flush().await?;
    }
    Ok(())
}

/// Runs it, and writes the rows. Not for a task of tokio's: it blocks, and brings a runtime of its own.
pub fn run(job: &Job, out: Box<dyn Write + Send>) -> Result<Answered, QueryError> {
    let explained = |error: PolarsError| {
        let tables: Vec<Table> = job.sources.iter().map(Source::table).collect();
        explain(&job.sql, &error, &tables)
    };
    answer(job, out).map_err(explained)
}

fn answer(job: &Job, out: Box<dyn Write + Send>) -> PolarsResult<Answered> {
    let mut context = SQLContext::new();
    for source in &job.sources {
        context.register(&source.table, source.scan()?);
    }
    let mut rows = context.execute(&job.sql)?;
    let schema = rows.collect_schema()?;
    let output = Output::new(job.format, job.shown_max, &schema, out)?;
    let output = Arc::new(Mutex::new(Some(output)));
    let shared = Arc::clone(&output);
    let batch = move |frame: DataFrame| match &mut *shared.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(output) => output.write(frame),
        None => Ok(true),
    };
    rows.sink_batches(PlanCallback::new(batch), true, None)?
        .collect_with_engine(Engine::Streaming)?;
    let output = output.lock().unwrap_or_else(PoisonError::into_inner).take();
    match output {
        Some(output) => output.finish(),
        None => Ok(Answered { rows: 0, more: false }),
    }
}

impl Source {
    fn table(&self) -> Table {
        Table {
            name: self.table.clone(),
            columns: self.columns.clone(),
        }
    }

    /// The rows of its files, as far as they are asked for.
    fn scan(&self) -> PolarsResult<LazyFrame> {
        let columns = self.columns.iter();
        let schema: Schema = columns
            .map(|column| (PlSmallStr::from(column.name.as_str()), data_type(column.column_type)))
            .collect();
        if self.files.is_empty() {
            return Ok(DataFrame::empty_with_schema(&schema).lazy());
        }
        let paths: PolarsResult<Vec<_>> = self.files.iter().map(|file| PlRefPath::try_from_path(file)).collect();
        let arguments = ScanArgsParquet {
            schema: Some(Arc::new(schema)),
            hive_options: HiveOptions::new_disabled(),
            allow_missing_columns: true,
            glob: false,
            ..ScanArgsParquet::default()
        };
        LazyFrame::scan_parquet_files(paths?.into(), arguments)
    }
}

#[cfg(test)]
mod tests;
