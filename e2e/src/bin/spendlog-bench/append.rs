//! Appends: events per second beside bare INSERTs.

use std::time::{Duration, Instant};

use spendlog_event_store::StreamAppend;
use sqlx::Connection as _;
use tokio::task::JoinSet;

use crate::{
    fixture,
    fixture::{Book, Fixture},
    in_turns, pgbench,
    report::Measured,
};

/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(3);

/// One event per command, by so many waiting callers; beside, one bare INSERT per commit by as many clients.
pub(crate) async fn by_callers(name: &str, callers: usize) -> anyhow::Result<Measured> {
    let fixture = fixture().await?;
    let books = books(&fixture, callers).await?;
    callers_for(&fixture, &books, Duration::from_millis(500), &mut Vec::new()).await?;
    let row_bytes = fixture.row_bytes().await?;
    let mut times = Vec::new();
    let ours = async || callers_for(&fixture, &books, ROUND, &mut times).await;
    let beside = async || pgbench::bare_inserts(&fixture, callers, row_bytes, 3).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "bare INSERTs/s (pgbench)", &ours, &beside).with_times(times))
}

/// Eight callers while a foreign session has held a snapshot for 60 seconds; beside, without.
pub(crate) async fn old_snapshot(name: &str) -> anyhow::Result<Measured> {
    const HELD: Duration = Duration::from_secs(60);
    let fixture = fixture().await?;
    let books = books(&fixture, 8).await?;
    callers_for(&fixture, &books, Duration::from_millis(500), &mut Vec::new()).await?;
    let mut times = Vec::new();
    let ours = async || {
        let mut foreign = sqlx::PgConnection::connect(fixture.url()).await?;
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM es.commits")
            .execute(&mut foreign)
            .await?;
        // The writers go on all the while, so that what can bloat does; the figure is that of the end.
        callers_for(&fixture, &books, HELD.saturating_sub(ROUND), &mut Vec::new()).await?;
        let rate = callers_for(&fixture, &books, ROUND, &mut times).await?;
        foreign.close().await?;
        Ok(rate)
    };
    let beside = async || callers_for(&fixture, &books, ROUND, &mut Vec::new()).await;
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "events/s without the snapshot", &ours, &beside).with_times(times))
}

/// How many events one append has.
const ROWS: usize = 1000;

/// A thousand events to a thousand streams in one append; beside, one bare INSERT of a thousand rows.
pub(crate) async fn many_streams(name: &str) -> anyhow::Result<Measured> {
    in_one_append(name, |streams| streams).await
}

/// A thousand events to one new stream in one append; beside, one bare INSERT of a thousand rows.
pub(crate) async fn one_stream(name: &str) -> anyhow::Result<Measured> {
    in_one_append(name, |streams| {
        let mut streams = streams.into_iter();
        let Some(mut one) = streams.next() else {
            return Vec::new();
        };
        one.events.extend(streams.flat_map(|stream| stream.events));
        vec![one]
    })
    .await
}

async fn in_one_append(
    name: &str,
    arrange: impl Fn(Vec<StreamAppend>) -> Vec<StreamAppend>,
) -> anyhow::Result<Measured> {
    let fixture = fixture().await?;
    let books = books(&fixture, 1).await?;
    let book = books[0];
    callers_for(&fixture, &books, Duration::from_millis(500), &mut Vec::new()).await?;
    let row_bytes = fixture.row_bytes().await?;
    let mut number = 0;
    let mut times = Vec::new();
    let ours = async || {
        let mut seconds = Vec::new();
        for _ in 0..10 {
            let streams = (0..ROWS as u64)
                .map(|n| book.transaction(number + n))
                .collect::<Result<_, _>>()?;
            number += ROWS as u64;
            let command = book.command(arrange(streams));
            let started = Instant::now();
            fixture.journal.append(command).await?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        times.extend(&seconds);
        Ok(ROWS as f64 / crate::report::median(&seconds))
    };
    let rows = vec![format!("{{\"x\":\"{}\"}}", "x".repeat(row_bytes.saturating_sub(8))); ROWS];
    let beside = async || {
        let mut seconds = Vec::new();
        for _ in 0..10 {
            let started = Instant::now();
            sqlx::query("INSERT INTO bare (payload) SELECT p::json FROM unnest($1::text[]) p")
                .bind(&rows)
                .execute(fixture.database.pool())
                .await?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        Ok(ROWS as f64 / crate::report::median(&seconds))
    };
    let (ours, beside) = in_turns(ours, beside).await?;
    fixture.stop().await?;
    Ok(Measured::of(name, "events/s", "rows/s of a bare INSERT", &ours, &beside).with_times(times))
}

async fn books(fixture: &Fixture, count: usize) -> anyhow::Result<Vec<Book>> {
    let mut books = Vec::new();
    for _ in 0..count {
        books.push(Book::open(&fixture.journal).await?);
    }
    Ok(books)
}

/// One caller per book, each waiting for its answer before it asks again; events per second of all together.
async fn callers_for(fixture: &Fixture, books: &[Book], time: Duration, times: &mut Vec<f64>) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for &book in books {
        let journal = fixture.journal.clone();
        callers.spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < time {
                let command = book.command(vec![book.transaction(times.len() as u64)?]);
                let asked = Instant::now();
                journal.append(command).await?;
                times.push(asked.elapsed().as_secs_f64());
            }
            anyhow::Ok(times)
        });
    }
    let mut count = 0;
    while let Some(caller) = callers.join_next().await {
        let of_caller = caller??;
        count += of_caller.len();
        times.extend(of_caller);
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
