//! A gate in the database: a kill comes exactly at the step that stands before it.

use spendlog_e2e::{TestApp, eventually};
use sqlx::{Connection as _, PgConnection};

/// What becomes of the step that was being written when the server was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It did not reach the database: the step has to be taken again.
    Lost,
    /// The database finished it, though nobody heard: the step must not be taken again.
    Committed,
}

/// Holds the database back just before it writes an event of some type, so that a kill comes exactly there.
pub(crate) struct Gate(PgConnection);

impl Gate {
    pub(crate) async fn build(app: &TestApp) -> Self {
        let mut connection = PgConnection::connect(app.database().url())
            .await
            .expect("the database answers");
        let sql = "CREATE TABLE gate (event_type text);
            CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT FROM public.gate g WHERE g.event_type = NEW.event_type) THEN
                    PERFORM pg_advisory_xact_lock(77);
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER gate BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION gate()";
        sqlx::raw_sql(sql)
            .execute(&mut connection)
            .await
            .expect("the gate can be built");
        Self(connection)
    }

    pub(crate) async fn close_for(&mut self, event_type: &str) {
        let sql = format!("SELECT pg_advisory_lock(77); INSERT INTO gate VALUES ('{event_type}')");
        sqlx::raw_sql(&sql).execute(&mut self.0).await.expect("the gate closes");
    }

    /// The backends that stand before it.
    async fn waiting(&mut self) -> Vec<i32> {
        let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        sqlx::query_scalar(sql)
            .fetch_all(&mut self.0)
            .await
            .expect("locks can be listed")
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&mut self) {
        eventually("the step is being written", async || {
            (!self.waiting().await.is_empty()).then_some(())
        })
        .await;
    }

    /// Sends those who stand before it away, or lets them through, and waits until they are gone.
    pub(crate) async fn open(&mut self, write: Write) {
        let waiting = self.waiting().await;
        if write == Write::Lost {
            let sql = "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid";
            sqlx::query(sql)
                .bind(&waiting)
                .execute(&mut self.0)
                .await
                .expect("backends can be ended");
            self.gone(&waiting).await;
        }
        self.release().await;
        self.gone(&waiting).await;
    }

    /// Lets those who stand before it go on.
    pub(crate) async fn release(&mut self) {
        let sql = "DELETE FROM gate; SELECT pg_advisory_unlock(77)";
        sqlx::raw_sql(sql).execute(&mut self.0).await.expect("the gate opens");
    }

    async fn gone(&mut self, backends: &[i32]) {
        eventually("the backends of the killed server are gone", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1)";
            let left: i64 = sqlx::query_scalar(sql)
                .bind(backends)
                .fetch_one(&mut self.0)
                .await
                .expect("a count");
            (left == 0).then_some(())
        })
        .await;
    }
}
