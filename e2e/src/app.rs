//! The server under test.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
};

use spendlog_event_store::testing::TestDatabase;
use spendlog_kafka_broker::Broker;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::{
    DEADLINE, Person,
    process::{Process, Signal, executable, send},
};

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Variables of its environment, besides those that every server of a test has.
    pub environment: Vec<(&'static str, String)>,
    /// Whether it has a PostgreSQL of its own, as where nobody gives it another one.
    pub private_postgres: bool,
    /// Kafka's address, where a process of its own reads documents and hears of events through Kafka.
    pub kafka: Option<String>,
}

impl Options {
    /// A server with a PostgreSQL of its own.
    pub fn private_postgres() -> Self {
        Self {
            private_postgres: true,
            ..Self::default()
        }
    }

    /// A server whose roles are split over two processes with Kafka between them.
    pub fn split(broker: &Broker) -> Self {
        Self {
            kafka: Some(broker.address().to_owned()),
            ..Self::default()
        }
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }
}

/// Set to split the roles of every server that is not to have a PostgreSQL of its own: so all tests can be run like this.
const SPLIT: &str = "SPENDLOG_TEST_SPLIT";

/// A server with a database and a folder of its own. [`TestApp::finish`] must end every test that has one.
#[derive(Debug)]
pub struct TestApp {
    process: Process,
    /// The process with the other roles, where they are split.
    backstage: Option<Process>,
    place: Place,
    client: reqwest::Client,
    finished: bool,
}

/// A place in which no server has run yet, for what an operator does before.
#[derive(Debug)]
pub struct Vacant(Place);

impl Vacant {
    /// A fresh place with an empty database.
    pub async fn new(options: Options) -> Self {
        let place = Place::new(options).await;
        std::fs::create_dir_all(place.data()).expect("a folder");
        Self(place)
    }

    /// The folder of what will be its files and keys.
    pub fn data(&self) -> PathBuf {
        self.0.data()
    }

    /// Its database.
    pub fn database(&self) -> &TestDatabase {
        self.0.database.as_deref().expect("its database is not private")
    }

    /// Runs a subcommand there.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        self.0.command(arguments).await
    }

    /// Begins a subcommand there, which can be killed.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        self.0.begin(arguments)
    }

    /// Starts a server there.
    pub async fn serve(self) -> TestApp {
        TestApp::on(self.0).await
    }
}

/// All that a server keeps, and is started with.
#[derive(Clone, Debug)]
struct Place {
    database: Option<Arc<TestDatabase>>,
    folder: Arc<TempDir>,
    options: Options,
    topic: String,
}

impl TestApp {
    /// A fresh server with a fresh database.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// The same, with options.
    pub async fn start_with(options: Options) -> Self {
        Self::on(Place::new(options).await).await
    }

    /// Another server on the same database and files.
    pub async fn beside(&self) -> Self {
        Self::on(self.place.clone()).await
    }

    async fn on(place: Place) -> Self {
        let (process, backstage) = place.start().await;
        let client = reqwest::Client::builder().timeout(DEADLINE).build().expect("a client");
        Self {
            process,
            backstage,
            place,
            client,
            finished: false,
        }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.process.address())
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.process.address().trim_start_matches("http://")
    }

    /// The client that all requests go through.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The folder of its files and keys.
    pub fn data(&self) -> PathBuf {
        self.place.data()
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap_or_default()
    }

    /// Its database, for what only an operator or a thief can do.
    pub fn database(&self) -> &TestDatabase {
        self.place.database.as_deref().expect("its database is not private")
    }

    /// The topic that it publishes to, where it has Kafka.
    pub fn topic(&self) -> &str {
        &self.place.topic
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Somebody who has just registered.
    pub async fn person(&self) -> Person {
        Person::register(self).await
    }

    /// The address of the process that reads documents, where that is another one.
    pub fn backstage(&self) -> Option<&str> {
        self.backstage.as_ref().map(Process::address)
    }

    /// The metrics of the process that reads documents, where that is another one.
    pub async fn backstage_metrics(&self) -> Option<String> {
        let asked = self.client().get(format!("{}/metrics", self.backstage()?)).send();
        Some(asked.await.expect("it answers").text().await.expect("text"))
    }

    /// Kills the server as a failing machine would: at once, with no chance to say anything.
    pub async fn kill(&mut self) {
        self.kill_backstage().await;
        self.process.kill().await;
    }

    /// Kills the process that reads documents, where that is another one.
    pub async fn kill_backstage(&mut self) {
        if let Some(backstage) = &mut self.backstage {
            backstage.kill().await;
        }
    }

    /// Starts it again after [`TestApp::kill`].
    pub async fn restart(&mut self) {
        (self.process, self.backstage) = self.place.start().await;
    }

    /// Starts the process that reads documents again after [`TestApp::kill_backstage`].
    pub async fn restart_backstage(&mut self) {
        self.backstage = Some(self.place.start_backstage().await);
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) {
        if let Some(backstage) = &mut self.backstage {
            backstage.stop().await;
        }
        self.process.stop().await;
    }

    /// Runs a subcommand on the same database and files.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        self.place.command(arguments).await
    }

    /// Begins a subcommand on the same database and files, which can be killed.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        self.place.begin(arguments)
    }

    /// Ends the test: no event may be left parked, no task may have panicked, and the server must stop when asked to.
    pub async fn finish(mut self) {
        self.finished = true;
        let parked = self.command(&["parked", "list"]).await;
        let (listed, said) = (
            String::from_utf8_lossy(&parked.stdout),
            String::from_utf8_lossy(&parked.stderr),
        );
        assert!(parked.status.success(), "parked events can be listed: {said}");
        assert_eq!(listed.trim(), "Nothing is parked.", "no event may be left parked");
        self.stop().await;
        let log = self.log();
        let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert!(panics.is_empty(), "the server panicked: {panics:?}");
    }
}

