//! The committer's connection to Postgres, and its statements.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, NoTls, Statement, error::SqlState, types::ToSql};
use uuid::Uuid;

use crate::{
    Database, DatabaseError,
    columns::Columns,
    head::{self, Head},
    judge::{Claims, Mentions},
    rotation::OPENED,
};

/// What the committer's connection is called in `pg_stat_activity`.
pub(crate) const APPLICATION: &str = "spendlog-journal";

/// Plans are made once, for indexes: the statistics of a table that was empty at first would say otherwise. A process that
/// stops while it holds the lock is cut off, since all others wait for it.
const SETTINGS: &str = "SET jit = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; \
    SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on; \
    SET idle_in_transaction_session_timeout = '10s'; SET statement_timeout = '60s'";

/// The same lock as in [`APPEND`].
const LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(6003374505740488519)";

const HEAD: &str = "SELECT size, root, frontier, recorded_at FROM es.commits ORDER BY size DESC LIMIT 1";

/// Head (its tree only where it is not the one given), versions, known commands: all on one snapshot.
const CHECK: &str = "SELECT h.size, h.root, CASE WHEN h.size <> $4 OR h.root <> $5 THEN h.frontier END, h.recorded_at,
    ARRAY(SELECT coalesce((SELECT e.sequence FROM es.events e
            WHERE e.aggregate_type = k.t AND e.aggregate_id = k.i ORDER BY e.sequence DESC LIMIT 1), 0)
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k (t, i, n) ORDER BY k.n),
    ARRAY(SELECT e.command_id FROM es.events e WHERE e.command_id = ANY ($3::uuid[]))
    FROM (SELECT) one LEFT JOIN (SELECT * FROM es.commits ORDER BY size DESC LIMIT 1) h ON true";

const INSERT: &str =
    "WITH written AS (INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version,
        payload, metadata, position, owner_id, command_id, recorded_at)
    SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
        unnest($6::json[]), unnest($7::json[]), generate_series($10::bigint + 1, $11::bigint), unnest($8::uuid[]),
        unnest($9::uuid[]), $14)
    INSERT INTO es.commits (size, root, frontier, recorded_at) VALUES ($11, $12, $13, $14)";

/// A whole batch in one statement. The caller has judged, numbered and hashed it on a guess: that the head is still ($1, $2), and
/// the streams $3, $4 are at the versions $5. If so it is written; else nothing is.
///
/// Its snapshot is from before the lock, which is only tried for. What others committed in between can't be overlooked for all
/// that: it took the next positions, so that inserting fails. The unique indexes answer for streams that are created and for
/// commands that are known, too.
const APPEND: &str = "WITH guess AS MATERIALIZED (
        SELECT pg_try_advisory_xact_lock(6003374505740488519)
            AND coalesce((SELECT c.size = $1 AND c.root = $2 FROM es.commits c ORDER BY c.size DESC LIMIT 1), $1 = 0)
            AND NOT EXISTS (
                SELECT FROM unnest($3::text[], $4::text[], $5::bigint[]) k (t, i, v)
                WHERE k.v <> coalesce((SELECT e.sequence FROM es.events e
                    WHERE e.aggregate_type = k.t AND e.aggregate_id = k.i ORDER BY e.sequence DESC LIMIT 1), 0))
            AS holds
    ), head AS (
        INSERT INTO es.commits (size, root, frontier, recorded_at)
        SELECT $15::bigint, $16, $17, $18::timestamptz FROM guess WHERE holds
    )
    INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, position,
        owner_id, command_id, recorded_at)
    SELECT unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::text[]), unnest($10::text[]),
        unnest($11::json[]), unnest($12::json[]), generate_series($1::bigint + 1, $15::bigint), unnest($13::uuid[]),
        unnest($14::uuid[]), $18
    FROM guess WHERE holds";

/// … and tells the others. Telling costs as much as writing a dozen events, hence a statement of its own.
const AND_TELL: &str = " AND pg_notify('spendlog_journal', $15::text) IS NOT NULL";

/// Which server process is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backend {
    process: i32,
    started: DateTime<Utc>,
}

/// A connection with its statements.
pub(crate) struct Link {
    client: Client,
    append: Statement,
    append_and_tell: Statement,
    check: Statement,
    insert: Statement,
    pub(crate) backend: Backend,
}

/// What is seen under the lock.
pub(crate) struct Seen {
    /// The head, where it is another than expected.
    pub(crate) moved: Option<Head>,
    /// Versions of the mentioned streams.
    pub(crate) versions: Vec<i64>,
    /// The command ids that are in the journal.
    pub(crate) used: HashSet<Uuid>,
}

/// A statement failed, or what was read is damaged.
pub(crate) type Failure = DatabaseError;

