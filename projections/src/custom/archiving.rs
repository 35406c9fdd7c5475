//! What is archived is in no view of events, so that archiving, and projections of one's own that read these views, keep out of
//! each other's way.

use std::time::Duration;

use spendlog_event_store::{Database, Lease, Share};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::CustomError;
use crate::{ProjectionError, writer::Writer};

/// How long those who are in each other's way wait, before they are refused.
const PATIENCE: Duration = Duration::from_secs(3);

/// Holds the events until the lease is dropped: alone, to archive them, or together with others, to add what reads them. Whether
/// the one forbids the other is to be looked at then, not before. Refused where others hold them for more than 3 s.
pub async fn hold_events(database: &Database, share: Share) -> Result<Lease, CustomError> {
    let stop = CancellationToken::new();
    let taking = Lease::take(database, "spendlog events", "events are held", share, &stop);
    let taken = timeout(PATIENCE, taking).await.unwrap_or(Ok(None));
    taken.map_err(ProjectionError::from)?.ok_or(CustomError::Held)
}

/// The projections of one's own that read the views of events: while there are any, nothing may be archived.
pub async fn reading_events(database: &Database) -> Result<Vec<String>, ProjectionError> {
    let writer = Writer::open(database, "spendlog operator", "custom", false).await?;
    let sql = "SELECT name FROM custom.statements WHERE reads_events ORDER BY name";
    let rows = writer.query(sql.to_owned(), &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Whether anything is archived: nothing that reads the views of events may be added then.
pub(super) async fn is_archived(writer: &Writer) -> Result<bool, ProjectionError> {
    let rows = writer.query("SELECT FROM es.archives LIMIT 1".to_owned(), &[]).await?;
    Ok(!rows.is_empty())
}