impl Place {
    async fn new(mut options: Options) -> Self {
        if std::env::var_os(SPLIT).is_some() && !options.private_postgres && options.kafka.is_none() {
            let broker = Broker::shared().await;
            let broker =
                broker.expect("SPENDLOG_TEST_SPLIT is set, but there is no Kafka: without it no roles can be split");
            options.kafka = Some(broker.address().to_owned());
        }
        let database = if options.private_postgres {
            None
        } else {
            Some(Arc::new(TestDatabase::new().await))
        };
        Self {
            database,
            folder: Arc::new(open_folder(&std::env::temp_dir(), "spendlog-e2e-")),
            options,
            topic: format!("test-{}", Uuid::now_v7().simple()),
        }
    }

    /// One process with all roles, or two with some each.
    async fn start(&self) -> (Process, Option<Process>) {
        let mut program = self.program("serve");
        if self.options.kafka.is_none() {
            return (Process::start(program, &self.log()).await, None);
        }
        program.args(["--roles", "api,projections"]);
        let process = Process::start(program, &self.log()).await;
        (process, Some(self.start_backstage().await))
    }

    async fn start_backstage(&self) -> Process {
        let mut program = self.program("serve");
        program.args(["--roles", "processors,relay"]);
        Process::start(program, &self.log()).await
    }

    async fn command(&self, arguments: &[&str]) -> Output {
        let (first, rest) = arguments.split_first().expect("a subcommand");
        let ended = tokio::time::timeout(DEADLINE, self.program(first).args(rest).output()).await;
        ended
            .expect("the subcommand ends in time")
            .expect("the subcommand runs")
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let (first, rest) = arguments.split_first().expect("a subcommand");
        let mut command = self.program(first);
        command
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the subcommand begins")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The program with this subcommand, in an environment of which nothing is left to chance.
    fn program(&self, subcommand: &str) -> Command {
        let mut command = Command::new("setpriv");
        // Even if this test is killed, its server ends: the kernel sees to it.
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(executable())
            .arg(subcommand);
        command
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR" | "LANG")))
            .env("SPENDLOG_DATA", self.data())
            .env("SPENDLOG_LISTEN", "127.0.0.1:0")
            .env("SPENDLOG_MODELS", models())
            // All tests that run at the same time share one PostgreSQL.
            .env("SPENDLOG_DATABASE_CONNECTIONS", "6")
            .envs(self.database.iter().map(|database| ("DATABASE_URL", database.url())))
            .envs(self.options.kafka.iter().flat_map(|brokers| {
                [
                    ("SPENDLOG_KAFKA_BROKERS", brokers.as_str()),
                    ("SPENDLOG_KAFKA_TOPIC", self.topic.as_str()),
                    ("SPENDLOG_KAFKA_PARTITIONS", "3"),
                ]
            }))
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true);
        command
    }
}

/// A temporary folder in this one that is closed to none: the user of a private PostgreSQL must get through.
pub(crate) fn open_folder(parent: &Path, prefix: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
    let folder = folder.expect("a temporary folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("our folder is ours");
    folder
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
}

/// Where weights and runtime of the text recognition are, if anywhere.
fn models() -> PathBuf {
    std::env::var_os("SPENDLOG_MODELS").map_or_else(|| root().join("data/models"), PathBuf::from)
}

/// Whether the better engine's weights are there; without them Tesseract reads.
pub fn has_models() -> bool {
    let names = std::fs::read_dir(models())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.iter().filter(|name| name.ends_with(".onnx")).count() >= 2
}

impl Drop for TestApp {
    /// When a test fails, the server's log is what one wants to see.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<&str> = log.lines().rev().take(40).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            let text = format!("last lines of the server's log:\n{}\n", last.join("\n"));
            let _best_effort = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        } else {
            assert!(self.finished, "a test must end with TestApp::finish");
        }
        if self.place.options.private_postgres {
            end_orphan(&self.data());
        }
    }
}

/// Ends a private PostgreSQL that outlived a server that was killed.
fn end_orphan(data: &Path) {
    let Ok(text) = std::fs::read_to_string(data.join("postgres/cluster/postmaster.pid")) else {
        return;
    };
    if let Some(Ok(pid)) = text.lines().next().map(str::parse) {
        send(pid, Signal::QUIT);
    }
}