impl Link {
    /// Connects. Where another connection was lost, its server process is ended first: what it was doing is then either
    /// committed or gone, and can't happen later.
    pub(crate) async fn open(database: &Database, lost: Option<Backend>) -> Result<Self, Failure> {
        let (client, connection) = database.config(APPLICATION, "").connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the journal's connection ended");
            }
        });
        client.batch_execute(SETTINGS).await?;
        // For as long as this connection stands nobody changes the master key beneath us.
        client
            .batch_execute(&format!("SELECT pg_advisory_lock_shared({OPENED})"))
            .await?;
        if let Some(lost) = lost {
            end(&client, lost).await?;
        }
        let own = client
            .query_one(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                &[],
            )
            .await?;
        let (append, append_and_tell, check, insert) = (
            client.prepare(APPEND).await?,
            client.prepare(&format!("{APPEND}{AND_TELL}")).await?,
            client.prepare(CHECK).await?,
            client.prepare(INSERT).await?,
        );
        let backend = Backend {
            process: own.try_get(0)?,
            started: own.try_get(1)?,
        };
        Ok(Self {
            client,
            append,
            append_and_tell,
            check,
            insert,
            backend,
        })
    }

    /// The newest head.
    pub(crate) async fn head(&self) -> Result<Head, Failure> {
        let Some(row) = self.client.query_opt(HEAD, &[]).await? else {
            return Ok(Head::empty());
        };
        let (root, frontier): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        Head::load(row.try_get(0)?, root, frontier, row.try_get(3)?).ok_or(DAMAGED_HEAD)
    }

    /// Whether this very commit is in the journal: its root covers all that was written with it.
    pub(crate) async fn has(&self, head: &Head) -> Result<bool, Failure> {
        let parameters: [&(dyn ToSql + Sync); 2] = [&head.tree.size(), &&head.root[..]];
        let row = self
            .client
            .query_opt("SELECT FROM es.commits WHERE size = $1 AND root = $2", &parameters)
            .await?;
        Ok(row.is_some())
    }

    /// Writes a batch that was judged on a guess, in one call. False if the guess was wrong: nothing is written then.
    pub(crate) async fn append(
        &self,
        old: &Head,
        new: &Head,
        claims: &Claims,
        columns: &Columns<'_>,
        announce: bool,
    ) -> Result<bool, tokio_postgres::Error> {
        let parameters: [&(dyn ToSql + Sync); 18] = [
            &old.tree.size(),
            &&old.root[..],
            &claims.kinds,
            &claims.ids,
            &claims.versions,
            &columns.kinds,
            &columns.ids,
            &columns.sequences,
            &columns.event_types,
            &columns.versions,
            &columns.payloads,
            &columns.metadatas,
            &columns.owners,
            &columns.commands,
            &new.tree.size(),
            &&new.root[..],
            &new.tree.frontier(),
            &head::time(new.recorded_at),
        ];
        let statement = if announce { &self.append_and_tell } else { &self.append };
        match self.client.execute(statement, &parameters).await {
            Ok(written) => Ok(written > 0),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins a transaction, takes the lock, and looks.
    pub(crate) async fn lock(&self, head: &Head, mentions: &Mentions<'_>, commands: &[Uuid]) -> Result<Seen, Failure> {
        let (size, root) = (head.tree.size(), &head.root[..]);
        let parameters: [&(dyn ToSql + Sync); 5] = [&mentions.kinds, &mentions.ids, &commands, &size, &root];
        // Both are sent at once; the second is a statement of its own, so its snapshot is taken under the lock.
        let (locked, row) =
            tokio::join!(biased; self.client.batch_execute(LOCK), self.client.query_one(&self.check, &parameters));
        locked?;
        let row = row?;
        let moved = match (row.try_get::<_, Option<i64>>(0)?, row.try_get::<_, Option<&[u8]>>(2)?) {
            (Some(size), Some(frontier)) => {
                Some(Head::load(size, row.try_get(1)?, frontier, row.try_get(3)?).ok_or(DAMAGED_HEAD)?)
            }
            // A guess that never came to be, on a journal that is still empty.
            (None, _) if size > 0 => Some(Head::empty()),
            _ => None,
        };
        Ok(Seen {
            moved,
            versions: row.try_get(4)?,
            used: row.try_get::<_, Vec<Uuid>>(5)?.into_iter().collect(),
        })
    }

    /// Writes what was judged under the lock, and commits.
    pub(crate) async fn write(
        &self,
        old: &Head,
        new: &Head,
        columns: &Columns<'_>,
        announce: bool,
    ) -> Result<(), Failure> {
        let parameters: [&(dyn ToSql + Sync); 14] = [
            &columns.kinds,
            &columns.ids,
            &columns.sequences,
            &columns.event_types,
            &columns.versions,
            &columns.payloads,
            &columns.metadatas,
            &columns.owners,
            &columns.commands,
            &old.tree.size(),
            &new.tree.size(),
            &&new.root[..],
            &new.tree.frontier(),
            &head::time(new.recorded_at),
        ];
        let commit = if announce {
            format!("NOTIFY spendlog_journal, '{}'; COMMIT", new.tree.size())
        } else {
            "COMMIT".to_owned()
        };
        // Both are sent at once. COMMIT of a failed transaction answers without an error (it rolls back), so both answers count.
        let (inserted, committed) =
            tokio::join!(biased; self.client.execute(&self.insert, &parameters), self.client.batch_execute(&commit));
        inserted?;
        committed?;
        Ok(())
    }

    /// Gives the lock back without having written anything.
    pub(crate) async fn roll_back(&self) -> Result<(), Failure> {
        Ok(self.client.batch_execute("ROLLBACK").await?)
    }
}

const DAMAGED_HEAD: DatabaseError = DatabaseError::Damaged("the newest root is not that of its tree");

/// Ends a server process of ours and waits until it is gone.
async fn end(client: &Client, lost: Backend) -> Result<(), Failure> {
    const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2";
    for _ in 0..200 {
        if client.query(END, &[&lost.process, &lost.started]).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(DatabaseError::Unreachable)
}
