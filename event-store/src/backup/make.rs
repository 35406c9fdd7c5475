//! Makes a backup, while others go on writing.
//!
//! One snapshot of the database says which state it is: the head, and the small tables as they are with it. Events up to that
//! head never change, so they need no snapshot; files that they name are in the store since before they were appended. Keys are
//! read last: what was forgotten meanwhile is not in them. The manifest comes after all else is on the disk.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{Acquire as _, PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Backup, BackupError, Keys, Progress, Stage, Target, altered,
    check::count,
    files, lock,
    manifest::{FORMAT, Head, Manifest, Range, Table},
    part::{self, Part},
    walk::{Walked, Wanted, walk},
};
use crate::{
    Archive, Audit, Database, Files, Keyring, Names, SignedHead, audit::HEAD_KEY, database::newest_migration,
    merkle::Tree,
};

/// Held by whoever makes a backup of this database.
const LOCK: i64 = 6_003_374_505_740_488_530;
/// A range has so many events, and what is left of its last commit.
const RANGE: i64 = 50_000;
/// How long each answer of the store is waited for when it is asked for the forgotten: its own limits come before.
const PATIENCE: Duration = Duration::from_secs(300);
/// What stands in these schemas is kept, each table whole …
pub(super) const SCHEMAS: [&str; 1] = ["es"];
/// … but those that are kept in another way.
const APART: [&str; 3] = ["es.events", "es.commits", "es.keys"];
/// … and those that are made again when they are needed.
const LEFT_OUT: [&str; 1] = ["es.snapshots"];

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The backup.
    pub name: String,
    /// The head of the journal that it holds.
    pub head: SignedHead,
    /// So many events were not in the target before.
    pub events: i64,
    /// So many files were not in the target before.
    pub files: u64,
    /// Files that are not in the backup because they are damaged or gone in the object store.
    pub lacking: Vec<String>,
}

/// Makes a backup of the journal in this database, its keys and its files. `names` tells which files its events name.
pub async fn make(
    database: &Database,
    keyring: &Keyring,
    from: &Files,
    target: &Target,
    names: Names,
    progress: Progress<'_>,
) -> Result<Made, BackupError> {
    // It goes with the connection.
    let mut alone = database.pool().acquire().await?.detach();
    if !lock(&mut alone, "SELECT pg_try_advisory_lock($1)", LOCK).await? {
        return Err(BackupError::Busy);
    }
    let listed = from.forgotten(keyring).await?;
    let listed = listed.besides(&keyring.forgotten().await?, PATIENCE).await?;
    let older = target.newest().await?;
    let older_keys = Keys::newest(target).await?;
    let (mut journal, mut lists) = match older {
        Some(older) => {
            goes_on(database.pool(), &older).await?;
            (older.manifest.journal, older.manifest.files)
        }
        None => (Vec::new(), Vec::new()),
    };
    let audit = Audit::new(
        database.clone(),
        keyring.clone(),
        Archive::new(database, Some(from.clone())),
    );
    let before = journal.last().map_or(0, |range| range.to);

    let mut snapshot = alone.begin().await?;
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *snapshot)
        .await?;
    sqlx::raw_sql(part::FORMS).execute(&mut *snapshot).await?;
    let (size, made_at): (Option<i64>, DateTime<Utc>) = sqlx::query_as("SELECT max(size), now() FROM es.commits")
        .fetch_one(&mut *snapshot)
        .await?;
    let head = audit.head(Some(size.ok_or(BackupError::NothingYet)?)).await?;
    let head = head.ok_or(BackupError::NothingYet)?;
    let name = format!("{}-{:012}", made_at.format("%Y%m%dT%H%M%S%3fZ"), head.size);
    let tables = tables(&mut snapshot, target, &name).await?;
    snapshot.commit().await?;

    let mut wanted: Vec<Wanted> = Vec::new();
    let mut tree = stored_tree(database.pool(), before).await?;
    while tree.size() < head.size {
        progress(Stage::Events, count(tree.size() - before), count(head.size - before));
        let to = range_end(database.pool(), tree.size(), head.size).await?;
        let after = stored_tree(database.pool(), to).await?;
        let (range, files) = write_range(&mut alone, target, tree, &after, names).await?;
        journal.push(range);
        tree = after;
        wanted.extend(files);
    }
    progress(Stage::Events, count(head.size - before), count(head.size - before));

    let mut gone: BTreeSet<Uuid> = older_keys.iter().flat_map(Keys::forgotten).chain(listed).collect();
    let known = files::index(target, &lists, &gone).await?;
    let copied = files::copy_new(keyring, from, target, &known, progress).await?;
    let mut keys = Keys::now(&mut alone).await?;
    if let Some(older) = &older_keys {
        keys.goes_on_from(older)?;
    }
    keys.forget(&gone);
    gone.extend(keys.forgotten());
    let has = |path: &str| known.contains_key(path) || copied.new.contains_key(path);
    let lacking = lacking(wanted, &gone, has, copied.damaged);
    let mut new = copied.new;
    new.retain(|path, _| !files::owner(path).is_some_and(|owner| gone.contains(&owner)));

    // From here on nobody who was forgotten stands in any backup of this target.
    keys.write(target).await?;
    erase(target, &gone).await?;
    lists.extend(files::write(target, format!("backups/{name}/files.gz"), &new).await?);
    let manifest = Manifest {
        format: FORMAT,
        made_at,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        schema: newest_migration(database).await?,
        head: Head::told(&head),
        journal,
        tables,
        files: lists,
        name: name.clone(),
    };
    let told = serde_json::to_vec_pretty(&manifest.head).map_err(std::io::Error::other)?;
    target.put(&format!("backups/{name}/head.json"), told).await?;
    target.settle().await?;
    manifest.write(target, &keyring.secret(HEAD_KEY).await?).await?;
    target.settle().await?;
    let made = Backup::read(target, &name).await?;
    sweep(target, &made.manifest).await?;
    Ok(Made {
        name,
        events: head.size - before,
        files: new.len() as u64,
        head,
        lacking,
    })
}

