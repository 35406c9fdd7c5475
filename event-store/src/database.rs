//! The connection to Postgres, and the migrations.

use std::{borrow::Cow, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    PgPool,
    migrate::{Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Version, name and text of each migration, in their order.
const MIGRATIONS: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Has the server notice within seconds that the machine of a connection is gone, so that the locks it held are free: the usual is
/// two hours. A Unix socket needs none of it.
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10s"),
];

/// The database failed, or holds what it must not hold. Cheap to clone, since all commands of a batch share one failure.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address can't be understood.
    #[error("the address of the database can't be understood: {0}")]
    Address(String),
    /// A query by the pool failed.
    #[error("the database failed")]
    Pool(#[source] Arc<sqlx::Error>),
    /// A statement of the committer's, or of a subscription's, failed.
    #[error("the database failed")]
    Statement(#[source] Arc<tokio_postgres::Error>),
    /// The migrations could not be applied.
    #[error("the migrations could not be applied")]
    Migration(#[source] Arc<sqlx::migrate::MigrateError>),
    /// A key could not be got.
    #[error(transparent)]
    Key(#[from] crate::KeyError),
    /// No connection could be had in time. Whether a command that was under way is committed, its id tells.
    #[error("the database can't be reached")]
    Unreachable,
    /// Old versions of keys can't be cleared away yet.
    #[error("a transaction that began before still sees old keys")]
    StillSeen,
    /// What is stored contradicts itself.
    #[error("the journal is damaged: {0}")]
    Damaged(&'static str),
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Pool(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(Arc::new(error))
    }
}

impl From<sqlx::migrate::MigrateError> for DatabaseError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(Arc::new(error))
    }
}

impl DatabaseError {
    /// Whether the connection is lost with it, so that what was under way may have been done or not.
    pub(crate) fn is_lost(&self) -> bool {
        use tokio_postgres::error::Severity::{Fatal, Panic};
        match self {
            Self::Statement(error) => error
                .as_db_error()
                .is_none_or(|error| matches!(error.parsed_severity(), Some(Fatal | Panic))),
            Self::Unreachable => true,
            _ => false,
        }
    }
}

/// A Postgres database: a pool for queries, and the way to connections of one's own.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    config: tokio_postgres::Config,
}

impl Database {
    /// Connects to `url` (`postgres://user:password@host:port/name`, or `postgres:///name?host=/folder/of/the/socket`) with at
    /// most so many pooled connections. The committer, the listener and each subscription have one more each.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, DatabaseError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| DatabaseError::Address(error.to_string()))?;
        let config = config(url, &options)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(
                options
                    .application_name("spendlog")
                    .options([("jit", "off")])
                    .options(KEEPALIVE),
            )
            .await?;
        Ok(Self { pool, config })
    }

    /// The pool for queries.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How to make a connection of one's own. `settings` are the server's, as options of a command line: `-c jit=off`.
    pub fn config(&self, application: &str, settings: &str) -> tokio_postgres::Config {
        let keepalive = KEEPALIVE.map(|(name, value)| format!("-c {name}={value}")).join(" ");
        let mut config = self.config.clone();
        config
            .application_name(application)
            .options(format!("{keepalive} {settings}"));
        config
    }
}

/// What the committer's driver needs to know, from what the pool's driver understood: both must mean the same server.
fn config(url: &str, options: &PgConnectOptions) -> Result<tokio_postgres::Config, DatabaseError> {
    let parsed: tokio_postgres::Config = url
        .parse()
        .map_err(|error: tokio_postgres::Error| DatabaseError::Address(error.to_string()))?;
    let mut config = tokio_postgres::Config::new();
    config
        .user(options.get_username())
        .port(options.get_port())
        .connect_timeout(Duration::from_secs(5));
    config.dbname(options.get_database().unwrap_or(options.get_username()));
    if let Some(password) = parsed.get_password() {
        config.password(password);
    }
    match options.get_socket() {
        Some(folder) => config.host_path(folder),
        None => config.host(options.get_host()),
    };
    config
        .keepalives_idle(Duration::from_secs(5))
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(10))
        .ssl_mode(tokio_postgres::config::SslMode::Disable);
    Ok(config)
}

/// Brings the database up to the newest migration, under a lock: two processes that start together don't meet.
pub async fn migrate(db: &Database) -> Result<(), DatabaseError> {
    migrate_to(db, newest_known()).await
}

/// The same up to this migration, where it is not further yet.
pub(crate) async fn migrate_to(db: &Database, newest: i64) -> Result<(), DatabaseError> {
    let wanted = MIGRATIONS.iter().filter(|(version, ..)| *version <= newest);
    let migrations = wanted.map(|&(version, description, sql)| {
        let description = Cow::Owned(description.replace('_', " "));
        Migration::new(version, description, MigrationType::Simple, Cow::Borrowed(sql), false)
    });
    let migrator = Migrator {
        migrations: migrations.collect(),
        // A database that is further stays so; one from the future is refused.
        ignore_missing: newest < newest_known(),
        ..Migrator::DEFAULT
    };
    migrator.run(db.pool()).await?;
    Ok(())
}

/// The newest migration that this program knows.
pub(crate) fn newest_known() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// The newest migration that the database has.
pub(crate) async fn newest_migration(db: &Database) -> Result<i64, DatabaseError> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(db.pool())
        .await?;
    Ok(newest.unwrap_or(0))
}
