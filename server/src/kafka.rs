//! `spendlog kafka`: how far the journal is published and read, and another number of partitions.

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use spendlog_event_store::{Database, migrate};
use spendlog_kafka::{KafkaConfig, current, subscriptions, switch};

use crate::{
    cli,
    config::Config,
    foundation::{Use, connect, disconnect},
    note, say,
};

/// Shows how it stands, or switches to another topic. Ctrl-C changes nothing.
pub(crate) async fn run(config: &Config, command: &cli::Kafka) -> anyhow::Result<()> {
    let kafka = config
        .kafka
        .as_ref()
        .context("SPENDLOG_KAFKA_BROKERS is not set: there is no Kafka")?;
    let (cluster, database) = connect(config, Use::Beside).await?;
    migrate(&database).await?;
    let done = match command {
        cli::Kafka::Status { json } => status(&database, kafka, *json).await,
        cli::Kafka::Switch { partitions, now } => {
            let mut kafka = kafka.clone();
            kafka.partitions = partitions.unwrap_or(kafka.partitions);
            switch_to(&database, &kafka, !now).await
        }
    };
    disconnect(cluster, &database).await?;
    done
}

async fn status(database: &Database, kafka: &KafkaConfig, as_json: bool) -> anyhow::Result<()> {
    let head: i64 = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM es.commits")
        .fetch_one(database.pool())
        .await?;
    let Some(topic) = current(database, &kafka.topic).await? else {
        say(if as_json {
            "null"
        } else {
            "Nothing was published yet. A server with the role `relay` does it."
        });
        return Ok(());
    };
    let readers = subscriptions(database, &topic.topic).await?;
    if as_json {
        let readers: Vec<_> = readers
            .iter()
            .map(|one| json!({"subscription": one.subscription, "position": one.position, "lag_events": head - one.position}))
            .collect();
        let state = json!({
            "topic": topic.topic, "generation": topic.generation, "partitions": topic.partitions, "head": head,
            "position": topic.position, "lag_events": head - topic.position, "subscriptions": readers,
        });
        say(&state.to_string());
        return Ok(());
    }
    let (name, partitions, position) = (&topic.topic, topic.partitions, topic.position);
    say(&format!(
        "{name}: {partitions} partitions, published up to position {position} of {head}"
    ));
    for one in readers {
        let lag = head - one.position;
        say(&format!(
            "  {}: done up to position {}, {lag} events behind",
            one.subscription, one.position
        ));
    }
    Ok(())
}

async fn switch_to(database: &Database, kafka: &KafkaConfig, drain: bool) -> anyhow::Result<()> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(
        "draining {bar:30} {percent:>3} %  {pos} of {len} events",
    )?);
    if bar.is_hidden() {
        note("draining: waiting until servers with the role `processors` have read the topic to its end …");
    }
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let switched = tokio::select! {
        switched = switch(database, kafka, drain, progress) => switched,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("broken off; nothing is changed, and the relay goes on"),
    };
    bar.finish_and_clear();
    let switched = switched.context("nothing is changed, and the relay goes on")?;
    let (from, to) = (&switched.from, &switched.to);
    say(&format!(
        "{} with {} partitions takes the place of {}.",
        to.topic, to.partitions, from.topic
    ));
    say(&format!(
        "The relay fills it with all events. {} is no longer used: delete it when you like.",
        from.topic
    ));
    Ok(())
}
