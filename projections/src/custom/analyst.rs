//! The role that statements of one's own run as: it can read the views and nothing else.
//!
//! It signs in by itself, on connections of its own. A role that our own connection merely took on could be laid down again
//! by what runs on it; one that signed in as itself has nothing to go back to. On top of it all its transactions only read,
//! and each statement has a time limit, which is looked after here as well, since a session may change its own.

use std::{pin::pin, time::Duration};

use futures_util::StreamExt;
use spendlog_event_store::{DatabaseError, Journal};
use tokio_postgres::{CancelToken, Client, NoTls, Statement, error::ErrorPosition, types::ToSql};

use super::{CustomError, event_views, incremental::quoted};
use crate::{ProjectionError, writer::Writer};

/// How long a statement may take.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How much later it is broken off from here, if Postgres has not done it.
const GRACE: Duration = Duration::from_secs(5);
/// Rows that are taken over at a time.
const CHUNK: usize = 1000;
/// An advisory lock: one process at a time makes the role and its views.
const LOCK: i64 = 7_021_883_046_113_904_120;
/// The longest row, as JSON, in bytes.
pub(crate) const ROW_MAX: usize = 64 * 1024;

/// A session of the analyst's.
pub(crate) struct Analyst {
    pub(crate) client: Client,
    cancel: CancelToken,
}

impl std::fmt::Debug for Analyst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Analyst")
    }
}

