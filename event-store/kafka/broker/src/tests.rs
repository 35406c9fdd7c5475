//! What the tests of the transport build on: the broker keeps its data and address, and never outlives its process.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{Broker, answers};

/// Runs Kafka's own tool for topics, and returns what it says.
async fn topics(broker: &Broker, arguments: &[&str]) -> String {
    let mut tool = broker.tool("org.apache.kafka.tools.TopicCommand");
    let ended = tool
        .args(["--bootstrap-server", broker.address()])
        .args(arguments)
        .output()
        .await;
    let ended = ended.expect("the tool runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[tokio::test]
async fn a_broker_that_was_stopped_or_killed_comes_back_with_its_data_at_its_address() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let address = broker.address().to_owned();
    topics(&broker, &["--create", "--topic", "kept", "--partitions", "3"]).await;
    broker.stop().await;
    assert!(!answers(&address).await);
    broker.restart().await;
    assert_eq!(broker.address(), address);
    assert!(answers(&address).await);
    broker.kill().await;
    assert!(!answers(&address).await);
    assert_eq!(broker.pid(), None);
    broker.restart().await;
    assert_eq!(topics(&broker, &["--list"]).await.trim(), "kept");
}

#[tokio::test]
async fn a_broker_that_is_dropped_is_gone_with_its_folder() {
    let Some(broker) = Broker::start().await else { return };
    let (address, folder) = (broker.address().to_owned(), broker.folder.path().to_owned());
    drop(broker);
    assert!(!answers(&address).await);
    assert!(!folder.exists());
}

/// Set for the process that the test below starts and kills.
const VICTIM: &str = "SPENDLOG_TEST_VICTIM";

#[tokio::test]
async fn the_broker_ends_when_the_process_that_started_it_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        if let Some(broker) = Broker::start().await {
            let line = format!("\nbroker {} {}\n", broker.address(), broker.folder.path().display());
            std::io::stdout().write_all(line.as_bytes()).expect("somebody reads");
            tokio::time::sleep(Duration::from_secs(300)).await;
        }
        return;
    }
    let this = "tests::the_broker_ends_when_the_process_that_started_it_is_killed";
    let mut victim = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", this, "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts");
    let lines = BufReader::new(victim.stdout.take().expect("its output is piped")).lines();
    let said = lines.map_while(Result::ok).find(|line| line.starts_with("broker "));
    let there = match &said {
        Some(said) => answers(said.split(' ').nth(1).unwrap_or_default()).await,
        None => false,
    };
    // Without Kafka it has ended by itself, having said so.
    let _ended = victim.kill();
    victim.wait().expect("it can be waited for");
    let Some(said) = said else { return };
    let [_, address, folder] = said.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    assert!(there);
    let begun = Instant::now();
    while answers(address).await || Path::new(folder).exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the broker outlives its process"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
