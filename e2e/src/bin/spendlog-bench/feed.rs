//! The feed: how long it takes from an append to whoever reacts to it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use spendlog_event_store::{Event, Feed as _, Handler, Outcome};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    fixture,
    fixture::Book,
    report::{Measured, median},
};

const EVENTS: u64 = 500;

/// Tells when it was given which event.
struct Watch(mpsc::UnboundedSender<(i64, Instant)>);

#[async_trait]
impl Handler for Watch {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn wants(&self, kind: &str, _: &str) -> bool {
        kind == "transaction"
    }

    async fn handle(&self, event: &Event) -> Outcome {
        // Where nobody listens any more the measurement is over.
        let _over = self.0.send((event.position, Instant::now()));
        Outcome::Done
    }
}

/// From the moment an append is asked for to the moment a handler in the same process has the event, one event at a time, a
/// random while apart.
pub(crate) async fn latency(name: &str) -> anyhow::Result<Measured> {
    let fixture = fixture().await?;
    let book = Book::open(&fixture.journal).await?;
    let (sender, mut handled) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let (journal, stopped) = (fixture.journal.clone(), stop.clone());
    let watching = tokio::spawn(async move { journal.subscribe(Arc::new(Watch(sender)), stopped).await });
    let mut asked = HashMap::new();
    for number in 0..EVENTS {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..80))).await;
        let command = book.command(vec![book.transaction(number)?]);
        let at = Instant::now();
        asked.insert(fixture.journal.append(command).await?.position, at);
    }
    let mut seconds = Vec::new();
    while seconds.len() < asked.len()
        && let Some((position, at)) = handled.recv().await
    {
        if let Some(asked) = asked.get(&position) {
            seconds.push((at - *asked).as_secs_f64());
        }
    }
    stop.cancel();
    watching.await?;
    fixture.stop().await?;
    Ok(Measured {
        name: name.to_owned(),
        value: median(&seconds) * 1e3,
        unit: "ms",
        p50_ms: None,
        p99_ms: None,
        beside: None,
        ratio: None,
    }
    .with_times(seconds))
}
