//! Fresh databases for tests: one private cluster for each test binary, a migrated template in it, and a clone of the
//! template for each test.
//!
//! Nothing is left behind: a small watcher ends the cluster and removes its folder when the test process ends, however
//! it ends. With `SPENDLOG_TEST_DATABASE_URL` (of a role that may create databases) the databases are made there instead.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that can't have its database has failed"
)]

pub mod contract;

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::sync::OnceCell;

use crate::{
    cluster::{Cluster, Durability},
    database::Database,
};

/// The database that the others are cloned from.
const TEMPLATE: &str = "spendlog_template";
/// Connections of a test's pool.
const CONNECTIONS: u32 = 8;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where the databases are made.
struct Server {
    /// How to connect to its database for administration.
    url: String,
    /// Whether it has a template; a server that is not ours is left without one.
    template: bool,
    _watched: Option<(Cluster, Child)>,
}

/// A migrated database that no other test uses; dropped at the end of the test.
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    url: String,
    name: String,
    admin: String,
}

impl TestDatabase {
    /// Makes one, and before the first of the process the cluster.
    pub async fn new() -> Self {
        let server = SERVER.get_or_init(start).await;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spendlog_test_{}_{number}", std::process::id());
        let template = if server.template {
            format!(" TEMPLATE {TEMPLATE}")
        } else {
            String::new()
        };
        execute(&server.url, &format!("CREATE DATABASE {name}{template}")).await;
        let url = with_database(&server.url, &name);
        let database = Database::connect(&url, CONNECTIONS)
            .await
            .expect("the new database takes connections");
        if !server.template {
            crate::migrate(&database).await.expect("the migrations run");
        }
        Self {
            database,
            url,
            name,
            admin: server.url.clone(),
        }
    }

    /// The connections to it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How another process connects to it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A thread of its own: waiting is not possible in the runtime that drops it.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(execute(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            }
        });
        // A database that can't be dropped goes with its cluster.
        let _best_effort = dropping.join();
    }
}

async fn start() -> Server {
    if let Ok(url) = std::env::var("SPENDLOG_TEST_DATABASE_URL") {
        return Server {
            url,
            template: false,
            _watched: None,
        };
    }
    let folder = tempfile::Builder::new()
        .prefix("spendlog-test-")
        .tempdir()
        .expect("a temporary folder can be made");
    // Closed to none: the cluster's user must get through, and closes what is its own.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("our folder is ours");
    let cluster = Cluster::start_with(folder.path(), Durability::None)
        .await
        .expect("PostgreSQL starts");
    let watcher = watch(cluster.pid(), &folder.keep());
    let url = cluster.url().to_owned();
    execute(&url, &format!("CREATE DATABASE {TEMPLATE}")).await;
    let template = Database::connect(&with_database(&url, TEMPLATE), 1)
        .await
        .expect("the template takes connections");
    crate::migrate(&template).await.expect("the migrations run");
    template.pool().close().await;
    Server {
        url,
        template: true,
        _watched: Some((cluster, watcher)),
    }
}

/// Starts a shell that waits until our end of its input is closed, which the system does when we end, then ends the
/// cluster and removes its folder. Immediate shutdown: nobody needs the data.
fn watch(pid: i32, folder: &std::path::Path) -> Child {
    let script = r#"read -r line; kill -QUIT "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.05; done; rm -rf "$2""#;
    Command::new("/bin/sh")
        .args(["-c", script, "watcher", &pid.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal must not end it before its work.
        .process_group(0)
        .spawn()
        .expect("a shell starts")
}

/// The same server's address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url
        .split_once('?')
        .map_or((url, None), |(address, query)| (address, Some(query)));
    let server = address.rsplit_once('/').map_or(address, |(server, _)| server);
    query.map_or_else(
        || format!("{server}/{name}"),
        |query| format!("{server}/{name}?{query}"),
    )
}

async fn execute(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("the server answers");
    let connection = tokio::spawn(connection);
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    drop(client);
    // It ends when the client is gone; how is of no interest.
    let _closed = connection.await;
}
