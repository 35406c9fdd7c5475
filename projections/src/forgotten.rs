//! Rows of users and books that were forgotten: they go, and all their past with them.
//!
//! A forgotten owner has no rows, whatever their events say: so the tables come out the same, whether they were made while
//! the events could still be read, or afterwards.

use std::collections::HashSet;

use spendlog_event_store::{Event, Journal};
use uuid::Uuid;

use crate::{Group, OPEN_END, ProjectionError, writer::Writer};

/// The owners that these events forget.
pub(crate) fn forgotten(events: &[Event]) -> Vec<Uuid> {
    let forgetting = events.iter().filter(|event| is_forgetting(event));
    forgetting.map(|event| event.owner).collect()
}

fn is_forgetting(event: &Event) -> bool {
    matches!(event.event_type.as_str(), "user.forgotten" | "book.forgotten")
}

/// All owners who are forgotten by now.
pub(crate) async fn tombstones(writer: &Writer) -> Result<HashSet<Uuid>, ProjectionError> {
    let sql = "SELECT name FROM es.keys WHERE scope = 'owner' AND wrapped IS NULL";
    let rows = writer.query(sql.to_owned(), &[]).await?;
    let names = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<&str>, _>>()?;
    Ok(names
        .into_iter()
        .filter_map(|name| Uuid::try_parse(name).ok())
        .collect())
}

/// Leaves out the events of owners who are known to be forgotten: a rebuild need not make rows that go again. Of those who
/// were not yet when it began (`before`) it may have made some already, so it must meet the event that takes these away.
pub(crate) fn leave_out(journal: &Journal, before: &HashSet<Uuid>, events: &mut Vec<Event>) {
    events.retain(|event| {
        !before.contains(&event.owner) && (is_forgetting(event) || !journal.keyring().is_forgotten(event.owner))
    });
}

/// Removes the rows of these owners from a group's tables.
pub(crate) async fn purge(writer: &Writer, group: Group, owners: &[Uuid]) -> Result<(), ProjectionError> {
    if owners.is_empty() {
        return Ok(());
    }
    let schema = &writer.schema;
    // Postings and the past of accounts and categories are found through what has an index.
    let of_books = |table: &str, now: &str| format!("SELECT id FROM {schema}.{table} WHERE book_id = ANY ($1){now}");
    let live = format!(" AND to_position = {OPEN_END}");
    let conditions = match group {
        Group::Ledger => vec![
            (
                "postings",
                format!("transaction_id IN ({})", of_books("transactions", "")),
            ),
            ("transactions", "book_id = ANY ($1)".to_owned()),
            ("accounts", format!("id IN ({})", of_books("accounts", &live))),
            ("categories", format!("id IN ({})", of_books("categories", &live))),
            ("summary", "book_id = ANY ($1)".to_owned()),
            ("summary_versions", "book_id = ANY ($1)".to_owned()),
            ("books", "id = ANY ($1)".to_owned()),
            ("users", "id = ANY ($1)".to_owned()),
        ],
        Group::Documents => vec![
            ("documents", "book_id = ANY ($1)".to_owned()),
            ("imports", "book_id = ANY ($1)".to_owned()),
        ],
    };
    for (table, condition) in conditions {
        let sql = format!("DELETE FROM {schema}.{table} WHERE {condition}");
        writer.execute(sql, &[&owners]).await?;
    }
    Ok(())
}
