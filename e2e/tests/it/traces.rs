//! Somebody is forgotten: what can be carried away of a ledger tells nothing of theirs.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde_json::json;
use spendlog_e2e::{Options, TestApp, eventually, succeed};
use spendlog_event_store::{Event, Feed as _, Handler, MasterKey, Outcome};
use spendlog_kafka::{KafkaConfig, KafkaFeed};
use spendlog_kafka_broker::Broker;
use tokio_util::sync::CancellationToken;

use crate::{
    asyncapi,
    backup::{backup, number, opened, settled, somebody, text},
    kafka,
    restore::{forget, uuid},
    sealing::{self, PLANTED, dump, files, holds, plant},
};

/// A place from which something can be carried away, and all that stands there: names, and contents as far as they are in clear.
struct Place {
    name: String,
    contents: Vec<(String, Vec<u8>)>,
}

impl Place {
    fn of_files(name: &str, files: Vec<PathBuf>) -> Self {
        let contents = files
            .into_iter()
            .map(|path| (path.display().to_string(), opened(&path)));
        Self {
            name: name.to_owned(),
            contents: contents.collect(),
        }
    }

    /// Which of its contents has this text, if any does, be it in its name.
    fn find(&self, text: &str) -> Option<&str> {
        let found = self
            .contents
            .iter()
            .find(|(name, content)| holds(name.as_bytes(), text) || holds(content, text));
        found.map(|(name, _)| name.as_str())
    }
}

/// A processor that can handle nothing: each event that it is given becomes a dead letter.
#[derive(Debug)]
struct Helpless;

#[async_trait]
impl Handler for Helpless {
    fn name(&self) -> &'static str {
        "helpless"
    }

    fn wants(&self, _: &str, _: &str) -> bool {
        true
    }

    async fn handle(&self, _event: &Event) -> Outcome {
        Outcome::Park("it can handle nothing".to_owned())
    }
}

/// Makes dead letters of all events that there are.
async fn give_up_everything(app: &TestApp, broker: &Broker) {
    let master_key = MasterKey::read_or_create(&app.data().join("master.key")).expect("the server has made it");
    let journal = asyncapi::journal(app.database(), master_key).await;
    let kafka = KafkaConfig {
        brokers: broker.address().to_owned(),
        topic: app.topic().to_owned(),
        partitions: 3,
        replication: None,
    };
    let (feed, stop) = (KafkaFeed::new(journal.clone(), kafka), CancellationToken::new());
    let stopped = stop.clone();
    let parking = tokio::spawn(async move { feed.subscribe(Arc::new(Helpless), stopped).await });
    eventually("all events are parked", async || {
        const DONE: &str = "SELECT count(*) FROM es.subscriptions
            WHERE name = 'helpless' AND position >= (SELECT max(position) FROM es.events)";
        (number(app.database(), DONE).await == 1).then_some(())
    })
    .await;
    stop.cancel();
    parking.await.expect("it ends when it is asked to");
    journal.close().await;
    // Nobody goes on with it, and whoever drains the topic would wait for that.
    const LEAVE: &str = "DELETE FROM es.kafka_marks WHERE subscription = 'helpless';
        DELETE FROM es.subscriptions WHERE name = 'helpless'";
    sqlx::raw_sql(LEAVE)
        .execute(app.database().database().pool())
        .await
        .expect("a subscription can be removed");
}

/// The topics of a server, as the broker lists them: all generations, and the dead letters.
async fn topics(app: &TestApp, broker: &Broker) -> Vec<String> {
    let mut tool = broker.tool("org.apache.kafka.tools.TopicCommand");
    tool.args(["--bootstrap-server", broker.address(), "--list"]);
    let listed = succeed(tool.output().await.expect("the tool runs"));
    let ours = listed.lines().filter(|topic| topic.starts_with(app.topic()));
    let mut ours: Vec<String> = ours.map(str::to_owned).collect();
    ours.sort();
    ours
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_carried_away_tells_nothing_of_the_forgotten() {
    let broker = Broker::shared().await;
    let app = TestApp::start_with(broker.map_or_else(Options::default, Options::split)).await;
    let kept = tempfile::tempdir().expect("a folder");
    let target = kept.path().join("backups");
    somebody(&app).await;
    let planted = plant(&app).await;
    backup(&app, text(&target)).await;
    if let Some(broker) = broker {
        give_up_everything(&app, broker).await;
        succeed(app.command(&["kafka", "switch", "--partitions", "2"]).await);
    }
    // Some of theirs is in the archive and some in the table.
    succeed(app.command(&["archive", "--older-than", "0d"]).await);
    planted
        .post("/finance/books", json!({"name": sealing::BOOK}))
        .await
        .expect(201);
    backup(&app, text(&target)).await;
    forget(&planted, sealing::PASSWORD).await;
    settled(&app).await;
    backup(&app, text(&target)).await;

    let archive = app.data().join("objects/archive");
    let (archived, others) = files(&app.data())
        .into_iter()
        .partition(|path| path.starts_with(&archive));
    let mut places = vec![
        Place {
            name: "the database".to_owned(),
            contents: vec![("its dump".to_owned(), dump(&app, &[]))],
        },
        Place::of_files("the archive", archived),
        Place::of_files("the backups", files(&target)),
    ];
    if let Some(broker) = broker {
        let topics = topics(&app, broker).await;
        let expected = ["", ".2", ".dead"].map(|end| format!("{}{end}", app.topic()));
        assert_eq!(topics, expected);
        for topic in topics {
            let records = kafka::printed(broker, &topic, &["print.headers=true", "print.key=true"]).await;
            places.push(Place {
                name: format!("the topic {topic}"),
                contents: vec![(topic, records.into_bytes())],
            });
        }
    }
    // Their events are in each of these places, with type and person's id in clear: so the search must find both.
    for place in &places {
        for open in ["book.opened", planted.user.as_str()] {
            assert!(place.find(open).is_some(), "{open} is not found in {}", place.name);
        }
    }
    // Of the files those that were theirs are gone, and a mark says whose they were.
    let files = Place::of_files("the files", others);
    let mark = uuid(&planted.user);
    assert!(files.find(&mark).is_some(), "{mark} is not found in {}", files.name);
    places.push(files);

    for place in &places {
        for written in PLANTED {
            let found = place.find(written);
            assert_eq!(found, None, "{written} stands in {}", place.name);
        }
    }
    // No event may be left parked at the end of a test.
    succeed(app.command(&["parked", "drop", "--all"]).await);
    app.finish().await;
}
