//! An event that comes again changes nothing; neither does how events fall into batches.

use super::{History, project, rows, writer};
use crate::{Group, rebuild, tests::projections};

#[tokio::test]
async fn all_events_again_in_any_batches_leave_the_same_rows() {
    let history = History::random(11, 300).await;
    let writer = writer(&history).await;
    project(&history, &writer, 1).await;
    let once = rows(&writer, Group::Ledger).await;
    assert!(once.len() > 300, "{} rows", once.len());
    project(&history, &writer, 1).await;
    assert_eq!(rows(&writer, Group::Ledger).await, once, "one by one, again");
    project(&history, &writer, 64).await;
    assert_eq!(rows(&writer, Group::Ledger).await, once, "in batches, again");
}

#[tokio::test]
async fn batches_make_the_same_rows_as_single_events() {
    for seed in [21, 22] {
        let mut seen = Vec::new();
        for batch in [1, 7, 1000] {
            let history = History::random(seed, 200).await;
            let writer = writer(&history).await;
            project(&history, &writer, batch).await;
            // Times differ from run to run.
            let rows = rows(&writer, Group::Ledger).await;
            seen.push(rows.iter().map(|row| without_times(row)).collect::<Vec<_>>());
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }
}

/// The row without its times: digits after a year and a dash, up to the zone.
fn without_times(row: &str) -> String {
    let mut out = String::new();
    let mut rest = row;
    while let Some(found) = rest.find("2026-").or_else(|| rest.find("2027-")) {
        out.push_str(&rest[..found]);
        let time = &rest[found..];
        let end = time
            .find(|c: char| !(c.is_ascii_digit() || "-:.TZ+ ".contains(c)))
            .unwrap_or(time.len());
        rest = &time[end..];
    }
    out.push_str(rest);
    out
}

#[tokio::test]
async fn a_rebuild_makes_the_same_rows_and_the_runner_goes_on() {
    let mut history = History::random(31, 400).await;
    let projections = projections(&history);
    let stop = tokio_util::sync::CancellationToken::new();
    let running = projections.run(&stop);
    let wait = std::time::Duration::from_secs(20);
    for group in Group::ALL {
        projections.wait(group, history.head().await, wait).await.unwrap();
    }
    let writer = writer(&history).await;
    for group in Group::ALL {
        let live = rows(&writer, group).await;
        let mut heard = 0;
        let rebuilt = rebuild(&history.journal, group, |_| heard += 1).await.unwrap();
        assert!(heard > 0 && rebuilt.position >= history.head().await);
        let again = super::writer(&history).await;
        assert_eq!(rows(&again, group).await, live, "{}", group.name());
        let indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'read'";
        assert_eq!(
            again.query(indexes.to_owned(), &[]).await.unwrap()[0].get::<_, i64>(0),
            24,
            "all indexes"
        );
    }
    for _ in 0..50 {
        history.step().await;
    }
    projections
        .wait(Group::Ledger, history.head().await, wait)
        .await
        .unwrap();
    let went_on = rows(&writer, Group::Ledger).await;
    rebuild(&history.journal, Group::Ledger, |_| ()).await.unwrap();
    assert_eq!(rows(&super::writer(&history).await, Group::Ledger).await, went_on);
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
}
