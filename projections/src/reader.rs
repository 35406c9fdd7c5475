//! The connections that queries go through.
//!
//! A few connections, each carrying several queries at once: a query waits for no connection, costs one message each way,
//! and is prepared once per connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use spendlog_event_store::Database;
use tokio_postgres::{Client, Row, Statement, types::ToSql};
use tokio_util::sync::CancellationToken;

use crate::{ProjectionError, writer::connect};

/// A query that takes longer than this is broken off: no page is worth it.
///
/// Books differ in size by orders of magnitude, so each query is planned for the values it has. Pages are small and mostly
/// in memory: reading them in the order of an index costs little more than in theirs, and no page is worth a second process.
const OPTIONS: &str = "-c statement_timeout=5000 -c plan_cache_mode=force_custom_plan -c random_page_cost=1.1 \
                       -c max_parallel_workers_per_gather=0 -c jit=off";
/// Statements kept per connection; filters combine to more than are worth keeping.
const STATEMENTS_MAX: usize = 500;

/// Runs queries on the read tables. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    database: Database,
    slots: Vec<Slot>,
}

#[derive(Default)]
struct Slot {
    open: tokio::sync::Mutex<Option<Arc<Open>>>,
    /// How many queries are under way.
    busy: AtomicUsize,
}

struct Open {
    client: Client,
    /// Cancelled when the connection is lost.
    lost: CancellationToken,
    statements: Mutex<HashMap<String, Statement>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("connections", &self.0.slots.len())
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Queries through at most so many connections, each opened when it is first needed.
    pub fn new(database: Database, connections: usize) -> Self {
        let slots = (0..connections.max(1)).map(|_| Slot::default()).collect();
        Self(Arc::new(Inner { database, slots }))
    }

    /// Runs a query. After a lost connection it is tried once more on a new one: nothing but reading happens here.
    pub async fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, ProjectionError> {
        self.query_through(sql, params).await.map(|(rows, _)| rows)
    }

    /// The same, and what is cancelled when the connection that the answer came through is lost.
    pub(crate) async fn query_through(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(Vec<Row>, CancellationToken), ProjectionError> {
        match self.attempt(sql, params).await {
            Err(ProjectionError::Statement(error)) if error.is_closed() => self.attempt(sql, params).await,
            answer => answer,
        }
    }

    async fn attempt(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(Vec<Row>, CancellationToken), ProjectionError> {
        let slot = self.0.slots.iter().min_by_key(|slot| slot.busy.load(Ordering::Relaxed));
        let Some(slot) = slot else {
            return Ok((Vec::new(), CancellationToken::new()));
        };
        slot.busy.fetch_add(1, Ordering::Relaxed);
        let _less = Busy(&slot.busy);
        let open = self.open(slot).await?;
        let statement = open.prepare(sql).await?;
        let rows = open.client.query(&statement, params).await?;
        Ok((rows, open.lost.clone()))
    }

    async fn open(&self, slot: &Slot) -> Result<Arc<Open>, ProjectionError> {
        let mut held = slot.open.lock().await;
        if let Some(open) = held.as_ref().filter(|open| !open.client.is_closed()) {
            return Ok(Arc::clone(open));
        }
        let (client, lost) = connect(&self.0.database, "spendlog read", OPTIONS).await?;
        let open = Arc::new(Open {
            client,
            lost,
            statements: Mutex::default(),
        });
        *held = Some(Arc::clone(&open));
        Ok(open)
    }
}

/// Counts down again, also when the query is given up.
struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Open {
    async fn prepare(&self, sql: &str) -> Result<Statement, ProjectionError> {
        let known = self
            .statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(sql)
            .cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}