/// Refuses a target that does not hold the past of this journal.
async fn goes_on(pool: &PgPool, older: &Backup) -> Result<(), BackupError> {
    let root: Option<Vec<u8>> = sqlx::query_scalar("SELECT root FROM es.commits WHERE size = $1")
        .bind(older.head.size)
        .fetch_optional(pool)
        .await?;
    if root.as_deref() == Some(&older.head.root[..]) {
        Ok(())
    } else {
        Err(BackupError::OtherJournal)
    }
}

/// The tree that the commit of this size stored.
async fn stored_tree(pool: &PgPool, size: i64) -> Result<Tree, BackupError> {
    if size == 0 {
        return Ok(Tree::default());
    }
    let frontier: Vec<u8> = sqlx::query_scalar("SELECT frontier FROM es.commits WHERE size = $1")
        .bind(size)
        .fetch_one(pool)
        .await?;
    Tree::load(size, &frontier).ok_or_else(|| altered("es.commits", format!("the commit of size {size} is damaged")))
}

/// Where the range that begins after this position ends: always at the same place, so that one that was written before is met
/// again.
async fn range_end(pool: &PgPool, from: i64, head: i64) -> Result<i64, BackupError> {
    let end: Option<i64> = sqlx::query_scalar("SELECT min(size) FROM es.commits WHERE size >= $1")
        .bind(from + RANGE)
        .fetch_one(pool)
        .await?;
    Ok(end.unwrap_or(head).min(head))
}

/// Writes the events after one tree up to another, unless they stand there already, and reads them again. Gives the files that
/// they name.
async fn write_range(
    connection: &mut PgConnection,
    target: &Target,
    before: Tree,
    after: &Tree,
    names: Names,
) -> Result<(Range, Vec<Wanted>), BackupError> {
    let (from, to) = (before.size(), after.size());
    let place = |folder: &str| format!("{folder}/{:012}-{to:012}.copy.gz", from + 1);
    let (events, commits) = (place("events"), place("commits"));
    let there = if target.has(&commits).await? {
        walk(target, (&events, &commits), before.clone(), names).await.ok()
    } else {
        None
    };
    let walked = match there.filter(|walked| walked.tree == *after) {
        Some(walked) => walked,
        None => {
            let written = write_events(connection, target, (from, to), (&events, &commits)).await?;
            let walked = walk(target, (&events, &commits), before, names).await?;
            written.0.expect(&walked.events)?;
            written.1.expect(&walked.commits)?;
            if walked.tree != *after {
                return Err(altered(
                    events,
                    format!("its events don't have the root of the commit of size {to}"),
                ));
            }
            walked
        }
    };
    let Walked {
        events,
        commits,
        wanted,
        ..
    } = walked;
    Ok((
        Range {
            from,
            to,
            events,
            commits,
        },
        wanted,
    ))
}

