//! What an operator asks: how each projection stands, and whether it may run.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use crate::{Group, Lag, ProjectionError, Projections, writer::Writer};

/// A process that works on a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunBy {
    /// Its number.
    pub pid: u32,
    /// The machine that it runs on; empty where that is not known.
    pub host: String,
}

impl std::fmt::Display for RunBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.pid)?;
        if self.host.is_empty() {
            Ok(())
        } else {
            write!(f, " on {}", self.host)
        }
    }
}

/// How a projection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How far it has come, and how far it is behind.
    pub lag: Lag,
    /// The newest position of the journal.
    pub head: i64,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who keeps it up to date: the process that would go on if it were resumed, where it is paused.
    pub run_by: Option<RunBy>,
    /// Who rebuilds or verifies it this moment.
    pub made_beside_by: Option<RunBy>,
}

impl Projections {
    /// How a projection stands.
    pub async fn status(&self, group: Group) -> Result<Status, ProjectionError> {
        let lag = self.lag(group).await?;
        let rows = self
            .reader()
            .query(
                "SELECT paused_at FROM read.checkpoints WHERE name = $1",
                &[&group.name()],
            )
            .await?;
        let paused_at = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
        Ok(Status {
            lag,
            head: lag.position + lag.events,
            paused_at,
            run_by: self.holder(group.lock()).await?,
            made_beside_by: self.holder(group.lock_beside()).await?,
        })
    }

    /// The projections that are paused.
    pub async fn paused(&self) -> Result<Vec<Group>, ProjectionError> {
        let sql = "SELECT name FROM read.checkpoints WHERE paused_at IS NOT NULL ORDER BY name";
        let rows = self.reader().query(sql, &[]).await?;
        let names = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<&str>, _>>()?;
        Ok(names.into_iter().filter_map(Group::named).collect())
    }

    /// Pauses a projection, whichever process runs it: when this answers, no further batch is applied until it is
    /// resumed. One that is paused stays so.
    pub async fn pause(&self, group: Group) -> Result<(), ProjectionError> {
        let sql = "INSERT INTO read.checkpoints (name, position, paused_at) VALUES ($1, 0, now()) \
                   ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(read.checkpoints.paused_at, now())";
        self.change(group, sql).await
    }

    /// Lets a projection go on, within half a second. One that is not paused is not disturbed.
    pub async fn resume(&self, group: Group) -> Result<(), ProjectionError> {
        let sql = "UPDATE read.checkpoints SET paused_at = NULL WHERE name = $1 AND paused_at IS NOT NULL";
        self.change(group, sql).await
    }

    async fn change(&self, group: Group, sql: &str) -> Result<(), ProjectionError> {
        let database = self.0.journal.database();
        let writer = Writer::open(database, "spendlog operator", "read", false).await?;
        writer.execute(sql.to_owned(), &[&group.name()]).await?;
        Ok(())
    }

    /// The process whose connection holds this advisory lock.
    pub(crate) async fn holder(&self, lock: i64) -> Result<Option<RunBy>, ProjectionError> {
        found(&self.reader().query(HOLDER, &[&lock]).await?)
    }
}

/// Postgres keeps the two halves of the number that a lock is called by.
const HOLDER: &str = "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND a.datname = current_database() \
      AND l.database = a.datid AND l.classid = ($1::bigint >> 32)::oid AND l.objid = ($1::bigint & 4294967295)::oid";

/// The process that made the connection of this name: `spendlog projection 4711@host`.
fn process(application: &str) -> RunBy {
    let last = application.rsplit(' ').next().unwrap_or_default();
    let (pid, host) = last.split_once('@').unwrap_or((last, ""));
    RunBy {
        pid: pid.parse().unwrap_or_default(),
        host: host.to_owned(),
    }
}

/// The process whose connection holds this advisory lock, asked through a writer's own connection.
pub(crate) async fn holder(writer: &Writer, lock: i64) -> Result<Option<RunBy>, ProjectionError> {
    found(&writer.query(HOLDER.to_owned(), &[&lock]).await?)
}

fn found(holders: &[Row]) -> Result<Option<RunBy>, ProjectionError> {
    holders.first().map(|row| Ok(process(row.try_get(0)?))).transpose()
}
