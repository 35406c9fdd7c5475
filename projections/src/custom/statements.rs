//! The projections of one's own that there are: adding, removing, pausing them, and how they stand.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use spendlog_event_store::{Journal, Query, Share, lock_key};
use tokio::time::sleep;
use tokio_postgres::{Row, Statement};

use super::{
    BOOK, COLUMNS_MAX, COUNT_MAX, Column, CustomError, NotIncremental, STATEMENT_MAX, Status,
    analyst::{Analyst, provide},
    archiving::{hold_events, is_archived},
    incremental::{Plan, Role, quoted},
    is_by_book,
    keeper::{Refreshed, known_columns, refresh, rehearse},
    supervisor::LOCK,
};
use crate::{Group, ProjectionError, Projections, RunBy, writer::Writer};

/// What was added.
#[derive(Clone, Debug)]
pub struct Added {
    /// Its columns.
    pub columns: Vec<Column>,
    /// How many rows it has.
    pub rows: u64,
    /// The position that they are of.
    pub position: i64,
    /// How long they took to be computed.
    pub took: Duration,
    /// Whether everybody may read it, each the rows of their own books.
    pub by_book: bool,
    /// What the role that it runs as can do although it should not.
    pub weakness: Option<String>,
}

/// A projection of one's own as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) statement: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) every: Option<Duration>,
    pub(crate) position: i64,
    pub(crate) generation: i64,
    pub(crate) tombstones: i64,
    pub(crate) refreshed_at: Option<DateTime<Utc>>,
    pub(crate) failure: Option<String>,
    pub(crate) paused_at: Option<DateTime<Utc>>,
    pub(crate) added_at: DateTime<Utc>,
}

const COLUMNS: &str = "name, statement, columns, types, every_seconds, position, generation, tombstones, refreshed_at, failure, \
                       paused_at, added_at";

/// Columns, by their names and types as they are stored.
pub(super) fn columns_of(names: Vec<String>, kinds: Vec<String>) -> Vec<Column> {
    let columns = names.into_iter().zip(kinds);
    columns.map(|(name, kind)| Column { name, kind }).collect()
}

impl Definition {
    fn read(row: &Row) -> Result<Self, ProjectionError> {
        let (names, kinds): (Vec<String>, Vec<String>) = (row.try_get(2)?, row.try_get(3)?);
        let every: Option<i64> = row.try_get(4)?;
        Ok(Self {
            name: row.try_get(0)?,
            statement: row.try_get(1)?,
            columns: columns_of(names, kinds),
            every: every.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
            position: row.try_get(5)?,
            generation: row.try_get(6)?,
            tombstones: row.try_get(7)?,
            refreshed_at: row.try_get(8)?,
            failure: row.try_get(9)?,
            paused_at: row.try_get(10)?,
            added_at: row.try_get(11)?,
        })
    }

    /// The one of this name, through a writer's connection.
    pub(crate) async fn load(writer: &Writer, name: &str) -> Result<Self, CustomError> {
        let sql = format!("SELECT {COLUMNS} FROM custom.statements WHERE name = $1");
        match writer.query(sql, &[&name]).await?.first() {
            Some(row) => Ok(Self::read(row)?),
            None => Err(CustomError::Unknown(name.to_owned())),
        }
    }