/// Writes the events after a position up to another, and their commits.
async fn write_events(
    connection: &mut PgConnection,
    target: &Target,
    (from, to): (i64, i64),
    (events, commits): (&str, &str),
) -> Result<(Part, Part), BackupError> {
    let mut forms = connection.begin().await?;
    sqlx::raw_sql(part::FORMS).execute(&mut *forms).await?;
    let range = |columns: &str, table: &str, number: &str| {
        format!("SELECT {columns} FROM es.{table} WHERE {number} > {from} AND {number} <= {to} ORDER BY {number}")
    };
    let query = range(&columns(&mut forms, "es.events").await?, "events", "position");
    let events = part::write(target, events.to_owned(), &mut forms, &query).await?;
    let query = range(&columns(&mut forms, "es.commits").await?, "commits", "size");
    let commits = part::write(target, commits.to_owned(), &mut forms, &query).await?;
    forms.commit().await?;
    Ok((events, commits))
}

/// Writes each of the small tables.
async fn tables(connection: &mut PgConnection, target: &Target, name: &str) -> Result<Vec<Table>, BackupError> {
    const ALL: &str =
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY ($1) AND c.relkind = 'r' AND n.nspname || '.' || c.relname <> ALL ($2) ORDER BY 1";
    let names: Vec<String> = sqlx::query_scalar(ALL)
        .bind(SCHEMAS.map(str::to_owned).to_vec())
        .bind([APART.as_slice(), LEFT_OUT.as_slice()].concat())
        .fetch_all(&mut *connection)
        .await?;
    let mut tables = Vec::with_capacity(names.len());
    for table in names {
        let query = format!("SELECT {} FROM {table}", columns(connection, &table).await?);
        let part = part::write(target, format!("backups/{name}/{table}.copy.gz"), connection, &query).await?;
        tables.push(Table { table, part });
    }
    Ok(tables)
}

/// The columns of a table that are not made of others, in their order, as a list.
async fn columns(connection: &mut PgConnection, table: &str) -> Result<String, BackupError> {
    const COLUMNS: &str = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''";
    Ok(sqlx::query_scalar(COLUMNS).bind(table).fetch_one(connection).await?)
}

/// Files that events name and the backup has not, and those that are damaged.
fn lacking(
    wanted: Vec<Wanted>,
    gone: &BTreeSet<Uuid>,
    has: impl Fn(&str) -> bool,
    damaged: Vec<String>,
) -> Vec<String> {
    let paths = wanted.into_iter().filter(|wanted| !gone.contains(&wanted.owner));
    let missing: HashSet<String> = paths
        .map(|wanted| format!("{}/{}", wanted.owner, wanted.file.object))
        .filter(|path| !has(path))
        .collect();
    let mut lacking: Vec<String> = missing.into_iter().chain(damaged).collect();
    lacking.sort_unstable();
    lacking.dedup();
    lacking
}

/// Destroys the files of the forgotten.
async fn erase(target: &Target, gone: &BTreeSet<Uuid>) -> Result<(), BackupError> {
    let there = target.list("files").await?;
    let owners: BTreeSet<Uuid> = there
        .keys()
        .filter_map(|path| files::owner(path.strip_prefix("files/")?))
        .collect();
    for owner in owners.intersection(gone) {
        target.files().erase(*owner).await?;
    }
    Ok(())
}

/// Removes what those who were broken off have left: parts and lists that no backup names.
async fn sweep(target: &Target, newest: &Manifest) -> Result<(), BackupError> {
    let parts = newest
        .journal
        .iter()
        .flat_map(|range| [&range.events.name, &range.commits.name]);
    let parts: HashSet<&String> = parts.collect();
    let mut left: Vec<String> = Vec::new();
    for folder in ["events", "commits"] {
        left.extend(
            target
                .list(folder)
                .await?
                .into_keys()
                .filter(|name| !parts.contains(name)),
        );
    }
    let there = target.list("backups").await?;
    let is_left = |name: &&String| {
        let backup = name.rsplit_once('/').map_or("", |(backup, _)| backup);
        !there.contains_key(&format!("{backup}/manifest.json"))
    };
    left.extend(there.keys().filter(is_left).cloned());
    for name in left {
        target.delete(&name).await?;
    }
    target.tidy().await
}
