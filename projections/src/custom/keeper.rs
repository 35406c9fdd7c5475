//! Brings one projection of one's own up to date: by what changed, or anew; and compares.
//!
//! Reading and writing go through two connections that share one snapshot: the analyst's, on which the statement runs, and
//! our own, on which the rows are written together with the position that they are of.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use spendlog_event_store::Journal;

use super::{
    BOOK, CustomError, ROWS_MAX,
    analyst::Analyst,
    incremental::{Plan, Role, quoted},
    statements::{Definition, computing},
    world::{World, forgotten},
};
use crate::{Group, ProjectionError, writer::Writer};

/// The longest key, as text, in bytes: an entry of an index has room for 2,700, and somebody's note can be longer.
const KEY_MAX: usize = 1000;
/// How far back a projection that is added is computed first, so that its last changes are added.
const REHEARSED: i64 = 10_000;

/// What was computed.
#[derive(Clone, Copy, Debug)]
pub struct Refreshed {
    /// How many rows: all of them, or those that changed.
    pub rows: u64,
    /// The position that they are of.
    pub position: i64,
    /// How long it took.
    pub took: Duration,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// The position that was compared at.
    pub position: i64,
    /// How many rows there are.
    pub rows: i64,
    /// How many rows of the statement are not there.
    pub missing: i64,
    /// How many rows are there that are not of the statement.
    pub surplus: i64,
    /// How long it took.
    pub took: Duration,
}

/// Computes a projection anew, also one that is paused, and leaves it so.
pub async fn refresh(journal: &Journal, name: &str) -> Result<Refreshed, CustomError> {
    loop {
        let mut keeper = Keeper::open(journal, name).await?;
        keeper.asked = true;
        match keeper.pass(true).await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            Err(error) if error.is_passing() => {}
            Err(error) => return Err(error),
        }
    }
}

/// Runs the statement as it was written, and compares its rows with those that are kept.
pub async fn verify(journal: &Journal, name: &str) -> Result<Verified, CustomError> {
    compared(journal, name, false).await
}

/// The same for one that is kept up to date by batches, after its rows were computed as of a while ago and brought up to date.
pub(crate) async fn rehearse(journal: &Journal, name: &str) -> Result<Verified, CustomError> {
    compared(journal, name, true).await
}

async fn compared(journal: &Journal, name: &str, rehearsed: bool) -> Result<Verified, CustomError> {
    loop {
        match Keeper::open(journal, name).await?.compare(rehearsed).await {
            Err(error) if error.is_passing() => {}
            done => return done,
        }
    }
}