    /// All of them, by name; not what is still being added.
    pub(crate) async fn all(writer: &Writer) -> Result<Vec<Self>, ProjectionError> {
        let sql = format!("SELECT {COLUMNS} FROM custom.statements WHERE verified ORDER BY name");
        writer.query(sql, &[]).await?.iter().map(Self::read).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The table of its rows.
    pub(crate) fn table(&self) -> String {
        format!("custom_rows.{}", quoted(&self.name))
    }
}

/// Adds a projection, and computes it for the first time. Without a schedule it is kept up to date with each batch of events, or
/// refused where that can't be.
pub async fn add(
    journal: &Journal,
    name: &str,
    statement: &str,
    every: Option<Duration>,
) -> Result<Added, CustomError> {
    if !is_name(name) {
        return Err(CustomError::Name(name.to_owned()));
    }
    if statement.len() > STATEMENT_MAX {
        return Err(CustomError::Length);
    }
    // What ends the statement is not part of it.
    let statement = statement.trim_end().trim_end_matches(';');
    let weakness = provide(journal).await?;
    let writer = Writer::open(journal.database(), "spendlog operator", "custom", false).await?;
    let analyst = Analyst::connect(journal).await?;
    let columns = columns(&writer, &analyst, statement).await?;
    let reads_events = analyst.reads_events(statement).await?;
    // Until it is stored: then nothing is archived because of it.
    let held = match reads_events {
        true => Some(hold_events(journal.database(), Share::Together).await?),
        false => None,
    };
    if reads_events && is_archived(&writer).await? {
        return Err(CustomError::Archived);
    }
    if every.is_none() {
        let plan = Plan::of(statement, &known_columns(&writer).await?).map_err(CustomError::NotIncremental)?;
        adds_up(&plan, &columns).map_err(CustomError::NotIncremental)?;
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        analyst
            .understand(&plan.delta(0, 0, &names))
            .await
            .map_err(|error| match error {
                CustomError::Statement { message, .. } => CustomError::NotIncremental(NotIncremental {
                    why: format!("of what a batch changes Postgres can't compute it: {message}"),
                    line: None,
                }),
                error => error,
            })?;
    }
    sweep(&writer, Duration::ZERO).await?;
    if !writer.try_lock(adding(name)).await? {
        return Err(CustomError::Exists(name.to_owned()));
    }
    let done = async {
        store(&writer, name, statement, &columns, every, reads_events).await?;
        drop(held);
        match compute_first(journal, &writer, name, every.is_none()).await {
            Err(error) => {
                remove(journal, name).await?;
                Err(error)
            }
            done => done,
        }
    };
    let done = Box::pin(done).await;
    // It goes with the connection, but that takes its time.
    let _best_effort = writer.unlock(adding(name)).await;
    let refreshed = done?;
    Ok(Added {
        by_book: is_by_book(&columns),
        columns,
        rows: refreshed.rows,
        position: refreshed.position,
        took: refreshed.took,
        weakness,
    })
}

/// Computes one that is being added. From then on it is there, for those who read it and for what keeps it up to date.
async fn compute_first(
    journal: &Journal,
    writer: &Writer,
    name: &str,
    incremental: bool,
) -> Result<Refreshed, CustomError> {
    let refreshed = refresh(journal, name).await?;
    if incremental {
        // That it comes out the same in both ways is shown rather than believed.
        let verified = rehearse(journal, name).await?;
        if verified.missing + verified.surplus > 0 {
            return Err(CustomError::NotIncremental(NotIncremental {
                why: "computed in that way it comes out differently".to_owned(),
                line: None,
            }));
        }
    }
    let sql = "UPDATE custom.statements SET verified = true WHERE name = $1".to_owned();
    match writer.execute(sql, &[&name]).await? {
        0 => Err(CustomError::Unknown(name.to_owned())),
        _ => Ok(refreshed),
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= 48
        && Group::named(name).is_none()
}

/// What a statement shows. It must be a query, whose rows a table can hold.
async fn columns(writer: &Writer, analyst: &Analyst, statement: &str) -> Result<Vec<Column>, CustomError> {
    let understood: Statement = analyst.understand(statement).await?;
    let shape = |why: &str| Err(CustomError::Shape(why.to_owned()));
    if !understood.params().is_empty() {
        return shape("a projection has no parameters ($1)");
    }
    if understood.columns().is_empty() {
        return shape("a projection is one SELECT that shows at least one column");
    }
    if understood.columns().len() > COLUMNS_MAX {
        return Err(CustomError::Shape(format!(
            "a projection has {COLUMNS_MAX} columns at most"
        )));
    }
    // It will stand in parentheses, where nothing but a query can.
    analyst
        .understand(&format!("SELECT * FROM (\n{statement}\n) AS s"))
        .await
        .map_err(|error| match error {
            CustomError::Statement { message, .. } => {
                CustomError::Shape(format!("a projection is one SELECT: {message}"))
            }
            error => error,
        })?;
    let mut columns: Vec<Column> = Vec::new();
    for column in understood.columns() {
        let name = column.name();
        if name.is_empty() || name.starts_with('_') || name == "?column?" {
            return Err(CustomError::Shape(format!(
                "column {} has no name that can be kept (`{name}`); give it one by AS, not beginning with _",
                columns.len() + 1
            )));
        }
        if columns.iter().any(|known| known.name == name) {
            return Err(CustomError::Shape(format!(
                "two columns are called {name}; rename one by AS"
            )));
        }
        // Of a type with a length Postgres knows the length here no more.
        let sql = "SELECT CASE WHEN typname IN ('bpchar', 'char', 'name', 'unknown') THEN 'text' ELSE format_type(oid, NULL) END, typtype::text \
                   FROM pg_type WHERE oid = $1";
        let rows = writer.query(sql.to_owned(), &[&column.type_().oid()]).await?;
        let Some(row) = rows.first() else {
            return Err(CustomError::Shape(format!("the type of {name} is not known")));
        };
        let (kind, sort): (String, String) = (
            row.try_get(0).map_err(ProjectionError::from)?,
            row.try_get(1).map_err(ProjectionError::from)?,
        );
        if sort == "p" || sort == "c" {
            return Err(CustomError::Shape(format!(
                "{name} is a {kind}, which no table can hold"
            )));
        }
        if name == BOOK && kind != "uuid" {
            return Err(CustomError::Shape(format!(
                "{BOOK} must be a book's id, and is a {kind}"
            )));
        }
        columns.push(Column {
            name: name.to_owned(),
            kind,
        });
    }
    Ok(columns)
}

/// Sums must be exact: of floating numbers the order decides.
fn adds_up(plan: &Plan, columns: &[Column]) -> Result<(), NotIncremental> {
    for (role, column) in plan.roles.iter().zip(columns) {
        if matches!(role, Role::Sum(_)) && !matches!(column.kind.as_str(), "bigint" | "numeric") {
            return Err(NotIncremental {
                why: format!("the sum {} is no exact number (it is a {})", column.name, column.kind),
                line: None,
            });
        }
    }
    Ok(())
}

async fn store(
    writer: &Writer,
    name: &str,
    statement: &str,
    columns: &[Column],
    every: Option<Duration>,
    reads_events: bool,
) -> Result<(), CustomError> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let kinds: Vec<&str> = columns.iter().map(|column| column.kind.as_str()).collect();
    let every = every.map(|every| i64::try_from(every.as_secs()).unwrap_or(i64::MAX));
    let sql = "INSERT INTO custom.statements (name, statement, columns, types, every_seconds, reads_events, verified) \
               SELECT $1, $2, $3, $4, $5, $6, false \
               WHERE (SELECT count(*) FROM custom.statements) < $7 ON CONFLICT DO NOTHING";
    let stored = writer
        .execute(
            sql.to_owned(),
            &[&name, &statement, &names, &kinds, &every, &reads_events, &COUNT_MAX],
        )
        .await?;
    if stored == 1 {
        return Ok(());
    }
    match Definition::load(writer, name).await {
        Ok(_) => Err(CustomError::Exists(name.to_owned())),
        Err(_) => Err(CustomError::TooMany),
    }
}

/// Removes a projection and its rows.
pub async fn remove(journal: &Journal, name: &str) -> Result<(), CustomError> {
    let writer = Writer::open(journal.database(), "spendlog operator", "custom", false).await?;
    writer.lock(computing(name)).await?;
    let sql = "DELETE FROM custom.statements WHERE name = $1".to_owned();
    let removed = writer.execute(sql, &[&name]).await?;
    if removed == 0 {
        return Err(CustomError::Unknown(name.to_owned()));
    }
    let sql = format!("DROP TABLE IF EXISTS custom_rows.{}", quoted(name));
    Ok(writer.client.batch_execute(&sql).await?)
}

/// The lock that whoever computes a projection holds, or removes it: one at a time.
pub(super) fn computing(name: &str) -> i64 {
    lock_key(&format!("computing {name}"))
}

/// The lock that whoever adds a projection holds as long as it is not known to be right.
pub(crate) fn adding(name: &str) -> i64 {
    lock_key(&format!("adding {name}"))
}

/// Removes what was being added by somebody who was killed; one who was killed this moment may need as long as `patience` to
/// let go of it.
async fn sweep(writer: &Writer, patience: Duration) -> Result<(), ProjectionError> {
    let until = Instant::now() + patience;
    let sql = "SELECT name FROM custom.statements WHERE NOT verified ORDER BY name".to_owned();
    for row in writer.query(sql, &[]).await? {
        let name: &str = row.try_get(0)?;
        while !swept(writer, name).await? && Instant::now() < until {
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// Removes one that was being added; not while somebody is.
async fn swept(writer: &Writer, name: &str) -> Result<bool, ProjectionError> {
    if !writer.try_lock(adding(name)).await? {
        return Ok(false);
    }
    let sql = "SELECT FROM custom.statements WHERE name = $1 AND NOT verified".to_owned();
    if !writer.query(sql, &[&name]).await?.is_empty() {
        // The rows first: what is left by an end between the two is found again.
        let sql = format!("DROP TABLE IF EXISTS custom_rows.{}", quoted(name));
        writer.client.batch_execute(&sql).await?;
        let sql = "DELETE FROM custom.statements WHERE name = $1 AND NOT verified".to_owned();
        writer.execute(sql, &[&name]).await?;
        tracing::info!(
            projection = name,
            "dropped what was left of a projection that was being added"
        );
    }
    writer.unlock(adding(name)).await?;
    Ok(true)
}

/// Keeps what went wrong, or that nothing did.
pub(crate) async fn keep_failure(journal: &Journal, name: &str, failure: &str) -> Result<(), ProjectionError> {
    let writer = Writer::open(journal.database(), "spendlog custom", "custom", false).await?;
    let sql = "UPDATE custom.statements SET failure = $2 WHERE name = $1 AND failure IS DISTINCT FROM $2";
    writer.execute(sql.to_owned(), &[&name, &failure]).await.map(drop)
}

impl Projections {
    /// How all projections of one's own stand, by name.
    pub async fn custom(&self) -> Result<Vec<Status>, ProjectionError> {
        let sql = format!("SELECT {COLUMNS} FROM custom.statements WHERE verified ORDER BY name");
        let rows = self.reader().query(&sql, &[]).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let run_by = self.holder(LOCK).await?;
        let mut all = Vec::new();
        for row in rows {
            all.push(self.how_stands(Definition::read(&row)?, run_by.clone()).await?);
        }
        Ok(all)
    }

    /// How one of them stands.
    pub async fn custom_status(&self, name: &str) -> Result<Status, CustomError> {
        let sql = format!("SELECT {COLUMNS} FROM custom.statements WHERE name = $1 AND verified");
        let rows = self.reader().query(&sql, &[&name]).await?;
        let Some(row) = rows.first() else {
            return Err(CustomError::Unknown(name.to_owned()));
        };
        let definition = Definition::read(row)?;
        let run_by = self.holder(LOCK).await?;
        Ok(self.how_stands(definition, run_by).await?)
    }

    async fn how_stands(&self, definition: Definition, run_by: Option<RunBy>) -> Result<Status, ProjectionError> {
        let head = (*self.0.journal.head().borrow()).max(definition.position);
        Ok(Status {
            head,
            lag_seconds: self.waiting_since(definition.position, head).await?,
            run_by,
            name: definition.name,
            columns: definition.columns,
            every: definition.every,
            position: definition.position,
            refreshed_at: definition.refreshed_at,
            failure: definition.failure,
            paused_at: definition.paused_at,
        })
    }

    /// Waits until no projection of one's own can show anybody who was forgotten up to this position: each is computed anew,
    /// or emptied.
    pub async fn wait_forgotten(&self, position: i64, timeout: Duration) -> Result<(), CustomError> {
        let deadline = Instant::now() + timeout;
        let sql = "SELECT name FROM custom.statements WHERE generation >= 0 \
                     AND (position < $1 OR tombstones <> (SELECT count(*) FROM es.keys WHERE wrapped IS NULL)) \
                   ORDER BY name LIMIT 1";
        loop {
            let rows = self.reader().query(sql, &[&position]).await?;
            let Some(row) = rows.first() else { return Ok(()) };
            if Instant::now() >= deadline {
                return Err(CustomError::Remembers(row.try_get(0)?));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Drops what is left of projections that were being added by somebody who was killed; one who was killed this moment may
    /// need as long as `patience` to be gone.
    pub(crate) async fn sweep_custom(&self, patience: Duration) -> Result<(), ProjectionError> {
        let sql = "SELECT FROM custom.statements WHERE NOT verified LIMIT 1";
        if self.reader().query(sql, &[]).await?.is_empty() {
            return Ok(());
        }
        let writer = Writer::open(self.0.journal.database(), "spendlog sweep", "custom", false).await?;
        sweep(&writer, patience).await
    }

    /// Has a projection of one's own rest where it is, or go on.
    pub async fn pause_custom(&self, name: &str, paused: bool) -> Result<(), CustomError> {
        let writer = Writer::open(self.0.journal.database(), "spendlog operator", "custom", false).await?;
        // What is under way comes to its end before.
        writer.lock(computing(name)).await?;
        let sql = "UPDATE custom.statements SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END \
             WHERE name = $1 AND verified";
        match writer.execute(sql.to_owned(), &[&name, &paused]).await? {
            0 => Err(CustomError::Unknown(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// How long the first event after a position has been waiting, in seconds.
    async fn waiting_since(&self, position: i64, head: i64) -> Result<i64, ProjectionError> {
        if position >= head {
            return Ok(0);
        }
        let query = Query {
            after: position,
            limit: 1,
            ..Query::default()
        };
        let next = self.0.journal.read(&query).await?;
        Ok(next.first().map_or(0, crate::projections::seconds_since))
    }
}
