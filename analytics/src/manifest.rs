//! What an export holds: the one object that makes its files part of it. A file that it does not name is not read, and is removed
//! by the next run.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use serde::{Deserialize, Serialize};
use spendlog_event_store::Event;
use uuid::Uuid;

use crate::{
    error::ExportError,
    tables::{Column, Tables},
};

/// The name of the object. With a line below, it is passed over by whatever reads folders of Parquet.
const NAME: &str = "_spendlog.json";
/// The only form there is so far.
const FORM: u32 = 1;

/// Whose events with their texts: without it, all events without any texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The user's id: `usr_…`.
    pub user: String,
    /// The user and their books.
    pub owners: Vec<Uuid>,
}

/// An event by which a journal is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its position.
    pub position: i64,
    /// The id of its stream.
    pub stream: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl Mark {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            position: event.position,
            stream: event.stream.clone(),
            recorded_at: event.recorded_at,
        }
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The table whose rows it holds.
    pub table: String,
    /// Where it is, below the export's place.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

impl File {
    /// Whether it stands where [`path`] puts the files of its table. What somebody else wrote into a manifest could lead
    /// anywhere on this machine.
    fn is_in_place(&self) -> bool {
        let plain = !self.table.is_empty()
            && self
                .table
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        plain && self.expected().as_deref() == Some(self.path.as_str())
    }

    /// What [`path`] makes of the parts of the path.
    fn expected(&self) -> Option<String> {
        let rest = self.path.strip_prefix(self.table.as_str())?.strip_prefix("/month=")?;
        let (month, name) = rest.split_once('/')?;
        let (year, month) = month.split_once('-')?;
        let (first, last) = name.strip_suffix(".parquet")?.split_once('-')?;
        let month = (year.parse().ok()?, month.parse().ok()?);
        Some(path(&self.table, month, first.parse().ok()?, last.parse().ok()?))
    }
}

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    form: u32,
    /// Whose events with their texts; none: all events without texts.
    pub scope: Option<Scope>,
    /// Whether they were forgotten, and it was made anew since.
    pub(crate) forgotten: bool,
    /// It holds all events up to this position.
    pub position: i64,
    /// The last of its events.
    pub last: Option<Mark>,
    /// The columns of every table that it has files of, older ones included.
    pub columns: BTreeMap<String, Vec<Column>>,
    /// Its files, in the order of positions.
    pub files: Vec<File>,
}

impl Manifest {
    pub(crate) fn new(scope: Option<Scope>) -> Self {
        Self {
            form: FORM,
            scope,
            forgotten: false,
            position: 0,
            last: None,
            columns: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Reads that of the export in this store; none if there is none.
    pub async fn read(store: &dyn ObjectStore) -> Result<Option<Self>, ExportError> {
        let text = match store.get(&Path::from(NAME)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| ExportError::Manifest)?;
        if manifest.form != FORM {
            return Err(ExportError::Form { form: manifest.form });
        }
        if manifest.files.iter().any(|file| !file.is_in_place()) {
            return Err(ExportError::Manifest);
        }
        Ok(Some(manifest))
    }

    /// Puts this one in the place of the one before, in one moment.
    pub(crate) async fn write(&self, store: &dyn ObjectStore) -> Result<(), ExportError> {
        let text = serde_json::to_vec(self).map_err(|_| ExportError::Manifest)?;
        store.put(&Path::from(NAME), Bytes::from(text).into()).await?;
        Ok(())
    }

    /// Makes the tables' columns known, beside those of before.
    pub(crate) fn know(&mut self, tables: &Tables) -> Result<(), ExportError> {
        for table in tables.all() {
            let known = self.columns.entry(table.name.clone()).or_default();
            for column in &table.columns {
                match known.iter().find(|known| known.name == column.name) {
                    None => known.push(column.clone()),
                    Some(known) if known.column_type == column.column_type => {}
                    Some(_) => {
                        return Err(ExportError::Column {
                            table: table.name.clone(),
                            column: column.name.clone(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The tables that it can have files of.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let of_files = self.files.iter().map(|file| &file.table);
        self.columns.keys().chain(of_files).cloned().collect()
    }

    /// Removes the files of these tables that a run left behind which did not come to its end: those of our names that are not
    /// part of the export.
    pub(crate) async fn sweep(&self, store: &dyn ObjectStore, tables: &BTreeSet<String>) -> Result<(), ExportError> {
        for table in tables {
            let mut found = store.list(Some(&Path::from(table.as_str())));
            while let Some(object) = found.try_next().await? {
                let path = object.location.as_ref();
                let ours = first_position(path).is_some() && !self.files.iter().any(|file| file.path == path);
                if ours {
                    store.delete(&object.location).await?;
                }
            }
        }
        Ok(())
    }
}

/// Where the rows of a part of a table stand.
pub(crate) fn path(table: &str, (year, month): (i32, u32), first: i64, last: i64) -> String {
    format!("{table}/month={year:04}-{month:02}/{first:012}-{last:012}.parquet")
}

/// The first position of a file that is called as [`path`] calls them.
fn first_position(path: &str) -> Option<i64> {
    let (folder, name) = path.rsplit_once('/')?;
    let (first, last) = name.strip_suffix(".parquet")?.split_once('-')?;
    let month = folder.rsplit_once('/')?.1.strip_prefix("month=")?;
    let digits = |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    (month.len() == 7 && digits(first) && digits(last)).then(|| first.parse().ok())?
}

#[cfg(test)]
mod tests {
    //! Names of files.

    use super::*;

    #[test]
    fn only_files_of_our_own_are_known_as_ours() {
        assert_eq!(
            path("events", (2026, 11), 1, 20),
            "events/month=2026-11/000000000001-000000000020.parquet"
        );
        assert_eq!(first_position(&path("events", (2026, 11), 7, 20)), Some(7));
        for other in [
            "events/month=2026-11/notes.parquet",
            "events/000000000001-000000000020.parquet",
            "events/month=2026-11/000000000001-000000000020.csv",
            "events/year=2026/000000000001-000000000020.parquet",
        ] {
            assert_eq!(first_position(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_is_where_files_of_its_table_are() {
        let is_in_place = |table: &str, path: &str| {
            let (table, path) = (table.to_owned(), path.to_owned());
            let (rows, bytes) = (1, 1);
            File {
                table,
                path,
                rows,
                bytes,
            }
            .is_in_place()
        };
        assert!(is_in_place("events", &path("events", (2026, 11), 7, 20)));
        let name = "month=2026-11/000000000001-000000000020.parquet";
        for (table, other) in [
            ("events", format!("/etc/{name}")),
            ("events", format!("../events/{name}")),
            ("events", format!("events/../{name}")),
            ("events", format!("other/{name}")),
            ("..", format!("../{name}")),
            ("/etc", format!("/etc/{name}")),
            ("", format!("/{name}")),
            ("events", "events/month=2026-11/notes.parquet".to_owned()),
            ("events", "events/month=2026-11/1-20.parquet".to_owned()),
            (
                "events",
                "events/month=2026-11/../000000000001-000000000020.parquet".to_owned(),
            ),
        ] {
            assert!(!is_in_place(table, &other), "{table}: {other}");
        }
    }
}
