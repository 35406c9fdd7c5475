//! A statement of one's own can read the views and nothing else, whatever it says: Postgres refuses it, and nobody looks for words.

use std::time::Duration;

use spendlog_event_store::{Database, Journal, Keyring, MasterKey, SealPlans};
use tokio_postgres::error::SqlState;

use super::{History, writer};
use crate::custom::{
    self, CustomError,
    analyst::{Analyst, provide},
};

const OFTEN: Option<Duration> = Some(Duration::from_secs(60));

/// The analyst, freed of all that is not a right: of the time limit, and of transactions that only read.
async fn unleashed(history: &History) -> Analyst {
    provide(&history.journal).await.unwrap();
    let analyst = Analyst::connect(&history.journal).await.unwrap();
    let sql = "SET default_transaction_read_only = off; SET statement_timeout = '20s'";
    analyst.client.batch_execute(sql).await.unwrap();
    analyst
}

#[tokio::test]
async fn the_role_of_statements_can_read_the_views_and_nothing_else() {
    let mut history = History::random(310, 30).await;
    history.open_book().await;
    let analyst = unleashed(&history).await;
    let me: String = writer(&history)
        .await
        .query("SELECT current_user::text".to_owned(), &[])
        .await
        .unwrap()[0]
        .get(0);
    for view in [
        "transactions",
        "analytics.documents",
        "versions.postings",
        "events.transaction_recorded",
        "events.transaction_recorded_postings",
    ] {
        analyst
            .client
            .batch_execute(&format!("SELECT * FROM {view}"))
            .await
            .unwrap();
    }
    for statement in [
        // other tables
        "SELECT * FROM read.users".to_owned(),
        "SELECT * FROM read.transactions".to_owned(),
        "SELECT * FROM es.events".to_owned(),
        "SELECT * FROM es.keys".to_owned(),
        "SELECT * FROM custom.statements".to_owned(),
        "TABLE custom_rows.anything".to_owned(),
        "SELECT * FROM public._sqlx_migrations".to_owned(),
        "SELECT * FROM pg_authid".to_owned(),
        "SELECT * FROM pg_largeobject".to_owned(),
        "SELECT pg_read_file('/etc/passwd')".to_owned(),
        "SELECT pg_ls_dir('/')".to_owned(),
        "SELECT lo_import('/etc/passwd')".to_owned(),
        "COPY (SELECT 1) TO PROGRAM 'true'".to_owned(),
        "COPY (SELECT 1) TO '/tmp/planted'".to_owned(),
        "SELECT query_to_xml('SELECT 1', true, true, '')".to_owned(),
        // writing
        "INSERT INTO read.checkpoints VALUES ('planted', 1)".to_owned(),
        "UPDATE analytics.accounts SET name = 'planted'".to_owned(),
        "DELETE FROM analytics.accounts".to_owned(),
        "DELETE FROM es.events".to_owned(),
        "TRUNCATE read.users".to_owned(),
        "DROP VIEW analytics.accounts".to_owned(),
        "CREATE VIEW analytics.planted AS SELECT 1".to_owned(),
        "CREATE TABLE public.planted ()".to_owned(),
        "CREATE TEMPORARY TABLE planted ()".to_owned(),
        "CREATE SCHEMA planted".to_owned(),
        "CREATE FUNCTION public.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "SELECT lo_create(0)".to_owned(),
        "SELECT lo_from_bytea(0, 'planted')".to_owned(),
        "SELECT pg_notify('spendlog_journal', '999999')".to_owned(),
        // waiting, and having others wait
        "SELECT pg_sleep(1)".to_owned(),
        "SELECT pg_sleep_for('1 second')".to_owned(),
        "SELECT pg_advisory_lock(6003374505740488519)".to_owned(),
        "SELECT pg_try_advisory_xact_lock(1)".to_owned(),
        "SELECT pg_terminate_backend(1)".to_owned(),
        "SELECT pg_export_snapshot()".to_owned(),
        // becoming somebody else
        format!("SET ROLE {me}"),
        format!("SET SESSION AUTHORIZATION {me}"),
        format!("SELECT set_config('role', '{me}', false)"),
        "SELECT set_config('statement_timeout', '0', false)".to_owned(),
        "CREATE ROLE planted".to_owned(),
        format!("GRANT {me} TO CURRENT_USER"),
        "ALTER SYSTEM SET fsync = off".to_owned(),
        "SET session_replication_role = replica".to_owned(),
    ] {
        let refused = analyst.client.batch_execute(&statement).await;
        let error = refused.expect_err(&statement);
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}: {error:?}"
        );
    }
    // What it signed in as is what it falls back to.
    analyst
        .client
        .batch_execute("RESET ROLE; RESET SESSION AUTHORIZATION")
        .await
        .unwrap();
    let who = analyst
        .client
        .query_one("SELECT session_user::text <> $1 AND current_user::text <> $1", &[&me])
        .await
        .unwrap();
    assert!(who.get::<_, bool>(0));
    // A second program that provides the same changes nothing.
    provide(&history.journal).await.unwrap();
}

