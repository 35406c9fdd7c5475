//! Tells others of what is written here, and hears of what they write and of whom they forget: through announcements of Postgres, and by looking now
//! and then, in case one got lost.

use std::{future::poll_fn, time::Duration};

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, NoTls};
use tokio_util::sync::CancellationToken;

use crate::{
    Database, DatabaseError, Keyring,
    committer::{BREATH, publish},
    forgetting::FORGOTTEN,
};

/// The channel on which commits are announced, each with the new head.
const COMMITS: &str = "spendlog_journal";
/// The channel on which it is announced that parked events are to be tried again.
pub(crate) const REPLAYS: &str = "spendlog_parked";
/// How often somebody looks although nothing was announced.
const LOOK: Duration = Duration::from_secs(5);
/// How often somebody looks while announcements can't be heard, and how often that is tried again.
const DEAF: Duration = Duration::from_millis(500);

/// What is heard, and what is to be told.
pub(crate) struct Listener {
    pub(crate) database: Database,
    /// Hears of owners who are forgotten.
    pub(crate) keyring: Keyring,
    /// The newest position that is known here.
    pub(crate) newest: watch::Sender<i64>,
    /// Counts up when somebody asks for parked events to be tried again.
    pub(crate) replays: watch::Sender<u64>,
    /// The newest position that was written here.
    pub(crate) written: watch::Receiver<i64>,
    /// The newest position that was announced by its commit.
    pub(crate) announced: watch::Receiver<i64>,
}

impl Listener {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let work = async {
            loop {
                if let Err(error) = self.listen().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "announcements of commits can't be heard"
                    );
                }
                look(&self.database, &self.newest, &self.replays).await;
                tokio::time::sleep(DEAF).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Listens and tells until the connection is lost.
    async fn listen(&mut self) -> Result<(), DatabaseError> {
        let Self {
            announced,
            database,
            keyring,
            newest,
            replays,
            written,
        } = self;
        let (client, mut connection) = database.config("spendlog-listener", "").connect(NoTls).await?;
        let hear = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(news))) if news.channel() == REPLAYS => {
                        replays.send_modify(|count| *count += 1);
                    }
                    Some(Ok(AsyncMessage::Notification(news))) if news.channel() == FORGOTTEN => {
                        if let Ok(owner) = news.payload().parse() {
                            keyring.learn_forgotten(&[owner]);
                        }
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
            // An announcement that is lost in a crash is made up for by looking.
            client
                .batch_execute(&format!(
                    "SET synchronous_commit = off; LISTEN {COMMITS}; LISTEN {REPLAYS}; LISTEN {FORGOTTEN}"
                ))
                .await?;
            // What was announced before we listened.
            keyring.refresh().await?;
            let announce = client.prepare("SELECT pg_notify($1, $2)").await?;
            // The newest position that was told from here. It outlives the telling, which a look can break off at any moment.
            let mut told = 0_i64;
            loop {
                look(database, newest, replays).await;
                let tell = async {
                    loop {
                        let position = *written.borrow_and_update();
                        let known = told.max(*announced.borrow());
                        if position > known {
                            // While commits go on, one of the next announces itself, and this one with it.
                            tokio::time::sleep(BREATH * 2).await;
                            if *announced.borrow() < position {
                                let position = *written.borrow_and_update();
                                client.execute(&announce, &[&COMMITS, &position.to_string()]).await?;
                                told = position;
                            }
                        } else if written.changed().await.is_err() {
                            break;
                        }
                    }
                    // The committer has ended: nothing is left to tell.
                    std::future::pending::<Result<(), DatabaseError>>().await
                };
                if let Ok(told) = tokio::time::timeout(LOOK, tell).await {
                    return told;
                }
            }
        };
        match select(std::pin::pin!(hear), std::pin::pin!(keep)).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
        }
    }
}

async fn look(database: &Database, newest: &watch::Sender<i64>, replays: &watch::Sender<u64>) {
    const LOOK: &str = "SELECT coalesce((SELECT max(size) FROM es.commits), 0),
        EXISTS (SELECT FROM es.parked WHERE replay_at IS NOT NULL)";
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