/// The names of all columns that a statement could mean.
pub(crate) async fn known_columns(writer: &Writer) -> Result<BTreeSet<String>, ProjectionError> {
    let sql = "SELECT DISTINCT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE c.relnamespace IN ('analytics'::regnamespace, 'events'::regnamespace) AND a.attnum > 0";
    let rows = writer.query(sql.to_owned(), &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// What brings one projection up to date.
#[derive(Debug)]
pub(crate) struct Keeper {
    name: String,
    writer: Writer,
    analyst: Analyst,
    /// How it is done by batches, where it is.
    plan: Option<Plan>,
    /// Whether an operator asked for it, so that it is computed although it is paused.
    asked: bool,
    /// Up to where it was looked for owners who were forgotten.
    looked: i64,
    /// It has no more rows than these.
    bound: u64,
    /// The position that its rows are of.
    pub(crate) position: i64,
}

impl Keeper {
    /// Opens both connections.
    pub(crate) async fn open(journal: &Journal, name: &str) -> Result<Self, CustomError> {
        let writer = Writer::open(journal.database(), "spendlog custom", "custom_rows", false).await?;
        let definition = Definition::load(&writer, name).await?;
        let plan = match definition.every {
            Some(_) => None,
            None => {
                let plan = Plan::of(&definition.statement, &known_columns(&writer).await?);
                Some(plan.map_err(CustomError::NotIncremental)?)
            }
        };
        for table in plan.iter().flat_map(Plan::tables) {
            // What came lately must be found without reading the whole table. A rebuild copies the index.
            let known = "SELECT FROM pg_indexes WHERE schemaname = 'read' AND indexname = $1".to_owned();
            if writer.query(known, &[&format!("{table}_from")]).await?.is_empty() {
                let sql = format!("CREATE INDEX IF NOT EXISTS {table}_from ON read.{table} (from_position)");
                writer.client.batch_execute(&sql).await?;
            }
        }
        Ok(Self {
            name: name.to_owned(),
            analyst: Analyst::connect(journal).await?,
            writer,
            plan,
            asked: false,
            looked: 0,
            // Not known yet: the first change counts them.
            bound: ROWS_MAX,
            position: definition.position,
        })
    }

    /// Brings it up to date: `anew`, or as far as need be; none where nothing had to be done. After an error the keeper is
    /// given up.
    pub(crate) async fn pass(&mut self, anew: bool) -> Result<Option<Refreshed>, CustomError> {
        let started = Instant::now();
        self.writer.lock(computing(&self.name)).await?;
        self.begin().await?;
        let done = Box::pin(self.work(anew)).await?;
        self.writer.client.batch_execute("COMMIT").await?;
        self.writer.unlock(computing(&self.name)).await?;
        Ok(done.map(|(rows, position)| Refreshed {
            rows,
            position,
            took: started.elapsed(),
        }))
    }

    async fn begin(&self) -> Result<(), CustomError> {
        let tables = Group::ALL.iter().flat_map(|group| group.tables());
        let tables: Vec<String> = tables.map(|table| format!("read.{table}")).collect();
        // The lock comes before the snapshot, which a LOCK does not take: a rebuild that swapped the tables between the two would
        // leave us with new tables that look empty.
        let sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'; LOCK TABLE {} IN ACCESS SHARE MODE",
            tables.join(", ")
        );
        Ok(self.writer.client.batch_execute(&sql).await?)
    }

    async fn work(&mut self, anew: bool) -> Result<Option<(u64, i64)>, CustomError> {
        let definition = Definition::load(&self.writer, &self.name).await?;
        let world = World::see(&self.writer).await?;
        let reached = world.reached(self.plan.as_ref());
        let (since, incremental) = (definition.position, self.plan.is_some());
        self.position = since;
        if definition.paused_at.is_some() && !self.asked {
            return Ok(None);
        }
        let whole = anew
            || definition.generation < 0
            || definition.tombstones != world.tombstones
            || (incremental && (definition.generation != world.generation || reached < since))
            || forgotten(&self.writer, since.max(self.looked), reached).await?;
        self.looked = reached;
        if !whole && (!incremental || reached == since) {
            return Ok(None);
        }
        self.share_snapshot().await?;
        let rows = match &self.plan {
            Some(plan) if !whole => self.change(&definition, plan, reached).await?,
            _ => self.compute(&definition, reached).await?,
        };
        self.analyst.end().await?;
        self.bound = if whole { rows } else { self.bound.saturating_add(rows) };
        if self.bound > ROWS_MAX {
            self.bound = self.count(&definition).await?;
        }
        if self.bound > ROWS_MAX {
            return Err(CustomError::TooManyRows);
        }
        let sql = "UPDATE custom.statements SET position = $2, generation = $3, tombstones = $4, refreshed_at = clock_timestamp(), \
                   failure = NULL WHERE name = $1 AND position = $5 AND added_at = $6";
        let moved = self
            .writer
            .execute(
                sql.to_owned(),
                &[
                    &self.name,
                    &reached,
                    &world.generation,
                    &world.tombstones,
                    &since,
                    &definition.added_at,
                ],
            )
            .await?;
        if moved != 1 {
            return Err(ProjectionError::TakenOver.into());
        }
        self.position = reached;
        Ok(Some((rows, reached)))
    }

    async fn count(&self, definition: &Definition) -> Result<u64, ProjectionError> {
        let sql = format!("SELECT count(*) FROM {}", definition.table());
        let rows = self.writer.query(sql, &[]).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(count.unsigned_abs())
    }

    async fn share_snapshot(&self) -> Result<(), CustomError> {
        let rows = self.writer.query("SELECT pg_export_snapshot()".to_owned(), &[]).await?;
        let snapshot: &str = rows.first().map_or(Ok(""), |row| row.try_get(0))?;
        self.analyst.begin(snapshot).await
    }

    /// Computes all rows into a table beside the one that is read, which it takes the place of.
    async fn compute(&self, definition: &Definition, at: i64) -> Result<u64, CustomError> {
        let statement = match &self.plan {
            Some(plan) => plan.full(at),
            None => definition.statement.clone(),
        };
        let (table, beside) = (definition.table(), beside(&self.name));
        let count = self.fill(definition, &beside, &statement, self.plan.as_ref()).await?;
        let mut sql = format!("ALTER TABLE {beside} ADD PRIMARY KEY (_key);");
        if definition.columns.iter().any(|column| column.name == BOOK) {
            sql.push_str(&format!("CREATE INDEX ON {beside} ({BOOK}, _key);"));
        }
        if let Some(plan) = &self.plan {
            sql.push_str(&format!("CREATE INDEX ON {beside} (_rows) WHERE _rows <= 0;"));
            for (name, hidden) in sum_columns(plan, definition) {
                sql.push_str(&format!(
                    "CREATE INDEX ON {beside} ({hidden}) WHERE {hidden} = 0 AND {name} IS NOT NULL;"
                ));
            }
        }
        sql.push_str(&format!(
            "DROP TABLE IF EXISTS {table}; ALTER TABLE {beside} RENAME TO {}; ANALYZE {table}",
            quoted(&self.name)
        ));
        self.writer.client.batch_execute(&sql).await?;
        Ok(count)
    }

    /// Makes a table with the rows of a statement; those of a plan have their hidden columns.
    async fn fill(
        &self,
        definition: &Definition,
        table: &str,
        statement: &str,
        plan: Option<&Plan>,
    ) -> Result<u64, CustomError> {
        let own = definition
            .columns
            .iter()
            .map(|c| format!("{} {}", quoted(&c.name), c.kind));
        let hidden = plan.map(Plan::hidden).unwrap_or_default();
        let hidden = hidden.iter().map(|name| format!("{name} bigint NOT NULL"));
        let columns: Vec<String> = own.chain(hidden).collect();
        let sql = format!("CREATE TABLE {table} (_key jsonb NOT NULL, {})", columns.join(", "));
        self.writer.client.batch_execute(&sql).await?;
        let insert = insert(definition, table, plan);
        let mut first = 0;
        self.analyst
            .rows(statement, |rows| {
                let number = first;
                first += i64::try_from(rows.len()).unwrap_or_default();
                write(&self.writer, &insert, number, rows)
            })
            .await
    }

    /// Adds what the events since then have changed.
    async fn change(&self, definition: &Definition, plan: &Plan, until: i64) -> Result<u64, CustomError> {
        let (table, names) = (definition.table(), definition.names());
        let delta = plan.delta(definition.position, until, &names);
        let sums = plan.roles.iter().zip(&names).filter_map(|(role, name)| {
            let name = quoted(name);
            match role {
                Role::Key => None,
                Role::Count => Some(format!("{name} = t.{name} + excluded.{name}")),
                Role::Sum(number) => Some(format!(
                    "{name} = CASE WHEN t._n{number} + excluded._n{number} <> 0 \
                     THEN coalesce(t.{name}, 0) + coalesce(excluded.{name}, 0) END"
                )),
            }
        });
        let hidden = plan.hidden();
        let hidden = hidden.iter().map(|name| format!("{name} = t.{name} + excluded.{name}"));
        let set: Vec<String> = sums.chain(hidden).collect();
        let changed = format!(
            "{} ON CONFLICT (_key) DO UPDATE SET {}",
            insert(definition, &table, Some(plan)),
            set.join(", ")
        );
        let count = self
            .analyst
            .rows(&delta, |rows| write(&self.writer, &changed, 0, rows))
            .await?;
        if count > 0 {
            let sql = format!("DELETE FROM {table} WHERE _rows = 0");
            self.writer.execute(sql, &[]).await?;
            // In a group that is new a sum of what came and went again is 0, though nothing is summed.
            for (name, hidden) in sum_columns(plan, definition) {
                let sql = format!("UPDATE {table} SET {name} = NULL WHERE {hidden} = 0 AND {name} IS NOT NULL");
                self.writer.execute(sql, &[]).await?;
            }
            let sql = format!("SELECT EXISTS (SELECT FROM {table} WHERE _rows < 0)");
            let rows = self.writer.query(sql, &[]).await?;
            if rows.first().map_or(Ok(false), |row| row.try_get(0))? {
                return Err(CustomError::Damaged);
            }
        }
        Ok(count)
    }

    /// Computes the rows as of a while before `reached`, and adds what changed since, as if the events had only now come.
    async fn catch_up(&self, definition: &Definition, plan: &Plan, reached: i64) -> Result<(), CustomError> {
        let before = Definition {
            position: reached - (reached / 2).min(REHEARSED),
            ..definition.clone()
        };
        self.share_snapshot().await?;
        self.compute(&before, before.position).await?;
        self.change(&before, plan, reached).await?;
        self.analyst.end().await
    }

    async fn compare(&mut self, rehearsed: bool) -> Result<Verified, CustomError> {
        let started = Instant::now();
        self.writer.lock(computing(&self.name)).await?;
        self.begin().await?;
        Box::pin(self.work(false)).await?;
        let definition = Definition::load(&self.writer, &self.name).await?;
        let world = World::see(&self.writer).await?;
        let reached = world.reached(self.plan.as_ref());
        // One with a schedule, or one that is paused.
        if definition.position != reached {
            return Err(CustomError::Older {
                name: self.name.clone(),
                position: definition.position,
                reached,
            });
        }
        if let (true, Some(plan)) = (rehearsed, &self.plan) {
            Box::pin(self.catch_up(&definition, plan, reached)).await?;
        }
        // As it was written; only where it also reads events it must not see more of these than of the tables.
        let statement = match &self.plan {
            Some(plan) if plan.mixes_events() => plan.full(reached),
            _ => definition.statement.clone(),
        };
        self.share_snapshot().await?;
        let (table, beside) = (definition.table(), beside(&self.name));
        // Of a plan's statement the hidden columns are left out by what the table has.
        self.fill(&definition, &beside, &statement, None).await?;
        self.analyst.end().await?;
        let names: Vec<String> = definition.names().iter().map(|name| quoted(name)).collect();
        let names = names.join(", ");
        let rows_of = |table: &str| format!("SELECT to_jsonb(_r) FROM (SELECT {names} FROM {table}) _r");
        let (live, made) = (rows_of(&table), rows_of(&beside));
        let sql = format!(
            "SELECT (SELECT count(*) FROM ({made} EXCEPT ALL {live}) x), (SELECT count(*) FROM ({live} EXCEPT ALL {made}) x), \
               (SELECT count(*) FROM {table})"
        );
        let found = self.writer.client.query_one(&sql, &[]).await?;
        // What was brought up to date stays; what was made to compare goes.
        self.writer
            .client
            .batch_execute(&format!("DROP TABLE {beside}; COMMIT"))
            .await?;
        self.writer.unlock(computing(&self.name)).await?;
        Ok(Verified {
            position: definition.position,
            rows: found.try_get(2)?,
            missing: found.try_get(0)?,
            surplus: found.try_get(1)?,
            took: started.elapsed(),
        })
    }
}

/// The columns that are sums, each with the hidden one that counts what is summed.
fn sum_columns(plan: &Plan, definition: &Definition) -> Vec<(String, String)> {
    let columns = plan.roles.iter().zip(&definition.columns);
    let sums = columns.filter_map(|(role, column)| match role {
        Role::Sum(number) => Some((quoted(&column.name), format!("_n{number}"))),
        Role::Key | Role::Count => None,
    });
    sums.collect()
}

/// The table that rows are made in. No projection can be called so.
fn beside(name: &str) -> String {
    format!("custom_rows.{}", quoted(&format!("~{name}")))
}

/// The statement that inserts rows given as a JSON array. A row is found by its group, where it has one; otherwise by the place
/// that it came at. Of a group that is too long for an index it is the hash.
fn insert(definition: &Definition, table: &str, plan: Option<&Plan>) -> String {
    let names = definition.names();
    let all: Vec<String> = names
        .iter()
        .map(|name| quoted(name))
        .chain(plan.map(Plan::hidden).unwrap_or_default())
        .collect();
    let keys = plan.map(|plan| {
        let keys = plan.roles.iter().zip(&names).filter(|(role, _)| **role == Role::Key);
        let keys: Vec<String> = keys.map(|(_, name)| format!("r.{}", quoted(name))).collect();
        format!("jsonb_build_array({})", keys.join(", "))
    });
    let key = keys.unwrap_or_else(|| "to_jsonb($2::bigint + e.number)".to_owned());
    let values: Vec<String> = all.iter().map(|name| format!("r.{name}")).collect();
    format!(
        "INSERT INTO {table} AS t (_key, {}) \
         SELECT CASE WHEN octet_length(k.made::text) <= {KEY_MAX} THEN k.made \
             ELSE to_jsonb(encode(sha256(convert_to(k.made::text, 'UTF8')), 'hex')) END, {} \
         FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS e (doc, number), \
           jsonb_populate_record(NULL::{table}, e.doc) AS r, LATERAL (SELECT {key}) AS k (made) WHERE $2::bigint IS NOT NULL",
        all.join(", "),
        values.join(", ")
    )
}

async fn write(writer: &Writer, sql: &str, first: i64, rows: Vec<String>) -> Result<(), CustomError> {
    let rows = format!("[{}]", rows.join(","));
    Ok(writer.execute(sql.to_owned(), &[&rows, &first]).await.map(drop)?)
}
