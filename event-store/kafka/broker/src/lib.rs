//! Apache Kafka itself, for tests: one broker that is its own controller, on ports of 127.0.0.1, gone with the process
//! that started it.
//!
//! `scripts/kafka.sh`, which `make test` calls, fetches it. Where it can't be had (no Java, no network), that is said
//! once, and [`Broker::shared`] and [`Broker::start`] answer `None`. What starts takes some five seconds: two for
//! formatting the storage, the rest for the broker.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that can't have the broker it found installed has failed"
)]

mod installed;
#[cfg(test)]
mod tests;
mod watcher;

use std::{
    fs::OpenOptions,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::OnceCell,
};

use crate::{installed::Installed, watcher::Watcher};

/// How long a start may take: several brokers may be starting on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long an orderly end may take.
const STOP_LIMIT: Duration = Duration::from_secs(60);

static SHARED: OnceCell<Option<Broker>> = OnceCell::const_new();

/// A broker, running or (between [`Broker::stop`] or [`Broker::kill`] and [`Broker::restart`]) not.
#[derive(Debug)]
pub struct Broker {
    installed: &'static Installed,
    address: String,
    child: Option<Child>,
    watcher: Watcher,
    folder: TempDir,
}

impl Broker {
    /// The one that all tests of this process share, started when the first asks for it. It can't be stopped.
    pub async fn shared() -> Option<&'static Self> {
        SHARED.get_or_init(Self::start).await.as_ref()
    }

    /// One of the caller's own, which can be stopped and killed.
    pub async fn start() -> Option<Self> {
        let installed = Installed::find()?;
        let folder = tempfile::Builder::new().prefix("spendlog-kafka-").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let [broker, controller] = free_ports();
        let settings = settings(broker, controller, folder.path());
        std::fs::write(folder.path().join("server.properties"), settings).expect("our folder is ours");
        let mut started = Self {
            installed,
            address: format!("127.0.0.1:{broker}"),
            child: None,
            watcher: Watcher::start(folder.path()),
            folder,
        };
        started.format().await;
        started.restart().await;
        Some(started)
    }

    /// Host and port: what clients call a bootstrap server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it has written to its log: warnings and errors.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("kafka.log")).unwrap_or_default()
    }

    /// A program of Kafka's own, by its Java class, as `org.apache.kafka.tools.TopicCommand`.
    pub fn tool(&self, class: &str) -> tokio::process::Command {
        self.installed.java(&["-Xmx256m"], class).into()
    }

    /// Ends it in order, as its operator would.
    pub async fn stop(&mut self) {
        self.end(Signal::TERM).await;
    }

    /// Ends it as a failing machine would.
    pub async fn kill(&mut self) {
        self.end(Signal::KILL).await;
    }

    /// Starts it again after [`Broker::stop`] or [`Broker::kill`], on the same data and address.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "the broker runs already");
        let mut command = self.installed.java(&["-Xmx512m", "-XX:+UseSerialGC"], "kafka.Kafka");
        let command = command.arg(self.folder.path().join("server.properties"));
        let mut child = self.spawn(command);
        self.watcher.watch(child.id());
        let begun = Instant::now();
        while !answers(&self.address).await {
            if let Some(status) = child.try_wait().expect("a child can be asked after") {
                panic!("Kafka ended during its start ({status}):\n{}", self.log());
            }
            assert!(
                begun.elapsed() < START_LIMIT,
                "Kafka does not answer within {} s:\n{}",
                START_LIMIT.as_secs(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.child = Some(child);
    }

    async fn format(&self) {
        // Any 16 bytes in base64 are an id of a cluster.
        const ID: &str = "c3BlbmRsb2ctdGVzdHMtMQ";
        let mut command = self
            .installed
            .java(&["-XX:TieredStopAtLevel=1"], "kafka.tools.StorageTool");
        let command = command.args(["format", "--standalone", "--cluster-id", ID, "--config"]);
        let command = command.arg(self.folder.path().join("server.properties"));
        let ended = end_of(&mut self.spawn(command), START_LIMIT).await;
        assert!(
            ended.is_some_and(|status| status.success()),
            "Kafka's storage can't be formatted:\n{}",
            self.log()
        );
    }

    /// Starts the command with its output to the log.
    fn spawn(&self, command: &mut Command) -> Child {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("kafka.log"))
            .expect("our folder is ours");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log);
        // Ctrl-C at the terminal is for the tests: the watcher ends it after them.
        command.process_group(0);
        command.spawn().expect("java starts")
    }

    async fn end(&mut self, signal: Signal) {
        let mut child = self.child.take().expect("the broker runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has a number"), signal).expect("it was not waited for");
        assert!(
            end_of(&mut child, STOP_LIMIT).await.is_some(),
            "Kafka does not end:\n{}",
            self.log()
        );
        self.watcher.rest();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended, which is the aim.
            let _gone = child.kill().and_then(|()| child.wait());
            self.watcher.rest();
        }
    }
}

/// How the process ended, if it did in this time.
async fn end_of(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        let ended = child.try_wait().expect("a child can be asked after");
        if ended.is_some() || begun.elapsed() > limit {
            return ended;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a broker at the address answers a request: which versions of requests it takes (ApiVersions, version 0).
async fn answers(address: &str) -> bool {
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF];
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&REQUEST).await?;
        let (mut head, mut answer) = ([0; 8], [0; 2]);
        stream.read_exact(&mut head).await?;
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(head.ends_with(&[0, 0, 0, 7]) && answer == [0, 0])
    };
    tokio::time::timeout(Duration::from_secs(5), ask)
        .await
        .is_ok_and(|answer| answer.unwrap_or(false))
}

/// Two ports that nobody has, out of those that the system gives to no outgoing connection, so that they are still free
/// when the broker is started again.
fn free_ports() -> [u16; 2] {
    loop {
        let [a, b] = [fastrand::u16(15_000..32_000), fastrand::u16(15_000..32_000)];
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if a != b && free(a) && free(b) {
            return [a, b];
        }
    }
}

/// One node for all roles, one replica of everything, groups that begin at once.
fn settings(broker: u16, controller: u16, folder: &Path) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=8388608
log.dirs={}
",
        data.display()
    )
}
