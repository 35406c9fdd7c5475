//! Exporting the journal to Parquet, part by part: each part is whole before the manifest names it, so whoever reads meets each
//! event once or not yet, also after a run that was killed.

use std::{mem, path::Path as Folder, sync::Arc};

use chrono::Datelike as _;
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path};
use polars::prelude::ParquetWriter;
use spendlog_event_store::{Event, Journal, Query, Texts};
use tokio::task::JoinHandle;

use crate::{
    error::ExportError,
    manifest::{File, Manifest, Mark, Scope, path},
    rows::Rows,
    tables::{Table, Tables},
};

/// So many events are in a part at most …
const PART_EVENTS: usize = 50_000;
/// … and so many bytes of their content: what is in memory is two parts, one being read while one is written.
const PART_BYTES: usize = 64 * 1024 * 1024;
/// The advisory lock of whoever exports.
const LOCK: i64 = 6_003_374_505_740_488_550;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The position that is written.
    pub position: i64,
    /// Where it began.
    pub from: i64,
    /// Where it ends.
    pub until: i64,
}

/// What a run has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many events were added.
    pub events: u64,
    /// The export holds all up to this position now.
    pub position: i64,
    /// Whether the export was begun anew, since the owner of its texts was forgotten.
    pub anew: bool,
}

/// Exports what the journal has, up to this position, and the export in the store has not yet. Two runs at the same time are
/// refused.
pub async fn export(
    journal: &Journal,
    tables: &Arc<Tables>,
    store: &dyn ObjectStore,
    scope: Option<Scope>,
    until: i64,
    progress: impl Fn(Progress),
) -> Result<Exported, ExportError> {
    // The lock goes with the connection, however this ends.
    let mut lock = journal.database().pool().acquire().await?.detach();
    let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut lock)
        .await?;
    if !locked {
        return Err(ExportError::Running);
    }
    let exported = go_on(journal, tables, store, scope, until, progress).await;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut lock)
        .await?;
    exported
}

async fn go_on(
    journal: &Journal,
    tables: &Arc<Tables>,
    store: &dyn ObjectStore,
    scope: Option<Scope>,
    until: i64,
    progress: impl Fn(Progress),
) -> Result<Exported, ExportError> {
    let stored = Manifest::read(store).await?;
    let (mut manifest, anew) = begin(journal, stored.clone(), scope).await?;
    manifest.know(tables)?;
    if let (true, Some(stored)) = (anew, &stored) {
        // Before the manifest that alone knows all tables with texts is gone: some may be of types that are no more.
        manifest.sweep(store, &stored.tables()).await?;
    }
    if stored.is_none_or(|stored| stored != manifest) {
        manifest.write(store).await?;
    }
    manifest.sweep(store, &manifest.tables()).await?;
    let (from, until) = (manifest.position, until.max(manifest.position));
    progress(Progress {
        position: from,
        from,
        until,
    });
    let query = query(&manifest, until);
    let events = parts(
        journal,
        tables,
        query,
        |_| true,
        store,
        async |part: Part| {
            manifest.position = part.last.position;
            manifest.last = Some(part.last);
            manifest.files.extend(part.files);
            manifest.write(store).await?;
            progress(Progress {
                position: manifest.position,
                from,
                until,
            });
            Ok(())
        },
    )
    .await?;
    if manifest.position < until {
        // The last events were not of its owners.
        manifest.position = until;
        manifest.write(store).await?;
    }
    Ok(Exported {
        events,
        position: manifest.position,
        anew,
    })
}

/// Writes what the export does not have yet into a folder of this machine, in the same form; the tables that are wanted only.
pub async fn newest(
    journal: &Journal,
    tables: &Arc<Tables>,
    export: Option<&Manifest>,
    folder: &Folder,
    wanted: impl Fn(&Table) -> bool + Clone + Send + 'static,
    progress: impl Fn(Progress),
) -> Result<Vec<File>, ExportError> {
    let nothing = Manifest::new(None);
    let export = export.unwrap_or(&nothing);
    check(journal, export).await?;
    if let Some(user) = forgotten(journal, export) {
        return Err(ExportError::Forgotten { user });
    }
    let until = *journal.head().borrow();
    let (from, store) = (export.position, LocalFileSystem::new_with_prefix(folder)?);
    let mut files = Vec::new();
    parts(
        journal,
        tables,
        query(export, until),
        wanted,
        &store,
        async |part: Part| {
            files.extend(part.files);
            progress(Progress {
                position: part.last.position,
                from,
                until,
            });
            Ok(())
        },
    )
    .await?;
    Ok(files)
}

/// What the export there holds, checked against what is asked for; or that it has to begin anew.
async fn begin(
    journal: &Journal,
    stored: Option<Manifest>,
    scope: Option<Scope>,
) -> Result<(Manifest, bool), ExportError> {
    let Some(mut manifest) = stored else {
        let mut manifest = Manifest::new(scope);
        manifest.forgotten = forgotten(journal, &manifest).is_some();
        return Ok((manifest, false));
    };
    let user = |scope: &Option<Scope>| scope.as_ref().map(|scope| scope.user.clone());
    if user(&manifest.scope) != user(&scope) {
        return Err(ExportError::Scope {
            there: told(manifest.scope.as_ref()),
            asked: told(scope.as_ref()),
        });
    }
    if let (Some(known), Some(now)) = (&mut manifest.scope, scope) {
        known.owners.extend(now.owners);
        known.owners.sort_unstable();
        known.owners.dedup();
    }
    check(journal, &manifest).await?;
    // What was their text when it was exported must not stay because it was exported. Only once: then it is null everywhere.
    if forgotten(journal, &manifest).is_some() {
        let mut anew = Manifest::new(manifest.scope);
        anew.forgotten = true;
        return Ok((anew, true));
    }
    Ok((manifest, false))
}

