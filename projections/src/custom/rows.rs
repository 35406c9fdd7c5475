//! Reading the rows of a projection of one's own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use spendlog_domain::values::BookId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{BOOK, Column, CustomError, incremental::quoted, is_by_book, statements::columns_of};
use crate::{ProjectionError, Projections};

/// Which ids have which letters before them outside.
const IDS: &[(&str, &str)] = &[
    ("account_id", "acc"),
    (BOOK, "book"),
    ("category_id", "cat"),
    ("document_id", "doc"),
    ("import_id", "imp"),
    ("posting_id", "pst"),
    ("transaction_id", "txn"),
    ("user_id", "usr"),
];

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is found again by, as JSON; lists are in its order.
    pub key: String,
    /// The row, as a JSON object.
    pub body: String,
}

/// A projection of one's own, for those who read its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub columns: Vec<Column>,
    /// How often it is computed anew; none where each batch changes what it has to.
    pub every: Option<Duration>,
    /// The position that its rows are of.
    pub position: i64,
    /// When it was last brought up to date.
    pub refreshed_at: Option<DateTime<Utc>>,
}

impl Projections {
    /// The projection of this name, for those who read its rows: how far it is behind is not asked.
    pub async fn readable(&self, name: &str) -> Result<Readable, CustomError> {
        let sql = "SELECT columns, types, every_seconds, position, refreshed_at FROM custom.statements \
                   WHERE name = $1 AND verified";
        let rows = self.reader().query(sql, &[&name]).await?;
        let Some(row) = rows.first() else {
            return Err(CustomError::Unknown(name.to_owned()));
        };
        let every: Option<i64> = row.try_get(2)?;
        Ok(Readable {
            name: name.to_owned(),
            columns: columns_of(row.try_get(0)?, row.try_get(1)?),
            every: every.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
            position: row.try_get(3)?,
            refreshed_at: row.try_get(4)?,
        })
    }
}

impl Readable {
    /// Whether everybody may read it, each the rows of their own books; otherwise those who run the system, and they all of it.
    pub fn is_by_book(&self) -> bool {
        is_by_book(&self.columns)
    }

    /// The rows behind `after`, of these books; of all where none are said. Only a projection with a column of books can be asked
    /// for those of some.
    pub async fn rows(
        &self,
        projections: &Projections,
        books: Option<&[BookId]>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Row>, CustomError> {
        let shown = self.columns.iter().map(|column| {
            let name = quoted(&column.name);
            match IDS.iter().find(|(id, _)| *id == column.name && column.kind == "uuid") {
                Some((_, prefix)) => format!("'{prefix}_' || replace(t.{name}::text, '-', '') AS {name}"),
                None => format!("t.{name}"),
            }
        });
        let shown: Vec<String> = shown.collect();
        let mut sql = format!(
            "SELECT t._key::text, row_to_json(_r)::text FROM custom_rows.{} t CROSS JOIN LATERAL (SELECT {}) _r WHERE true",
            quoted(&self.name),
            shown.join(", ")
        );
        let books: Option<Vec<Uuid>> = books.map(|books| books.iter().map(|book| book.uuid()).collect());
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&limit];
        if let Some(books) = &books {
            params.push(books);
            sql.push_str(&format!(" AND t.{BOOK} = ANY (${})", params.len()));
        }
        if let Some(after) = &after {
            params.push(after);
            sql.push_str(&format!(" AND t._key > ${}::text::jsonb", params.len()));
        }
        sql.push_str(" ORDER BY t._key LIMIT $1");
        let rows = projections.reader().query(&sql, &params).await?;
        rows.iter()
            .map(|row| {
                Ok(Row {
                    key: row.try_get(0).map_err(ProjectionError::from)?,
                    body: row.try_get(1).map_err(ProjectionError::from)?,
                })
            })
            .collect()
    }
}
