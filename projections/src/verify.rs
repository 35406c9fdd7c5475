//! Makes a group's tables again in a scratch place, and compares them with the live ones row by row, at one position.
//!
//! The live tables and their checkpoint are read in one snapshot, so that they stand at one position however long the
//! comparison takes; nobody waits for it. What is told of a row that differs is its key and the names of its columns.

use std::time::Duration;

use spendlog_event_store::Journal;

use crate::{
    Group, Progress, ProjectionError, Stage,
    beside::{Beside, Purpose},
    writer::Writer,
};

/// Differences that are told of a table.
const DIFFERENCES_MAX: i64 = 10;
/// With no more events than these left, the rest is applied in the snapshot.
const CLOSE: i64 = 1000;

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The position that the tables were compared at.
    pub position: i64,
    /// How many events were applied.
    pub events: u64,
    /// How long it took.
    pub took: Duration,
    /// Each table.
    pub tables: Vec<Compared>,
}

/// A table, compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its name.
    pub table: &'static str,
    /// How many rows the live one has.
    pub rows: i64,
    /// How many rows differ, are missing or should not be there.
    pub differing: i64,
    /// The first of them, in the order of their keys.
    pub first: Vec<Difference>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its primary key: `id=…, from_position=7`.
    pub key: String,
    /// How it differs.
    pub how: How,
}

/// How a row differs from what the events make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The live table lacks it.
    Missing,
    /// The live table has it, and should not.
    Surplus,
    /// These columns have other values.
    Columns(Vec<String>),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.how {
            How::Missing => write!(f, "{} is missing", self.key),
            How::Surplus => write!(f, "{} should not be there", self.key),
            How::Columns(columns) => write!(f, "{} differs in {}", self.key, columns.join(", ")),
        }
    }
}

/// Verifies a group's tables. `progress` hears of each batch. Refused while the group is being rebuilt or verified.
pub async fn verify(
    journal: &Journal,
    group: Group,
    mut progress: impl FnMut(&Progress),
) -> Result<Verified, ProjectionError> {
    let mut tables = Beside::make(journal, group, Purpose::Verify).await?;
    let done = work(&mut tables, &mut progress).await;
    tables.discard().await;
    done
}

async fn work(tables: &mut Beside, progress: &mut impl FnMut(&Progress)) -> Result<Verified, ProjectionError> {
    let live = checkpoint(tables.writer()?, tables.group).await?;
    tables.fill(Stage::Filling, live, progress).await?;
    loop {
        let live = checkpoint(tables.writer()?, tables.group).await?;
        if live - tables.position <= CLOSE {
            break;
        }
        tables.fill(Stage::CatchingUp, live, progress).await?;
    }
    progress(&tables.progress(Stage::Indexing, tables.position));
    tables.analyze().await?;
    let client = &tables.writer()?.client;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let compared = compare_all(tables, progress).await;
    // What the last events made goes with the snapshot.
    client.batch_execute("ROLLBACK").await?;
    let (position, events, compared) = compared?;
    Ok(Verified {
        position,
        events: tables.events + events,
        took: tables.elapsed(),
        tables: compared,
    })
}

async fn compare_all(
    tables: &Beside,
    progress: &mut impl FnMut(&Progress),
) -> Result<(i64, u64, Vec<Compared>), ProjectionError> {
    let writer = tables.writer()?;
    let position = checkpoint(writer, tables.group).await?;
    if position < tables.position {
        return Err(ProjectionError::TakenOver);
    }
    let events = tables.apply(position).await?;
    let mut compared = Vec::new();
    for table in tables.group.tables() {
        progress(&tables.progress(Stage::Comparing, position));
        compared.push(compare(writer, table).await?);
    }
    Ok((position, events, compared))
}

async fn checkpoint(writer: &Writer, group: Group) -> Result<i64, ProjectionError> {
    let sql = "SELECT position FROM read.checkpoints WHERE name = $1".to_owned();
    let rows = writer.query(sql, &[&group.name()]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

async fn compare(writer: &Writer, table: &'static str) -> Result<Compared, ProjectionError> {
    let sql = "SELECT a.attname::text, coalesce(a.attnum = ANY (c.conkey), false) \
               FROM pg_attribute a LEFT JOIN pg_constraint c ON c.conrelid = a.attrelid AND c.contype = 'p' \
               WHERE a.attrelid = format('read.%I', $1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped \
               ORDER BY a.attnum";
    let (mut all, mut key) = (Vec::<String>::new(), Vec::<String>::new());
    for row in writer.query(sql.to_owned(), &[&table]).await? {
        all.push(row.try_get(0)?);
        if row.try_get(1)? {
            key.push(row.try_get(0)?);
        }
    }
    let each = |columns: &[String], write: &dyn Fn(&str) -> String, between: &str| {
        let written: Vec<String> = columns.iter().map(|column| write(column)).collect();
        written.join(between)
    };
    let Some(first) = key.first() else {
        return Err(ProjectionError::Row { table });
    };
    let sql = format!(
        "SELECT {told}, live.{first} IS NULL, made.{first} IS NULL, array_remove(ARRAY[{columns}], NULL), count(*) OVER () \
         FROM read.{table} live FULL JOIN {schema}.{table} made ON {same} \
         WHERE live.{first} IS NULL OR made.{first} IS NULL OR ({left}) IS DISTINCT FROM ({right}) \
         ORDER BY {order} LIMIT {DIFFERENCES_MAX}",
        schema = writer.schema,
        told = each(
            &key,
            &|c| format!("'{c}=' || coalesce(live.{c}, made.{c})::text"),
            " || ', ' || "
        ),
        columns = each(
            &all,
            &|c| format!("CASE WHEN live.{c} IS DISTINCT FROM made.{c} THEN '{c}' END"),
            ", "
        ),
        same = each(&key, &|c| format!("live.{c} = made.{c}"), " AND "),
        left = each(&all, &|c| format!("live.{c}"), ", "),
        right = each(&all, &|c| format!("made.{c}"), ", "),
        order = each(&key, &|c| format!("coalesce(live.{c}, made.{c})"), ", "),
    );
    let found = writer.query(sql, &[]).await?;
    let first = found.iter().map(|row| {
        let how = match (row.try_get(1)?, row.try_get(2)?) {
            (true, _) => How::Missing,
            (_, true) => How::Surplus,
            _ => How::Columns(row.try_get(3)?),
        };
        Ok(Difference {
            key: row.try_get(0)?,
            how,
        })
    });
    let first = first.collect::<Result<Vec<_>, ProjectionError>>()?;
    let rows = writer.query(format!("SELECT count(*) FROM read.{table}"), &[]).await?;
    Ok(Compared {
        table,
        rows: rows.first().map_or(Ok(0), |row| row.try_get(0))?,
        differing: found.first().map_or(Ok(0), |row| row.try_get(4))?,
        first,
    })
}
