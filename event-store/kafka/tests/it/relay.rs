//! What the relay publishes.

use std::collections::BTreeMap;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use spendlog_event_store::{
    Audit,
    testing::contract::{self, write},
};
use spendlog_kafka::partition_of;
use uuid::Uuid;

use crate::stage::{Found, OnKafka, Running, imitation};

/// The positions of the records in their partitions, as they came first. What comes again is no further than what came before.
fn first_seen(records: &[Found]) -> Vec<i64> {
    let mut seen: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in records {
        let partition = seen.entry(record.partition).or_default();
        if partition.last().is_none_or(|last| record.position() > *last) {
            partition.push(record.position());
        }
    }
    let mut all: Vec<i64> = seen.into_values().flatten().collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_a_cloud_event_with_all_that_is_stored() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 7, 0..3).await;
    stage.published(21).await;
    let records = stage.records(&stage.kafka.topic).await;
    assert_eq!((records.len(), first_seen(&records)), (21, (1..=21).collect()));
    let audit = Audit::on(&journal);
    for record in &records {
        let stored = audit.event(record.position()).await.unwrap().unwrap();
        let owner: Uuid = record.key.parse().unwrap();
        assert_eq!((owner, record.partition), (stored.owner, partition_of(stored.owner, 3)));
        assert_eq!(record.value, stored.payload);
        assert!(
            record.value.contains("sealed:") && !record.value.contains("bread"),
            "{record:?}"
        );
        let header = |name: &str| record.headers[name].as_str();
        let correlation = Uuid::from_u128(7);
        for (name, expected) in [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_source", "urn:spendlog:journal".to_owned()),
            ("ce_type", "note.written".to_owned()),
            ("ce_subject", format!("note/{}", stored.stream)),
            ("ce_dataschema", "note.written.v1.json".to_owned()),
            ("ce_partitionkey", record.key.clone()),
            ("ce_sequence", format!("{:019}", stored.position)),
            ("ce_streamsequence", stored.sequence.to_string()),
            ("ce_correlationid", correlation.to_string()),
            ("ce_causationid", "3".to_owned()),
            (
                "ce_traceparent",
                format!("00-{}-{:016x}-00", correlation.simple(), stored.position),
            ),
            ("ce_commandid", stored.command_id.unwrap().to_string()),
            ("content-type", "application/json".to_owned()),
            ("metadata", stored.metadata.clone()),
        ] {
            assert_eq!(header(name), expected, "{name}");
        }
        let time = chrono::DateTime::parse_from_rfc3339(header("ce_time")).unwrap();
        assert_eq!(time.timestamp_micros(), stored.recorded_at_us);
        assert_eq!(record.headers.len(), 17, "{:?}", record.headers);
    }
    for partition in 0..3 {
        let chain = records.iter().filter(|record| record.partition == partition);
        chain.fold("0", |last, record| {
            assert_eq!(record.headers["ce_previous"], last);
            &record.headers["ce_id"]
        });
    }
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_relay_at_a_time_publishes_and_another_takes_over_at_the_checkpoint() {
    let stage = OnKafka::new().await;
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..4).await;
    stage.published(20).await;
    let other = Running::start(&contract::journal(&stage.database).await, &stage.kafka);
    write(&journal, 5, 4..8).await;
    stage.published(40).await;
    let OnKafka { database, kafka, relay } = stage;
    relay.end().await;
    write(&journal, 5, 8..12).await;
    let stage = OnKafka {
        database,
        kafka,
        relay: other,
    };
    stage.published(60).await;
    let records = stage.records(&stage.kafka.topic).await;
    assert_eq!((records.len(), first_seen(&records)), (60, (1..=60).collect()));
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_refuses_costs_no_event_and_no_order() {
    let cluster = imitation();
    let stage = OnKafka::at(&cluster.bootstrap_servers()).await;
    for topic in [stage.kafka.topic.clone(), stage.kafka.dead_letters()] {
        cluster.create_topic(&topic, 3, 1).unwrap();
    }
    let journal = contract::journal(&stage.database).await;
    write(&journal, 9, 0..10).await;
    stage.published(90).await;
    // What the client does not try again by itself, and what ends a producer.
    let refusals = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN,
    ];
    for (round, refusal) in (1..).zip(refusals) {
        cluster.request_errors(RDKafkaApiKey::Produce, &[refusal]);
        write(&journal, 9, round * 10..round * 10 + 10).await;
        stage.published((round + 1) * 90).await;
    }
    let records = stage.records(&stage.kafka.topic).await;
    assert_eq!(first_seen(&records), (1..=450).collect::<Vec<_>>());
    stage.relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_goes_on_with_the_topic_that_took_the_place_of_its_own() {
    let cluster = imitation();
    let stage = OnKafka::at(&cluster.bootstrap_servers()).await;
    let next = format!("{}.2", stage.kafka.topic);
    for topic in [&stage.kafka.topic, &stage.kafka.dead_letters(), &next] {
        cluster.create_topic(topic, 3, 1).unwrap();
    }
    let journal = contract::journal(&stage.database).await;
    write(&journal, 5, 0..2).await;
    stage.published(10).await;
    // As by somebody who had its locks, since its connection was lost without its notice.
    let put = "INSERT INTO es.kafka_topics (family, generation, topic, partitions) VALUES ($1, 2, $2, 3)";
    let put = sqlx::query(put).bind(&stage.kafka.topic).bind(&next);
    put.execute(stage.database.database().pool()).await.unwrap();
    stage.published(10).await;
    let records = stage.records(&next).await;
    assert_eq!((records.len(), first_seen(&records)), (10, (1..=10).collect()));
    stage.relay.end().await;
}