#[tokio::test]
async fn what_may_not_be_is_refused_when_it_is_added_and_leaves_nothing() {
    let history = History::random(311, 20).await;
    let add = async |statement: &str| {
        custom::add(&history.journal, "planted", statement, OFTEN)
            .await
            .unwrap_err()
    };
    for statement in [
        "SELECT pg_sleep(1)::text AS slept",
        "SELECT set_config('role', 'postgres', false) AS role",
        "SELECT lo_create(0) AS id",
        "SELECT pg_read_file('/etc/passwd') AS file",
        "SELECT n FROM (SELECT pg_notify('a', 'b')::text AS n) x",
    ] {
        let error = add(statement).await;
        let CustomError::Failed { code, message } = &error else {
            panic!("{statement}: {error:?}")
        };
        assert!(
            code == "42501" && message.contains("permission denied for function"),
            "{statement}: {message}"
        );
    }
    let error = add("SELECT id\nFROM read.users").await;
    let CustomError::Statement { message, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(message.contains("permission denied for schema read"), "{message}");
    // A wrong statement: the place and the reason.
    let error = add("SELECT book_id,\n  merchnt AS shop\nFROM transactions").await;
    let CustomError::Statement {
        line: 2,
        column: 3,
        message,
        hint,
    } = &error
    else {
        panic!("{error:?}")
    };
    assert!(
        message.contains("merchnt") && hint.as_deref().is_some_and(|hint| hint.contains("merchant")),
        "{error}"
    );
    let error = add("SELECT book_id\nFROM transactions WHERE WHERE").await;
    assert!(
        matches!(
            error,
            CustomError::Statement {
                line: 2,
                column: 25,
                ..
            }
        ),
        "{error:?}"
    );
    for (statement, why) in [
        ("DROP TABLE read.users", "one SELECT"),
        ("INSERT INTO accounts (name) VALUES ('x') RETURNING name", "one SELECT"),
        ("SELECT 1 AS a WHERE $1", "no parameters"),
        ("SELECT 1", "no name"),
        ("SELECT 1 AS _key", "no name"),
        ("SELECT 1 AS a, 2 AS a", "two columns"),
        ("SELECT ROW(1, 2) AS a", "no table can hold"),
        ("SELECT 'x' AS book_id", "must be a book's id"),
    ] {
        let error = add(statement).await;
        assert!(
            matches!(&error, CustomError::Shape(said) if said.contains(why)),
            "{statement}: {error:?}"
        );
    }
    for statement in [
        "SELECT 1 AS a; DROP TABLE read.users",
        "SELECT 1 AS a) AS s; DROP TABLE read.users; --",
        "",
    ] {
        let error = add(statement).await;
        assert!(
            matches!(error, CustomError::Statement { .. } | CustomError::Shape(_)),
            "{statement}: {error:?}"
        );
    }
    let error = add("SELECT 1 / (n - 3) AS a FROM generate_series(1, 9) n").await;
    assert!(
        matches!(&error, CustomError::Failed { message, .. } if message == "division by zero"),
        "{error:?}"
    );
    let error = add("SELECT repeat('x', 100000) AS a").await;
    assert!(matches!(error, CustomError::TooWide), "{error:?}");
    let error = add("SELECT n FROM generate_series(1, 10001) n").await;
    assert!(matches!(error, CustomError::TooManyRows), "{error:?}");
    for name in ["ledger", "Big", "1st", "a-b", "", "a b", &"a".repeat(49)] {
        let error = custom::add(&history.journal, name, "SELECT 1 AS a", OFTEN)
            .await
            .unwrap_err();
        assert!(matches!(error, CustomError::Name(_)), "{name}: {error:?}");
    }
    let writer = writer(&history).await;
    let sql = "SELECT (SELECT count(*) FROM custom.statements) + (SELECT count(*) FROM pg_class WHERE relnamespace = 'custom_rows'::regnamespace)";
    let left: i64 = writer.query(sql.to_owned(), &[]).await.unwrap()[0].get(0);
    assert_eq!(left, 0);
    custom::add(&history.journal, "planted", "SELECT 1 AS a", OFTEN)
        .await
        .unwrap();
    let error = custom::add(&history.journal, "planted", "SELECT 1 AS a", OFTEN)
        .await
        .unwrap_err();
    assert!(matches!(error, CustomError::Exists(_)), "{error:?}");
}

#[tokio::test]
async fn a_statement_that_goes_on_for_too_long_is_broken_off() {
    let history = History::new(312).await;
    provide(&history.journal).await.unwrap();
    let analyst = Analyst::connect(&history.journal).await.unwrap();
    let limit: String = analyst
        .client
        .query_one("SHOW statement_timeout", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(limit, "1min");
    analyst
        .client
        .batch_execute("SET statement_timeout = '200ms'")
        .await
        .unwrap();
    let endless = "SELECT count(*) AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let error = analyst.rows(endless, async |_| Ok(())).await.unwrap_err();
    assert!(matches!(error, CustomError::TooLong), "{error:?}");
}

#[tokio::test]
async fn a_schema_of_somebody_elses_stays_as_it_is() {
    let history = History::new(318).await;
    let writer = writer(&history).await;
    let sql = "CREATE SCHEMA events; CREATE TABLE events.theirs ()";
    writer.client.batch_execute(sql).await.unwrap();
    let error = provide(&history.journal).await.unwrap_err();
    assert!(matches!(error, CustomError::SchemaTaken), "{error:?}");
    let sql = "SELECT FROM events.theirs; DROP SCHEMA events CASCADE";
    writer.client.batch_execute(sql).await.unwrap();
    provide(&history.journal).await.unwrap();
    // The mark of an older version.
    let sql = "DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA events IS %L', md5('older')); END $$";
    writer.client.batch_execute(sql).await.unwrap();
    provide(&history.journal).await.unwrap();
    let sql = "SELECT obj_description('events'::regnamespace, 'pg_namespace')";
    let mark: String = writer.query(sql.to_owned(), &[]).await.unwrap()[0].get(0);
    assert!(mark.starts_with("spendlog:"), "{mark}");
}

/// With somebody else's database our user may be nobody in particular.
#[tokio::test]
async fn a_user_who_may_create_no_roles_is_told_what_to_do() {
    let history = History::new(313).await;
    let writer = writer(&history).await;
    let role = format!("plain_{}", std::process::id());
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'planted'; GRANT USAGE ON SCHEMA es, read, custom TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA es, read, custom TO {role}"
    );
    writer.client.batch_execute(&sql).await.unwrap();
    let mut config = history.journal.database().config("test", "");
    config.user(&role);
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
    };
    let (name, port) = (config.get_dbname().unwrap(), config.get_ports()[0]);
    let url = format!("postgres:///{name}?host={host}&user={role}&password=planted&port={port}");
    let database = Database::connect(&url, 2).await.unwrap();
    let keyring = Keyring::open(&database, MasterKey::from_hex(&"5a".repeat(32)).unwrap())
        .await
        .unwrap();
    let schemas = spendlog_domain::schema::event_schemas();
    let plans = schemas
        .iter()
        .map(|s| (s.event_type.as_str(), s.version.as_str(), &s.schema));
    let journal = Journal::open(database, keyring, SealPlans::new(plans).unwrap())
        .await
        .unwrap();
    let error = custom::add(&journal, "planted", "SELECT 1 AS a", OFTEN)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(said.contains(&format!("ALTER ROLE \"{role}\" CREATEROLE")), "{said}");
}

/// Where our user is no superuser, the functions that take locks can't be taken from the role.
#[tokio::test]
async fn a_lock_that_a_statement_takes_ends_with_it() {
    const LOCK: i64 = 6_003_374_505_740_488_519;
    let history = History::new(319).await;
    provide(&history.journal).await.unwrap();
    let writer = writer(&history).await;
    for sql in [
        "GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) TO PUBLIC",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
    ] {
        writer.client.batch_execute(sql).await.unwrap();
    }
    let rows = writer
        .query("SELECT pg_export_snapshot()".to_owned(), &[])
        .await
        .unwrap();
    let analyst = Analyst::connect(&history.journal).await.unwrap();
    analyst.begin(rows[0].get(0)).await.unwrap();
    let statement = format!("SELECT pg_try_advisory_lock({LOCK}) AS x");
    analyst.rows(&statement, async |_| Ok(())).await.unwrap();
    assert!(!writer.try_lock(LOCK).await.unwrap(), "it is taken");
    analyst.end().await.unwrap();
    assert!(writer.try_lock(LOCK).await.unwrap());
}
