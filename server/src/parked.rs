//! `spendlog parked`: events that a processor could not handle.

use spendlog_event_store::{migrate, parked};

use crate::{
    cli,
    config::Config,
    foundation::{Use, connect, disconnect},
    say,
};

/// Lists, replays or drops them.
pub(crate) async fn run(config: &Config, command: &cli::Parked) -> anyhow::Result<()> {
    let (cluster, database) = connect(config, Use::Beside).await?;
    migrate(&database).await?;
    let database = &database;
    match command {
        cli::Parked::List {
            subscription,
            json: true,
        } => {
            let all = parked::list(database, subscription.as_deref()).await?;
            let all: Vec<_> = all.iter().map(as_json).collect();
            say(&serde_json::Value::from(all).to_string());
        }
        cli::Parked::List {
            subscription,
            json: false,
        } => {
            let all = parked::list(database, subscription.as_deref()).await?;
            if all.is_empty() {
                say("Nothing is parked.");
            }
            for one in all {
                say(&format!(
                    "{:>6}  {}  {} at position {}, after {} attempts{}: {}",
                    one.id,
                    one.parked_at.format("%Y-%m-%d %H:%M:%S"),
                    one.subscription,
                    one.position,
                    one.attempts,
                    if one.replay_at.is_some() {
                        ", to be replayed"
                    } else {
                        ""
                    },
                    one.reason
                ));
            }
        }
        cli::Parked::Replay(which) => {
            let count = parked::replay(database, which.ids()).await?;
            say(&format!(
                "{count} will be handled again, as soon as a server with its processors runs."
            ));
        }
        cli::Parked::Drop(which) => {
            let count = parked::drop(database, which.ids()).await?;
            say(&format!("{count} dropped."));
        }
    }
    disconnect(cluster, database).await
}

fn as_json(one: &parked::Parked) -> serde_json::Value {
    serde_json::json!({
        "id": one.id,
        "subscription": one.subscription,
        "position": one.position,
        "reason": one.reason,
        "attempts": one.attempts,
        "parked_at": one.parked_at,
        "replay_at": one.replay_at,
    })
}