impl Analyst {
    /// Signs in. The role must be there: see [`provide`].
    pub(crate) async fn connect(journal: &Journal) -> Result<Self, CustomError> {
        let (role, password) = credentials(journal).await?;
        let limit = TIME_LIMIT.as_millis();
        let options = format!(
            "-c search_path=analytics -c default_transaction_read_only=on -c statement_timeout={limit} -c lock_timeout=10000 \
             -c idle_in_transaction_session_timeout={limit} -c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c jit=off"
        );
        let mut config = journal.database().config("spendlog analyst", &options);
        config.user(&role).password(password);
        let (client, connection) = config
            .connect(NoTls)
            .await
            .map_err(|error| CustomError::Role(format!("the role {role} can't sign in: {}", said(&error))))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of the analyst's ended");
            }
        });
        let cancel = client.cancel_token();
        Ok(Self { client, cancel })
    }

    /// Begins a transaction that reads, in the snapshot of another one.
    pub(crate) async fn begin(&self, snapshot: &str) -> Result<(), CustomError> {
        let sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'; \
             SET LOCAL statement_timeout = {}",
            TIME_LIMIT.as_millis()
        );
        Ok(self.client.batch_execute(&sql).await?)
    }

    /// Ends the transaction, and all that the statement did to the session: a lock that it took would otherwise stay.
    pub(crate) async fn end(&self) -> Result<(), CustomError> {
        self.client.batch_execute("ROLLBACK").await?;
        // Unlike `pg_advisory_unlock_all` it needs no right, and it stands alone, since it runs in no transaction.
        Ok(self.client.batch_execute("DISCARD ALL").await?)
    }

    /// Has Postgres understand a statement as somebody wrote it: what it shows, or where it is wrong and why.
    pub(crate) async fn understand(&self, statement: &str) -> Result<Statement, CustomError> {
        self.client
            .prepare(statement)
            .await
            .map_err(|error| wrong(&error, statement))
    }

    /// Gives each row of a statement to `take`, as JSON. One that goes on for too long is broken off, whoever it waits for.
    pub(crate) async fn rows<F: Future<Output = Result<(), CustomError>>>(
        &self,
        statement: &str,
        take: impl FnMut(Vec<String>) -> F,
    ) -> Result<u64, CustomError> {
        match tokio::time::timeout(TIME_LIMIT + GRACE, self.read(statement, take)).await {
            Ok(read) => read,
            Err(_) => {
                // The connection is given up after this error in any case.
                let _best_effort = self.cancel.cancel_query(NoTls).await;
                Err(CustomError::TooLong)
            }
        }
    }

    /// Whether it reads the journal, through the views of events.
    pub(crate) async fn reads_events(&self, statement: &str) -> Result<bool, CustomError> {
        let sql = format!("EXPLAIN (VERBOSE, FORMAT JSON) SELECT * FROM (\n{statement}\n) AS s");
        let explained: serde_json::Value = self.client.query_one(&sql, &[]).await?.try_get(0)?;
        Ok(explained.to_string().contains(r#""Schema":"es""#))
    }

    async fn read<F: Future<Output = Result<(), CustomError>>>(
        &self,
        statement: &str,
        mut take: impl FnMut(Vec<String>) -> F,
    ) -> Result<u64, CustomError> {
        // A comment at its end ends with the line. No column begins with _, so none is meant where the row is.
        let sql = format!(
            "SELECT CASE WHEN octet_length(j) <= {ROW_MAX} THEN j END \
             FROM (SELECT to_jsonb(_s)::text AS j FROM (\n{statement}\n) AS _s) AS r"
        );
        let none: [&(dyn ToSql + Sync); 0] = [];
        let found = self.client.query_raw(&sql, none).await?;
        let mut found = pin!(found.chunks(CHUNK));
        let mut count = 0;
        while let Some(rows) = found.next().await {
            count += u64::try_from(rows.len()).unwrap_or_default();
            if count > super::ROWS_MAX {
                return Err(CustomError::TooManyRows);
            }
            let rows: Result<Vec<String>, CustomError> = rows
                .into_iter()
                .map(|row| row?.try_get::<_, Option<String>>(0)?.ok_or(CustomError::TooWide))
                .collect();
            take(rows?).await?;
        }
        Ok(count)
    }
}

/// The role's name and its password, which every process of this system can make.
async fn credentials(journal: &Journal) -> Result<(String, String), CustomError> {
    let config = journal.database().config("spendlog", "");
    // Roles belong to the whole server, so this one is called by the database. Names have 63 bytes at most.
    let name: String = config.get_dbname().unwrap_or("spendlog").chars().take(48).collect();
    let secret = journal.keyring().secret("analyst").await;
    let secret = secret.map_err(|error| ProjectionError::from(DatabaseError::from(error)))?;
    Ok((format!("{name}_analyst"), hex::encode(secret)))
}

/// Makes the views of events and the role, and gives it its rights: no others than to read the views. Answers with what it can
/// do all the same, where our own user may not prevent it.
pub(crate) async fn provide(journal: &Journal) -> Result<Option<String>, CustomError> {
    let writer = Writer::open(journal.database(), "spendlog operator", "custom", false).await?;
    // Processes that do it at the same time do it one after the other; the lock goes with the connection.
    writer.lock(LOCK).await?;
    let (role, password) = credentials(journal).await?;
    let sql = "SELECT me.rolname::text, me.rolsuper, me.rolsuper OR me.rolcreaterole, r.oid IS NOT NULL, current_database()::text, \
                 coalesce(r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls \
                   OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid), false) \
               FROM pg_roles me LEFT JOIN pg_roles r ON r.rolname = $1 WHERE me.rolname = current_user";
    let rows = writer.query(sql.to_owned(), &[&role]).await?;
    let Some(row) = rows.first() else {
        return Err(CustomError::Role("our own role can't be found".to_owned()));
    };
    let (me, superuser, creates): (&str, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (there, database, powerful): (bool, &str, bool) = (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
    if powerful {
        return Err(CustomError::Role(format!(
            "the role {role} may do more than sign in; take that from it, or drop it"
        )));
    }
    if !there && !creates {
        return Err(CustomError::Role(format!(
            "the database's user {me} may not create roles, and a statement must run as one that can read the views and nothing \
             else. Let an administrator of the database run: ALTER ROLE {} CREATEROLE",
            quoted(me)
        )));
    }
    event_views::make(&writer).await?;
    let (role, database) = (quoted(&role), quoted(database));
    if !there {
        let sql = format!("CREATE ROLE {role} LOGIN NOINHERIT CONNECTION LIMIT 50");
        writer.client.batch_execute(&sql).await?;
    }
    if creates {
        // Anew each time: the journal that the password is made with may have come from elsewhere.
        let sql = format!("ALTER ROLE {role} PASSWORD '{password}'");
        let changed = writer.client.batch_execute(&sql).await;
        changed.map_err(|error| CustomError::Role(format!("{role} can't be given a password: {}", said(&error))))?;
    }
    let sql = format!(
        "GRANT CONNECT ON DATABASE {database} TO {role}; GRANT USAGE ON SCHEMA analytics, versions, events TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA analytics, versions, events TO {role}"
    );
    writer.client.batch_execute(&sql).await?;
    if !superuser {
        return Ok(Some(format!(
            "the database's user {me} is no superuser, so functions that everybody may call (pg_sleep, for one) can't be taken from \
             the role that statements run as; the time limit holds all the same"
        )));
    }
    take_from_all(&writer, &role, &database).await?;
    Ok(None)
}

/// Takes from everybody what Postgres gives to everybody, beyond reading: temporary tables, and functions that do something
/// or wait rather than compute (`pg_sleep`, `set_config`, locks, notifications, large objects, queries in texts).
async fn take_from_all(writer: &Writer, role: &str, database: &str) -> Result<(), CustomError> {
    let sql = "SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p \
               WHERE p.provolatile = 'v' AND has_function_privilege('public', p.oid, 'EXECUTE') \
                 AND p.prorettype <> ALL (ARRAY['trigger', 'event_trigger', 'language_handler', 'internal', 'index_am_handler', \
                   'table_am_handler', 'fdw_handler', 'tsm_handler']::regtype[])";
    let rows = writer.query(sql.to_owned(), &[]).await?;
    let routines: Option<&str> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
    let mut sql = format!(
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         ALTER ROLE {role} SET temp_file_limit = '2GB'"
    );
    if let Some(routines) = routines {
        sql.push_str(&format!("; REVOKE EXECUTE ON ROUTINE {routines} FROM PUBLIC"));
    }
    Ok(writer.client.batch_execute(&sql).await?)
}

/// What Postgres said, in one line.
pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// What is wrong with a statement, and where.
fn wrong(error: &tokio_postgres::Error, statement: &str) -> CustomError {
    let Some(error) = error.as_db_error() else {
        return CustomError::Role(format!("the statement could not be tried: {}", said(error)));
    };
    let place = match error.position() {
        Some(ErrorPosition::Original(at)) => usize::try_from(*at).ok(),
        _ => None,
    };
    let (line, column) = place.map_or((1, 1), |at| place_of(statement, at));
    CustomError::Statement {
        line,
        column,
        message: error.message().to_owned(),
        hint: error.hint().map(str::to_owned),
    }
}

/// Line and column, from 1, of the character at this place, from 1.
fn place_of(statement: &str, at: usize) -> (usize, usize) {
    let before: String = statement.chars().take(at.saturating_sub(1)).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column() {
        assert_eq!(place_of("SELECT é,\n  x", 8), (1, 8));
        assert_eq!(place_of("SELECT é,\n  x", 13), (2, 3));
        assert_eq!(place_of("", 1), (1, 1));
    }
}
