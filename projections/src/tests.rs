//! Given events / when applied, once and again / then rows; the past against a replay; pages against the whole list.

mod busy;
mod custom;
mod custom_kept;
mod custom_rights;
mod forgotten;
mod history;
mod lists;
mod operate;
mod papers;
mod past;
mod twice;
mod wait;

use spendlog_event_store::Query;
use tokio_postgres::types::ToSql;

use crate::{Group, Projections, runner, writer::Writer};
use history::History;

/// Applies all events of the journal up to its head, in batches of this size, without checkpoints.
async fn project(history: &History, writer: &Writer, batch: i64) {
    for group in Group::ALL {
        let mut after = 0;
        loop {
            let kinds = group.kinds().iter().map(|kind| (*kind).to_owned()).collect();
            let query = Query {
                after,
                kinds: Some(kinds),
                limit: batch,
                ..Query::default()
            };
            let events = history.journal.read(&query).await.unwrap();
            let Some(last) = events.last() else { break };
            after = last.position;
            runner::apply_again(writer, group, &events).await.unwrap();
        }
    }
}

async fn writer(history: &History) -> Writer {
    Writer::open(history.journal.database(), "test", "read", false)
        .await
        .unwrap()
}

/// All rows of all tables of a group, as text, ordered.
async fn rows(writer: &Writer, group: Group) -> Vec<String> {
    let mut all = Vec::new();
    for table in group.tables() {
        let sql = format!("SELECT '{table} ' || t::text FROM read.{table} t ORDER BY 1");
        let none: &[&(dyn ToSql + Sync)] = &[];
        all.extend(
            writer
                .query(sql, none)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get::<_, String>(0)),
        );
    }
    all
}

/// Projections over a history that is applied already.
fn projections(history: &History) -> Projections {
    Projections::new(history.journal.clone())
}
