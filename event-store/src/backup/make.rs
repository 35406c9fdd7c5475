//! Makes a backup, while others go on writing.
//!
//! One snapshot of the database says which state it is: the head, and the small tables as they are with it. Events up to that
//! head never change, so they need no snapshot; files that they name are in the store since before they were appended. The list
//! of the archive's files comes after them, since they may be moved while they are copied. Keys are read last: what was forgotten
//! meanwhile is not in them. The manifest comes after all else is on the disk.
//!
//! What older backups of the place have is built on: of their parts and files it is seen that they are there, and how long they
//! are; their bytes are read by `check`.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{Acquire as _, PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Backup, BackupError, Keys, Progress, Stage, Target, altered, count,
    files::{self, Copied, Index},
    lock,
    manifest::{ARCHIVES, FORMAT, Head, Manifest, Range, Table},
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
const APART: [&str; 4] = ["es.events", "es.commits", "es.keys", ARCHIVES];
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
    /// Files that are not in the backup, or not any more, because they are damaged or gone in the object store.
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
    let (older, mut lists) = match older {
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
    let before = older.last().map_or(0, |range| range.to);

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
    let mut tables = tables(&mut snapshot, target, &name).await?;
    snapshot.commit().await?;

    let (mut journal, mut wanted) = take_over(&mut alone, database.pool(), target, older, names).await?;
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
    // Later than the events: what was archived before they were copied, and so has only its leaves among them, is listed.
    let list = write_archives(&mut alone, target, &name, head.size).await?;
    let archives = files::archived(target, &list.part).await?;
    tables.push(list);

    let mut gone: BTreeSet<Uuid> = older_keys.iter().flat_map(Keys::forgotten).chain(listed).collect();
    let mut known = files::index(target, &lists, &gone).await?;
    // What was copied of the archive when it was damaged is copied again.
    known.retain(|path, sum| archives.get(path).is_none_or(|listed| *listed == *sum));
    let copied = files::copy_new(keyring, from, target, (&known, &archives), progress).await?;
    let mut keys = Keys::now(&mut alone).await?;
    if let Some(older) = &older_keys {
        keys.goes_on_from(older)?;
    }
    keys.forget(&gone);
    gone.extend(keys.forgotten());
    let lacking = lacking(wanted, archives, &gone, &known, &copied);
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
    if let Err(error) = sweep(target, &made.manifest).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the backup is made, but what broken-off ones have left in its place could not be removed"
        );
    }
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

/// The ranges of the older backup. One of which a part is missing in the place, or has another length, is written anew under
/// its name; gives also the files that its events name.
async fn take_over(
    connection: &mut PgConnection,
    pool: &PgPool,
    target: &Target,
    older: Vec<Range>,
    names: Names,
) -> Result<(Vec<Range>, Vec<Wanted>), BackupError> {
    let mut there = target.list("events").await?;
    there.extend(target.list("commits").await?);
    let stands = |part: &Part| there.get(&part.name) == Some(&part.bytes);
    let (mut ranges, mut wanted) = (Vec::with_capacity(older.len()), Vec::new());
    for range in older {
        if stands(&range.events) && stands(&range.commits) {
            ranges.push(range);
            continue;
        }
        tracing::warn!(events = %range.events.name, "a part of older backups is lost in their place, and written anew");
        let (from, to) = (stored_tree(pool, range.from).await?, stored_tree(pool, range.to).await?);
        let (range, files) = write_range(connection, target, from, &to, names).await?;
        ranges.push(range);
        wanted.extend(files);
    }
    Ok((ranges, wanted))
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
    // Of an event that was archived a part has only the leaf, which proves nothing of the rest of its row.
    let walked = match there.filter(|walked| walked.tree == *after && !walked.moved) {
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
        tables.push(write_table(connection, target, name, table, "").await?);
    }
    Ok(tables)
}

/// Writes a table, or those of its rows that this condition lets through.
async fn write_table(
    connection: &mut PgConnection,
    target: &Target,
    name: &str,
    table: String,
    condition: &str,
) -> Result<Table, BackupError> {
    let query = format!("SELECT {} FROM {table}{condition}", columns(connection, &table).await?);
    let part = part::write(target, format!("backups/{name}/{table}.copy.gz"), connection, &query).await?;
    Ok(Table { table, part })
}

/// Writes the list of the archive's files as far as the backup goes: after a restore, what comes behind the head is something else.
async fn write_archives(
    connection: &mut PgConnection,
    target: &Target,
    name: &str,
    head: i64,
) -> Result<Table, BackupError> {
    let mut forms = connection.begin().await?;
    sqlx::raw_sql(part::FORMS).execute(&mut *forms).await?;
    const ACROSS: &str = "SELECT EXISTS (SELECT FROM es.archives WHERE first_position <= $1 AND last_position > $1)";
    let across: bool = sqlx::query_scalar(ACROSS).bind(head).fetch_one(&mut *forms).await?;
    if across {
        return Err(BackupError::ArchivedMeanwhile);
    }
    let condition = format!(" WHERE last_position <= {head} ORDER BY first_position");
    let table = write_table(&mut forms, target, name, ARCHIVES.to_owned(), &condition).await?;
    forms.commit().await?;
    Ok(table)
}

/// The columns of a table that are not made of others, in their order, as a list.
async fn columns(connection: &mut PgConnection, table: &str) -> Result<String, BackupError> {
    const COLUMNS: &str = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''";
    Ok(sqlx::query_scalar(COLUMNS).bind(table).fetch_one(connection).await?)
}

/// Files that events or the archive's list name and the backup has not, those that are damaged, and those that an older backup
/// had and that are neither in the place nor where they came from.
fn lacking(wanted: Vec<Wanted>, archives: Index, gone: &BTreeSet<Uuid>, known: &Index, copied: &Copied) -> Vec<String> {
    let of_owners = wanted
        .into_iter()
        .map(|wanted| format!("{}/{}", wanted.owner, wanted.file.object));
    let missing = of_owners
        .chain(archives.into_keys())
        .filter(|path| !known.contains_key(path) && !copied.new.contains_key(path));
    let lost = copied.lost.iter().cloned();
    let is_gone = |path: &String| files::owner(path).is_some_and(|owner| gone.contains(&owner));
    let lacking = missing.chain(lost).filter(|path| !is_gone(path));
    let lacking: BTreeSet<String> = lacking.chain(copied.damaged.iter().cloned()).collect();
    lacking.into_iter().collect()
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
