//! Events whose payload and metadata stand in an archive: what can be wrong with these, and how it is told.

use std::sync::PoisonError;

use sqlx::postgres::PgRow;

use super::{
    Broken, StoredEvent,
    verify::{Case, ENOUGH, Lost, Verification},
};
use crate::{ArchiveError, ReadError, archive::StoredRow, rows};

impl Broken {
    /// The leaf that the table keeps of an archived event is not that of the event, which is as it was written.
    pub(super) fn of_leaf(position: i64, stream: String) -> Self {
        Self {
            position,
            until: position,
            stream: Some(stream),
            column: Some("leaf".to_owned()),
            why: "it is not the leaf of the event, which stands in its archive as it was written".to_owned(),
        }
    }
}

impl Verification {
    /// The row with what stands in its archive, also where that is not what was written; `None` where it can't be had, which is told.
    pub(super) async fn complete(&self, row: PgRow, lost: &mut Option<Lost>) -> Result<Option<StoredRow>, ReadError> {
        let archive = &self.audit.archive;
        let position = rows::position(&row)?;
        if rows::is_moved(&row)? {
            let known = lost
                .as_ref()
                .filter(|lost| (lost.first..=lost.last).contains(&position));
            if let Some(known) = known {
                return Ok(known.chunk.clone().map(|chunk| StoredRow::with(row, chunk)));
            }
            match archive.chunk(position).await {
                Ok(chunk) => return Ok(Some(StoredRow::with(row, chunk))),
                Err(ReadError::Archive(error)) => {
                    let found = self.lost(position, &error).await?;
                    let chunk = lost.insert(found).chunk.clone();
                    return Ok(chunk.map(|chunk| StoredRow::with(row, chunk)));
                }
                Err(error) => return Err(error),
            }
        }
        archive.complete(row).await.map(Some)
    }

    /// Tells, once, of an archive that can't be had as it was written.
    async fn lost(&self, position: i64, error: &ArchiveError) -> Result<Lost, ReadError> {
        let archive = &self.audit.archive;
        let (first, last, object, chunk) = match archive.listed(position).await? {
            Some(listed) => {
                let chunk = archive.damaged(&listed).await;
                (listed.first_position, listed.last_position, listed.object, chunk)
            }
            None => {
                const NEXT: &str = "SELECT min(first_position) - 1 FROM es.archives WHERE first_position > $1";
                let next: Option<i64> = sqlx::query_scalar(NEXT)
                    .bind(position)
                    .fetch_one(self.audit.database.pool())
                    .await?;
                (position, next.unwrap_or(self.head), "that is listed".to_owned(), None)
            }
        };
        let mut told = self.told_archives.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(format!("{object} {first}")) {
            let mut why = error.to_string();
            if let Some(cause) = std::error::Error::source(error) {
                why = format!("{why}: {cause}");
            }
            self.found(Broken {
                position: first,
                until: last,
                stream: None,
                column: Some(format!("archive {object}")),
                why,
            });
        }
        drop(told);
        Ok(Lost { first, last, chunk })
    }

    /// The events of a commit that don't have the leaf which the table keeps of them, if with these leaves the commit comes out
    /// right: then it is the archive that was changed.
    pub(super) async fn of_archive(&self, case: &Case, events: &[StoredEvent]) -> Result<Option<Broken>, ReadError> {
        const KEPT: &str =
            "SELECT position, leaf FROM es.events WHERE position > $1 AND position <= $2 AND leaf IS NOT NULL";
        let kept: Vec<(i64, Vec<u8>)> = sqlx::query_as(KEPT)
            .bind(case.before.size())
            .bind(case.commit.size)
            .fetch_all(self.audit.database.pool())
            .await?;
        let (mut tree, mut other) = (case.before.clone(), None);
        for event in events {
            let leaf = event.leaf();
            let kept = kept.iter().find(|(position, _)| *position == event.position);
            let kept = kept
                .and_then(|(_, leaf)| leaf.as_slice().try_into().ok())
                .unwrap_or(leaf);
            if kept != leaf && other.is_none() {
                other = Some(event);
            }
            tree.push(kept);
        }
        let Some(event) = other.filter(|_| tree.root()[..] == case.commit.root) else {
            return Ok(None);
        };
        let listed = self.audit.archive.listed(event.position).await?;
        let object = listed.map_or_else(String::new, |listed| format!(" {}", listed.object));
        let why = format!(
            "payload or metadata are not what was moved to the archive{object}: with the leaf that is kept of the event its \
             commit comes out right"
        );
        Ok(Some(Broken::of(event, "payload", why)))
    }

    /// Archives that don't follow each other.
    pub(super) async fn check_archives(&self) -> Result<(), ReadError> {
        const GAPS: &str = "SELECT first_position, last_position, object FROM (
                SELECT *, coalesce(lag(last_position) OVER (ORDER BY first_position), 0) AS before FROM es.archives) a
            WHERE first_position <> before + 1 ORDER BY first_position LIMIT $1";
        let pool = self.audit.database.pool();
        let gaps: Vec<(i64, i64, String)> = sqlx::query_as(GAPS).bind(ENOUGH as i64).fetch_all(pool).await?;
        for (first, last, object) in gaps {
            self.found(Broken {
                position: first,
                until: last,
                stream: None,
                column: Some(format!("archive {object}")),
                why: "it does not follow the archive before it: the list of archives was changed".to_owned(),
            });
        }
        Ok(())
    }
}
