//! The connection that a projection writes through.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use futures_util::SinkExt;
use spendlog_event_store::Database;
use tokio_postgres::{Client, Row, Statement, types::ToSql};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Group, ProjectionError, rows::Rows};

/// What a connection calls itself, and the process that it belongs to: `spendlog projection 4711@host`.
fn named(work: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{work} {}@{}", std::process::id(), host.trim())
}

/// Opens a connection and drives it until the client is dropped. The token is cancelled when it is lost.
pub(crate) async fn connect(
    database: &Database,
    application: &str,
    options: &str,
) -> Result<(Client, CancellationToken), ProjectionError> {
    let config = database.config(application, options);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let lost = CancellationToken::new();
    let guard = lost.clone().drop_guard();
    tokio::spawn(async move {
        let _lost = guard;
        // The client's own calls report a broken connection; here it only has to end.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the read tables ended");
        }
    });
    Ok((client, lost))
}

/// A connection of one's own, the schema that it writes into, and its prepared statements.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) client: Client,
    /// Cancelled when the connection is lost.
    pub(crate) lost: CancellationToken,
    pub(crate) schema: String,
    /// Whether rows are copied rather than inserted: faster for many, and only possible into tables that don't have them.
    copies: bool,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Writer {
    /// Read tables are made of the journal, so a lost commit is only made again: nobody waits for the disk here.
    pub(crate) async fn open(
        database: &Database,
        application: &str,
        schema: &str,
        copies: bool,
    ) -> Result<Self, ProjectionError> {
        let options = "-c synchronous_commit=off -c jit=off";
        let (client, lost) = connect(database, &named(application), options).await?;
        Ok(Self {
            client,
            lost,
            schema: schema.to_owned(),
            copies,
            statements: Mutex::default(),
        })
    }

    /// The statement, prepared once per connection.
    pub(crate) async fn prepare(&self, sql: String) -> Result<Statement, ProjectionError> {
        let known = self
            .statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&sql)
            .cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(&sql).await?;
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sql, statement.clone());
        Ok(statement)
    }

    /// Reads rows.
    pub(crate) async fn query(&self, sql: String, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, ProjectionError> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    /// The newest row of each of these things, which is the one that holds now. It stands last in the key; looked for by where it
    /// ends, all versions would be read, of which a busy account has one for each posting.
    pub(crate) async fn newest(&self, table: &str, columns: &str, ids: &[Uuid]) -> Result<Vec<Row>, ProjectionError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT newest.* FROM unnest($1::uuid[]) AS wanted (wanted_id) CROSS JOIN LATERAL ( \
               SELECT {columns} FROM {}.{table} WHERE id = wanted_id ORDER BY from_position DESC LIMIT 1) AS newest",
            self.schema
        );
        self.query(sql, &[&ids]).await
    }

    /// Changes rows.
    pub(crate) async fn execute(&self, sql: String, params: &[&(dyn ToSql + Sync)]) -> Result<u64, ProjectionError> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.execute(&statement, params).await?)
    }

    /// Waits for an advisory lock, which goes with the connection.
    pub(crate) async fn lock(&self, lock: i64) -> Result<(), ProjectionError> {
        let sql = "SELECT pg_advisory_lock($1)".to_owned();
        self.query(sql, &[&lock]).await.map(drop)
    }

    /// The same, together with others who take it like this.
    pub(crate) async fn lock_shared(&self, lock: i64) -> Result<(), ProjectionError> {
        let sql = "SELECT pg_advisory_lock_shared($1)".to_owned();
        self.query(sql, &[&lock]).await.map(drop)
    }

    /// Takes an advisory lock, which goes with the connection; whether it was free.
    pub(crate) async fn try_lock(&self, lock: i64) -> Result<bool, ProjectionError> {
        let sql = "SELECT pg_try_advisory_lock($1)".to_owned();
        Ok(self.query(sql, &[&lock]).await?.iter().all(|row| row.get(0)))
    }

    /// Lets go of an advisory lock.
    pub(crate) async fn unlock(&self, lock: i64) -> Result<(), ProjectionError> {
        let sql = "SELECT pg_advisory_unlock($1)".to_owned();
        self.query(sql, &[&lock]).await.map(drop)
    }

    /// Adds rows, where there are any.
    pub(crate) async fn add(&self, rows: Rows) -> Result<(), ProjectionError> {
        if rows.is_empty() {
            return Ok(());
        }
        // A row that may be there already can't be copied.
        if self.copies && rows.table.on_conflict.is_empty() {
            let sink = self.client.copy_in(&rows.copy_statement(&self.schema)).await?;
            let mut sink = std::pin::pin!(sink);
            sink.send(bytes::Bytes::from(rows.copy())).await?;
            sink.finish().await?;
        } else {
            let sql = rows.statement(&self.schema);
            let parameters = rows.parameters();
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|p| &**p as &(dyn ToSql + Sync)).collect();
            self.execute(sql, &parameters).await?;
        }
        Ok(())
    }

    /// Ends rows: those of `table` that begin at `from` end at `to`.
    pub(crate) async fn close(&self, table: &str, closed: &Closed) -> Result<(), ProjectionError> {
        if closed.ids.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {}.{table} t SET to_position = u.until FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS u (id, since, until) \
             WHERE t.id = u.id AND t.from_position = u.since",
            self.schema
        );
        self.execute(sql, &[&closed.ids, &closed.from, &closed.to]).await?;
        Ok(())
    }
}

/// Does `work` (`ANALYZE`, `VACUUM`) on each of a group's live tables, on a connection of its own.
pub(crate) async fn maintain(database: &Database, group: Group, work: &str) -> Result<(), ProjectionError> {
    let writer = Writer::open(database, "spendlog maintenance", "read", false).await?;
    for table in group.tables() {
        writer.client.batch_execute(&format!("{work} read.{table}")).await?;
    }
    Ok(())
}

/// Rows that end.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) from: Vec<i64>,
    pub(crate) to: Vec<i64>,
}

impl Closed {
    pub(crate) fn push(&mut self, id: Uuid, (from, to): (i64, i64)) {
        self.ids.push(id);
        self.from.push(from);
        self.to.push(to);
    }
}
