//! Loads a backup into an empty database, in one transaction: it has all of it, or nothing.

use sqlx::{PgConnection, PgPool};

use super::{
    Backup, BackupError, Keys, Progress, Stage, Target, altered, count, keys, lock,
    make::SCHEMAS,
    manifest::{Range, Table},
    part::{Part, Reader},
};
use crate::{
    Database,
    database::{migrate_to, newest_known},
    rotation::OPENED,
};

/// Scope and name of the row in `es.keys` that stands for as long as what was forgotten after the backup is not applied.
const UNFINISHED: (&str, &str) = ("restore", "unfinished");

/// Whether the database has neither events nor keys, nor perhaps even tables.
pub async fn is_empty(database: &Database) -> Result<bool, BackupError> {
    let tables: bool = sqlx::query_scalar("SELECT to_regclass('es.events') IS NULL")
        .fetch_one(database.pool())
        .await?;
    Ok(tables || nothing_in(&mut *database.pool().acquire().await?).await?)
}

async fn nothing_in(connection: &mut PgConnection) -> Result<bool, BackupError> {
    const NOTHING: &str = "SELECT NOT EXISTS (SELECT FROM es.events) AND NOT EXISTS (SELECT FROM es.commits)
        AND NOT EXISTS (SELECT FROM es.keys)";
    Ok(sqlx::query_scalar(NOTHING).fetch_one(connection).await?)
}

/// Loads the journal of a backup, with these keys, into an empty database. The tables are made as they were when the backup was;
/// bringing them up to date, and applying the forgettings, is left to the caller: see [`finish`].
pub async fn load(
    database: &Database,
    target: &Target,
    backup: &Backup,
    keys: &Keys,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let manifest = &backup.manifest;
    if manifest.schema > newest_known() {
        return Err(BackupError::Newer {
            made_by: manifest.made_by.clone(),
        });
    }
    migrate_to(database, manifest.schema).await?;
    let mut transaction = database.pool().begin().await?;
    if !lock(&mut transaction, "SELECT pg_try_advisory_xact_lock($1)", OPENED).await? {
        return Err(BackupError::InUse);
    }
    sqlx::query("LOCK TABLE es.events, es.commits, es.keys IN EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    if !nothing_in(&mut transaction).await? {
        return Err(BackupError::NotEmpty);
    }
    for Range {
        from, events, commits, ..
    } in &manifest.journal
    {
        progress(Stage::Events, count(*from), count(backup.head.size));
        copy(&mut transaction, target, "es.events", events).await?;
        copy(&mut transaction, target, "es.commits", commits).await?;
    }
    progress(Stage::Events, count(backup.head.size), count(backup.head.size));
    for Table { table, part } in &manifest.tables {
        copy(&mut transaction, target, table, part).await?;
    }
    let columns = keys::COLUMNS.replace('\t', ", ");
    let mut rows = transaction
        .copy_in_raw(&format!("COPY es.keys ({columns}) FROM STDIN"))
        .await?;
    rows.send(keys.lines()).await?;
    rows.finish().await?;
    go_on_counting(&mut transaction).await?;
    sqlx::query("INSERT INTO es.keys (scope, name) VALUES ($1, $2)")
        .bind(UNFINISHED.0)
        .bind(UNFINISHED.1)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    sqlx::raw_sql("ANALYZE es.events; ANALYZE es.commits; ANALYZE es.keys")
        .execute(database.pool())
        .await?;
    Ok(())
}

/// Copies the rows of a part into its table.
async fn copy(connection: &mut PgConnection, target: &Target, table: &str, part: &Part) -> Result<(), BackupError> {
    let is_name = |name: &str| {
        name.bytes()
            .all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let ours = table
        .split_once('.')
        .is_some_and(|(schema, name)| SCHEMAS.contains(&schema) && is_name(name));
    if !ours {
        return Err(altered(&part.name, "it belongs to no table of ours"));
    }
    let mut reader = Reader::open(target, &part.name).await?;
    let columns: Vec<String> = reader.columns().iter().map(|column| format!("\"{column}\"")).collect();
    let copy = format!("COPY {table} ({}) FROM STDIN", columns.join(", "));
    let mut rows = connection.copy_in_raw(&copy).await?;
    loop {
        match reader.lines().await {
            Ok(Some(lines)) => {
                rows.send(lines).await?;
            }
            Ok(None) => break,
            Err(error) => {
                rows.abort("the backup can't be read").await?;
                return Err(error);
            }
        }
    }
    rows.finish().await?;
    part.expect(&reader.part())
}

/// Lets the numbers that tables give out by themselves go on after those that were loaded.
async fn go_on_counting(connection: &mut PgConnection) -> Result<(), BackupError> {
    const COUNTED: &str = "SELECT format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM %s',
            pg_get_serial_sequence(c.oid::regclass::text, a.attname), a.attname, c.oid::regclass)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY ($1) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            AND pg_get_serial_sequence(c.oid::regclass::text, a.attname) IS NOT NULL";
    let counted: Vec<String> = sqlx::query_scalar(COUNTED)
        .bind(SCHEMAS.map(str::to_owned).to_vec())
        .fetch_all(&mut *connection)
        .await?;
    for set in counted {
        sqlx::raw_sql(&set).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whether a backup was loaded, and what was forgotten after it is not applied yet: nobody may be served before it is.
pub async fn is_unfinished(database: &Database) -> Result<bool, BackupError> {
    const IS: &str = "SELECT EXISTS (SELECT FROM es.keys WHERE scope = $1 AND name = $2)";
    let is = sqlx::query_scalar(IS).bind(UNFINISHED.0).bind(UNFINISHED.1);
    Ok(is.fetch_one(database.pool()).await?)
}

/// All forgettings are applied: the ledger may be served.
pub async fn finish(pool: &PgPool) -> Result<(), BackupError> {
    sqlx::query("DELETE FROM es.keys WHERE scope = $1 AND name = $2")
        .bind(UNFINISHED.0)
        .bind(UNFINISHED.1)
        .execute(pool)
        .await?;
    Ok(())
}
