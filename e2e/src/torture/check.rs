//! What must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::{Figures, handler::Handled, writer::Written};
use crate::Person;

/// Looks at the journal, and gives the positions of the person's events.
pub(super) async fn journal(address: &str, person: &Person, written: &[Written], figures: &mut Figures) -> Vec<i64> {
    for one in written {
        figures.acknowledged += one.acknowledged;
        figures.refused += one.refused;
        figures.wrong.extend(one.wrong.iter().take(3).cloned());
    }
    let mut db = PgConnection::connect(address).await.expect("PostgreSQL is there");
    dense(&mut db, figures).await;
    // Before the writers began there were the shared transaction, the account of all and the first doomed one.
    let recorded: Vec<&String> = written.iter().flat_map(|one| &one.recorded).collect();
    happened(&mut db, "transaction.recorded", &recorded, 1, figures).await;
    let opened: Vec<&String> = written.iter().flat_map(|one| &one.opened).collect();
    happened(&mut db, "account.opened", &opened, 2, figures).await;
    let closed: Vec<&String> = written
        .iter()
        .flat_map(|one| &one.closed)
        .map(|(account, _)| account)
        .collect();
    happened(&mut db, "account.closed", &closed, 0, figures).await;
    noted(&mut db, written, figures).await;
    guarded(&mut db, written, figures).await;
    let owners = [&person.user, &person.book].map(|id| uuid(id));
    sqlx::query_scalar("SELECT position FROM es.events WHERE owner_id = ANY ($1) ORDER BY position")
        .bind(&owners[..])
        .fetch_all(&mut db)
        .await
        .expect("it can be read")
}

/// Positions are 1, 2, 3, …; so are the versions of each stream.
async fn dense(db: &mut PgConnection, figures: &mut Figures) {
    const MISSING: &str = "SELECT count(*), coalesce(max(position), 0) - count(*),
        (SELECT coalesce(sum(last - count), 0)::bigint FROM (SELECT max(sequence) AS last, count(*) AS count FROM es.events
            GROUP BY aggregate_type, aggregate_id) s)
        FROM es.events";
    let row = sqlx::query(MISSING).fetch_one(db).await.expect("it can be read");
    let count = |column: usize| u64::try_from(row.get::<i64, _>(column)).unwrap_or(u64::MAX);
    figures.stored = count(0);
    figures.gaps = count(1) + count(2);
}

/// What was acknowledged, each time for another stream, happened there once; and in no other stream, but in so many `before`.
async fn happened(db: &mut PgConnection, event: &str, answers: &[&String], before: u64, figures: &mut Figures) {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT aggregate_id, count(*) FROM es.events WHERE event_type = $1 GROUP BY aggregate_id")
            .bind(event)
            .fetch_all(db)
            .await
            .expect("it can be read");
    let there: BTreeMap<String, i64> = rows.into_iter().collect();
    let told: BTreeSet<&String> = answers.iter().copied().collect();
    figures.lost += told.iter().filter(|id| !there.contains_key(**id)).count() as u64;
    figures.doubled += there.values().filter(|count| **count != 1).count() as u64;
    let untold = there.keys().filter(|id| !told.contains(id)).count() as u64;
    figures.doubled += untold.saturating_sub(before);
    figures.doubled += (answers.len() - told.len()) as u64;
}

/// Each change of the shared transaction that was acknowledged is there, and no other.
async fn noted(db: &mut PgConnection, written: &[Written], figures: &mut Figures) {
    let there: Vec<i64> = sqlx::query_scalar("SELECT position FROM es.events WHERE event_type = 'transaction.noted'")
        .fetch_all(db)
        .await
        .expect("it can be read");
    let there: BTreeSet<i64> = there.into_iter().collect();
    let told: BTreeSet<i64> = written.iter().flat_map(|one| &one.noted).copied().collect();
    figures.lost += told.difference(&there).count() as u64;
    figures.doubled += there.difference(&told).count() as u64;
}

/// Nothing is recorded in an account after it was closed.
async fn guarded(db: &mut PgConnection, written: &[Written], figures: &mut Figures) {
    // All accounts at once: there are many thousands, and each would read all transactions.
    const LAST: &str = "SELECT found[1], max(position)
        FROM es.events, regexp_matches(payload::text, 'acc_[0-9a-f]{32}', 'g') found
        WHERE event_type = 'transaction.recorded' GROUP BY 1";
    let rows: Vec<(String, i64)> = sqlx::query_as(LAST).fetch_all(db).await.expect("it can be read");
    // Were accounts called otherwise, none would be found, and nothing would ever be wrong.
    assert!(!rows.is_empty(), "transactions name their accounts");
    let last: BTreeMap<String, i64> = rows.into_iter().collect();
    let closed = written.iter().flat_map(|one| &one.closed);
    let past = closed.filter(|(account, position)| last.get(account).is_some_and(|last| last > position));
    figures.past_guards += past.count() as u64;
}

/// A subscriber saw each event once, in order.
pub(super) fn seen(expected: &[i64], seen: &[i64], figures: &mut Figures) {
    let distinct: BTreeSet<&i64> = seen.iter().collect();
    let unseen = expected.iter().filter(|position| !distinct.contains(position)).count();
    missed("a subscriber", unseen, figures);
    figures.doubled += (seen.len() - distinct.len()) as u64;
    figures.out_of_order += seen.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
    let foreign = distinct.len() - (expected.len() - unseen);
    if foreign > 0 {
        figures
            .wrong
            .push(format!("a subscriber saw {foreign} events that are not theirs"));
    }
}

/// What every handler is promised: nothing is left out, the events of a stream come in their order, and what was written down as
/// done does not come again. What was not written down yet when a connection was cut may.
pub(super) fn handled(handled: &Handled, figures: &mut Figures) {
    let (mut all, mut streams) = (BTreeSet::new(), BTreeMap::new());
    for (position, stream) in &handled.events {
        let newest = streams.entry(stream).or_insert(0_i64);
        if all.insert(*position) {
            figures.out_of_order += u64::from(*position < *newest);
            *newest = (*newest).max(*position);
        }
    }
    let stored = i64::try_from(figures.stored).unwrap_or_default();
    let unseen = (1..=stored).filter(|position| !all.contains(position)).count();
    missed("the handler", unseen, figures);
    figures.doubled += handled.again;
}

/// What is lost on the way is told apart from what the journal does not have.
fn missed(who: &str, events: usize, figures: &mut Figures) {
    if events > 0 {
        figures.lost += events as u64;
        figures.wrong.push(format!("{who} was not given {events} events"));
    }
}

/// The number in an id like `book_…`.
fn uuid(id: &str) -> Uuid {
    let (_, number) = id.split_once('_').expect("an id has a prefix");
    Uuid::try_parse(number).expect("an id ends with a UUID")
}
