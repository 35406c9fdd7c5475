//! Single transactions, and the states that a batch goes on from.

use spendlog_domain::values::{DocumentId, TransactionId};
use uuid::Uuid;

use super::Transaction;
use crate::{At, OPEN_END, ProjectionError, Reader, past::Past, writer::Writer};

const PAST: Past = Past {
    table: "transactions",
    columns: "version, body",
};

/// A transaction of one of these books, as it is or was: its version, and its JSON.
pub async fn one(
    reader: &Reader,
    books: &[Uuid],
    id: TransactionId,
    at: At,
) -> Result<Option<(i64, String)>, ProjectionError> {
    let row = PAST.one(reader, books, id.uuid(), at).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// All versions of a transaction of one of these books, in their order.
pub async fn versions(reader: &Reader, books: &[Uuid], id: TransactionId) -> Result<Vec<Transaction>, ProjectionError> {
    let sql = "SELECT body FROM read.transactions WHERE id = $1 AND book_id = ANY ($2) ORDER BY from_position";
    let rows = reader.query(sql, &[&id.uuid(), &books]).await?;
    rows.iter().map(|row| Transaction::parse(row.try_get(0)?)).collect()
}

/// The transactions that were recorded from a document.
pub async fn of_document(reader: &Reader, document: DocumentId) -> Result<Vec<TransactionId>, ProjectionError> {
    let sql = format!(
        "SELECT id FROM read.transactions WHERE document_id = $1 AND to_position = {OPEN_END} ORDER BY id LIMIT 1000"
    );
    let rows = reader.query(&sql, &[&document.uuid()]).await?;
    rows.iter().map(|row| Ok(TransactionId::new(row.try_get(0)?))).collect()
}

/// The transactions as they are, each with where its row begins.
pub(crate) async fn load(writer: &Writer, ids: &[Uuid]) -> Result<Vec<(i64, Transaction)>, ProjectionError> {
    let rows = writer.newest("transactions", "from_position, body", ids).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, Transaction::parse(row.try_get(1)?)?)))
        .collect()
}

/// The transactions that have a posting in one of these categories.
pub(crate) async fn in_categories(writer: &Writer, categories: &[Uuid]) -> Result<Vec<Uuid>, ProjectionError> {
    let sql = format!(
        "SELECT DISTINCT transaction_id FROM {}.postings WHERE target_id = ANY ($1) AND to_position = {OPEN_END}",
        writer.schema
    );
    let rows = writer.query(sql, &[&categories]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