/// Whether the journal goes on from where the export ends.
async fn check(journal: &Journal, export: &Manifest) -> Result<(), ExportError> {
    let Some(last) = &export.last else { return Ok(()) };
    let query = Query {
        after: last.position - 1,
        limit: 1,
        texts: Texts::Withheld,
        ..Query::default()
    };
    let found = journal.read(&query).await?;
    match found.first().map(Mark::of) {
        Some(mark) if mark == *last && export.position <= *journal.head().borrow() => Ok(()),
        _ => Err(ExportError::OtherJournal {
            position: last.position,
        }),
    }
}

/// The user whose texts the export is of, where they were forgotten.
fn forgotten(journal: &Journal, export: &Manifest) -> Option<String> {
    let scope = export.scope.as_ref().filter(|_| !export.forgotten)?;
    let gone = scope.owners.iter().any(|owner| journal.keyring().is_forgotten(*owner));
    gone.then(|| scope.user.clone())
}

fn told(scope: Option<&Scope>) -> String {
    match scope {
        Some(scope) => format!("of the events of {} with their texts", scope.user),
        None => "of all events without texts".to_owned(),
    }
}

fn query(export: &Manifest, until: i64) -> Query {
    Query {
        after: export.position,
        until: Some(until),
        owners: export.scope.as_ref().map(|scope| scope.owners.clone()),
        limit: i64::MAX,
        texts: match export.scope {
            Some(_) => Texts::Opened,
            None => Texts::Withheld,
        },
        ..Query::default()
    }
}

/// A part that is written: files, and the last event in them.
struct Part {
    last: Mark,
    files: Vec<File>,
}

/// A part that is not written yet.
struct Encoded {
    last: Mark,
    files: Vec<(File, Vec<u8>)>,
}

/// Writes all events that the query asks for, part by part: each is of one month. Gives how many events there were.
async fn parts(
    journal: &Journal,
    tables: &Arc<Tables>,
    query: Query,
    wanted: impl Fn(&Table) -> bool + Clone + Send + 'static,
    store: &dyn ObjectStore,
    mut written: impl AsyncFnMut(Part) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let (mut part, mut bytes, mut events) = (Vec::new(), 0, 0);
    let mut encoding: Option<JoinHandle<Result<Encoded, ExportError>>> = None;
    let encode = |part: Vec<Event>| {
        let (tables, wanted) = (tables.clone(), wanted.clone());
        tokio::task::spawn_blocking(move || encoded(&tables, wanted, &part))
    };
    let mut pages = journal.pages(query);
    while let Some(page) = pages.try_next().await? {
        for event in page {
            let full = part.len() >= PART_EVENTS || bytes >= PART_BYTES;
            if part.last().is_some_and(|last| full || month(last) != month(&event)) {
                let begun = encode(mem::take(&mut part));
                if let Some(before) = encoding.replace(begun) {
                    written(put(store, before).await?).await?;
                }
                bytes = 0;
            }
            bytes += event.payload.len();
            events += 1;
            part.push(event);
        }
    }
    let last = (!part.is_empty()).then(|| encode(part));
    for encoding in encoding.into_iter().chain(last) {
        written(put(store, encoding).await?).await?;
    }
    Ok(events)
}

/// The events of a part as the files of their tables.
fn encoded(tables: &Tables, wanted: impl Fn(&Table) -> bool, part: &[Event]) -> Result<Encoded, ExportError> {
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        return Err(ExportError::Event { position: 0 });
    };
    let mut rows = Rows::new(tables, wanted);
    for event in part {
        let position = event.position;
        rows.push(event).map_err(|_| ExportError::Event { position })?;
    }
    let mut files = Vec::new();
    for (table, mut frame) in rows.frames()? {
        let mut content = Vec::new();
        ParquetWriter::new(&mut content).finish(&mut frame)?;
        let file = File {
            table: table.name.clone(),
            path: path(&table.name, month(first), first.position, last.position),
            rows: frame.height() as u64,
            bytes: content.len() as u64,
        };
        files.push((file, content));
    }
    Ok(Encoded {
        last: Mark::of(last),
        files,
    })
}

/// Each file appears in one moment: a folder's gets its name when it is whole, a bucket's when it has arrived.
async fn put(store: &dyn ObjectStore, encoding: JoinHandle<Result<Encoded, ExportError>>) -> Result<Part, ExportError> {
    let encoded = encoding.await.map_err(|_| ExportError::BrokenOff)??;
    let mut files = Vec::new();
    for (file, content) in encoded.files {
        store.put(&Path::from(file.path.as_str()), content.into()).await?;
        files.push(file);
    }
    Ok(Part {
        last: encoded.last,
        files,
    })
}

/// Year and month in which an event was recorded.
fn month(event: &Event) -> (i32, u32) {
    (event.recorded_at.year(), event.recorded_at.month())
}

#[cfg(test)]
mod tests;
