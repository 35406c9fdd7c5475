//! Hears of what others have written: Postgres announces each commit, and now and then somebody looks, in case an announcement
//! got lost.

use std::{future::poll_fn, time::Duration};

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, NoTls};
use tokio_util::sync::CancellationToken;

use crate::{Database, DatabaseError, committer::publish};

/// The channel on which commits are announced, each with the new head.
const COMMITS: &str = "spendlog_journal";
/// The channel on which it is announced that parked events are to be tried again.
pub(crate) const REPLAYS: &str = "spendlog_parked";
/// How often somebody looks although nothing was announced.
const LOOK: Duration = Duration::from_secs(5);
/// How often somebody looks while announcements can't be heard, and how often that is tried again.
const DEAF: Duration = Duration::from_millis(500);

pub(crate) async fn run(
    database: Database,
    newest: watch::Sender<i64>,
    replays: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let work = async {
        loop {
            if let Err(error) = listen(&database, &newest, &replays).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "announcements of commits can't be heard"
                );
            }
            look(&database, &newest, &replays).await;
            tokio::time::sleep(DEAF).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Listens until the connection is lost.
async fn listen(
    database: &Database,
    newest: &watch::Sender<i64>,
    replays: &watch::Sender<u64>,
) -> Result<(), DatabaseError> {
    let (client, mut connection) = database.config("spendlog-listener").connect(NoTls).await?;
    let hear = async {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(news))) if news.channel() == REPLAYS => {
                    replays.send_modify(|count| *count += 1)
                }
                Some(Ok(AsyncMessage::Notification(news))) => {
                    if let Ok(position) = news.payload().parse() {
                        publish(newest, position);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(DatabaseError::from(error)),
                None => return Ok(()),
            }
        }
    };
    let keep = async {
        client
            .batch_execute(&format!("LISTEN {COMMITS}; LISTEN {REPLAYS}"))
            .await?;
        loop {
            look(database, newest, replays).await;
            tokio::time::sleep(LOOK).await;
            if client.is_closed() {
                return Ok(());
            }
        }
    };
    match select(std::pin::pin!(hear), std::pin::pin!(keep)).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    }
}

async fn look(database: &Database, newest: &watch::Sender<i64>, replays: &watch::Sender<u64>) {
    const LOOK: &str = "SELECT coalesce((SELECT max(size) FROM es.commits), 0), EXISTS (SELECT FROM es.parked WHERE replay_at IS NOT NULL)";
    match sqlx::query_as::<_, (i64, bool)>(LOOK).fetch_one(database.pool()).await {
        Ok((position, asked)) => {
            publish(newest, position);
            if asked {
                replays.send_modify(|count| *count += 1);
            }
        }
        Err(error) => tracing::debug!(%error, "the head can't be seen"),
    }
}
