//! Reading tables that keep the past: of each thing the row that holds now, or that held at a position.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{At, OPEN_END, ProjectionError, Reader};

/// A read table with a row for each version of each thing.
pub(crate) struct Past {
    /// Its name.
    pub(crate) table: &'static str,
    /// The columns that are read.
    pub(crate) columns: &'static str,
}

impl Past {
    /// The row of a thing of one of these books, as it is or was.
    pub(crate) async fn one(
        &self,
        reader: &Reader,
        books: &[Uuid],
        id: Uuid,
        at: At,
    ) -> Result<Option<Row>, ProjectionError> {
        let Self { table, columns } = self;
        let sql = format!(
            "SELECT {columns} FROM read.{table} WHERE id = $1 AND book_id = ANY ($2) AND from_position <= $3 \
             ORDER BY from_position DESC LIMIT 1"
        );
        let rows = reader.query(&sql, &[&id, &books, &at.position()]).await?;
        Ok(rows.into_iter().next())
    }

    /// The rows of the things of a book that began after this position, in the order in which they began; `began` is the
    /// column that says where.
    pub(crate) async fn list(
        &self,
        reader: &Reader,
        began: &str,
        book: Uuid,
        at: At,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Row>, ProjectionError> {
        let Self { table, columns } = self;
        match at {
            At::Now => {
                let sql = format!(
                    "SELECT {columns} FROM read.{table} WHERE book_id = $1 AND {began} > $2 \
                     AND to_position = {OPEN_END} ORDER BY {began} LIMIT $3"
                );
                reader.query(&sql, &[&book, &after, &limit]).await
            }
            // The row that holds now says which there are; the one that held then is one probe of the key.
            At::Position(position) => {
                let sql = format!(
                    "SELECT past.* FROM read.{table} now CROSS JOIN LATERAL ( \
                       SELECT {columns} FROM read.{table} v WHERE v.id = now.id AND v.from_position <= $4 \
                       ORDER BY v.from_position DESC LIMIT 1) AS past \
                     WHERE now.book_id = $1 AND now.{began} > $2 AND now.{began} <= $4 \
                       AND now.to_position = {OPEN_END} ORDER BY now.{began} LIMIT $3"
                );
                reader.query(&sql, &[&book, &after, &limit, &position]).await
            }
        }
    }
}
