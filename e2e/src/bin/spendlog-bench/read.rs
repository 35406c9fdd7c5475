//! Reading the log, verifying it, and rebuilding read tables from it.

use std::{num::NonZero, time::Instant};

use futures_util::TryStreamExt as _;
use spendlog_domain::transactions::{Transaction, TransactionEvent};
use spendlog_event_store::{Archive, Audit, Journal, Query, Reading};
use spendlog_projections::Group;
use sqlx::Row as _;

use crate::{
    fixture,
    fixture::{Book, Fixture, plans},
    in_turns,
    report::Measured,
};

/// How many events the log has.
pub(crate) const EVENTS: u64 = 200_000;

/// The read tables that transactions fill.
const TABLES: &[&str] = &["accounts", "transactions", "postings", "summary", "summary_versions"];

/// Opens and deserialises the whole log; beside, the raw rows by sqlx.
pub(crate) async fn log(name: &str) -> anyhow::Result<Measured> {
    let fixture = filled(EVENTS).await?;
    let ours = async || {
        let started = Instant::now();
        let mut count = 0_u64;
        let all = Query {
            limit: i64::MAX,
            ..Query::default()
        };
        let mut pages = fixture.journal.pages(all);
        while let Some(page) = pages.try_next().await? {
            for event in page {
                if event.kind == "transaction" {
                    let decoded: TransactionEvent = event.decode()?;
                    std::hint::black_box(&decoded);
                }
                count += 1;
            }
        }
        anyhow::ensure!(count > EVENTS, "the log has {count} events");
        Ok(count as f64 / started.elapsed().as_secs_f64())
    };
    let beside = async || raw_rows(&fixture).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "raw rows/s", &ours, &beside))
}

/// Computes every leaf and root of the log anew; beside, the raw rows by sqlx.
pub(crate) async fn verify(name: &str) -> anyhow::Result<Measured> {
    let fixture = filled(EVENTS).await?;
    let audit = Audit::on(&fixture.journal);
    let ours = async || {
        let started = Instant::now();
        let verified = audit.verify(plans()?, None, |_, _| ()).await?;
        anyhow::ensure!(verified.broken.is_empty(), "{:?}", verified.broken);
        Ok(verified.size as f64 / started.elapsed().as_secs_f64())
    };
    let beside = async || raw_rows(&fixture).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "raw rows/s", &ours, &beside))
}

/// Loads the state of a stream of 10,000 events by way of its snapshot; beside, by folding all of them.
pub(crate) async fn long_stream(name: &str) -> anyhow::Result<Measured> {
    const LOADS: u32 = 20;
    let fixture = fixture().await?;
    let transaction = Book::open(&fixture.journal)
        .await?
        .long_transaction(10_000, &fixture.journal)
        .await?;
    let keyring = fixture.journal.keyring().clone();
    let reading = Reading {
        upcasters: Vec::new(),
        archive: Archive::new(&fixture.database, None),
        snapshot_events: NonZero::new(100),
    };
    let journal = Journal::open_with(fixture.database.clone(), keyring, plans()?, reading).await?;
    let load = async |journal: &Journal| {
        let started = Instant::now();
        for _ in 0..LOADS {
            let loaded = journal.load_state::<Transaction>(1, &transaction, i64::MAX).await?;
            anyhow::ensure!(loaded.version == 10_000, "the stream has {} events", loaded.version);
        }
        Ok(f64::from(LOADS) / started.elapsed().as_secs_f64())
    };
    // The first makes the snapshot.
    load(&journal).await?;
    let (ours, beside) = in_turns(async || load(&journal).await, async || load(&fixture.journal).await).await?;
    journal.close().await;
    fixture.stop().await?;
    Ok(Measured::of(
        name,
        "loads/s",
        "loads/s without a snapshot",
        &ours,
        &beside,
    ))
}

/// How many raw rows sqlx reads in a second.
pub(crate) async fn raw_rows(fixture: &Fixture) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut rows = sqlx::query(
        "SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload::text,
                metadata::text, owner_id, command_id, recorded_at
         FROM es.events ORDER BY position",
    )
    .fetch(fixture.database.pool());
    let mut count = 0_u64;
    while let Some(row) = rows.try_next().await? {
        std::hint::black_box((row.get::<&str, _>(6), row.get::<&str, _>(7)));
        count += 1;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// Builds accounts and transactions anew; beside, COPY of the same rows into tables of the same form.
pub(crate) async fn rebuild(name: &str) -> anyhow::Result<Measured> {
    let fixture = filled(EVENTS).await?;
    rebuild_ledger(&fixture).await?;
    let rate = |started: Instant| EVENTS as f64 / started.elapsed().as_secs_f64();
    let ours = async || {
        let started = Instant::now();
        rebuild_ledger(&fixture).await?;
        Ok(rate(started))
    };
    let beside = async || copy(&fixture).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(
        name,
        "events/s",
        "events/s by COPY of the same rows",
        &ours,
        &beside,
    ))
}

async fn rebuild_ledger(fixture: &Fixture) -> anyhow::Result<()> {
    spendlog_projections::rebuild(&fixture.journal, Group::Ledger, |_| ()).await?;
    Ok(())
}

/// Copies the rows of the read tables out, and measures how long it takes to copy them into empty tables with the same indexes.
async fn copy(fixture: &Fixture) -> anyhow::Result<f64> {
    let mut seconds = 0.0;
    for table in TABLES {
        let mut connection = fixture.database.pool().acquire().await?;
        let mut rows = Vec::new();
        {
            let mut out = connection
                .copy_out_raw(&format!("COPY read.{table} TO STDOUT (FORMAT binary)"))
                .await?;
            while let Some(chunk) = out.try_next().await? {
                rows.push(chunk);
            }
        }
        sqlx::raw_sql(&format!(
            "DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE read.{table} INCLUDING ALL)"
        ))
        .execute(&mut *connection)
        .await?;
        let started = Instant::now();
        let mut copy = connection.copy_in_raw("COPY copied FROM STDIN (FORMAT binary)").await?;
        for chunk in rows {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        seconds += started.elapsed().as_secs_f64();
    }
    Ok(EVENTS as f64 / seconds)
}

/// A log of so many transactions.
pub(crate) async fn filled(events: u64) -> anyhow::Result<Fixture> {
    let fixture = fixture().await?;
    fixture.fill(events).await?;
    sqlx::raw_sql("VACUUM ANALYZE es.events")
        .execute(fixture.database.pool())
        .await?;
    Ok(fixture)
}
