//! Lists of transactions: filters, two orders, pages by keyset.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use spendlog_domain::values::{BookId, Date};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{At, ProjectionError, Reader};

/// What a list is ordered by; the id decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By the day.
    #[default]
    BookedOn,
    /// By the amount, as a number.
    Amount,
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest or earliest first.
    Ascending,
    /// Largest or latest first.
    #[default]
    Descending,
}

/// Which transactions, in which order.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// On this day or later.
    pub from: Option<Date>,
    /// On this day or earlier.
    pub to: Option<Date>,
    /// Of this amount or more, in ten-thousandths of the currency's unit (see [`scaled`](super::scaled)).
    pub amount_min: Option<i64>,
    /// Of this amount or less.
    pub amount_max: Option<i64>,
    /// With a posting in this account.
    pub account: Option<Uuid>,
    /// With a posting in this category.
    pub category: Option<Uuid>,
    /// Recorded from this document.
    pub document: Option<Uuid>,
    /// With this text in merchant or note, whatever the case.
    pub text: Option<String>,
    /// Voided ones only, or only those that are not.
    pub voided: Option<bool>,
    /// By what.
    pub sort: Sort,
    /// Which way.
    pub order: Order,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// In a list by day.
    #[serde(rename = "b")]
    BookedOn(Date, Uuid),
    /// In a list by amount.
    #[serde(rename = "a")]
    Amount(i64, Uuid),
}

/// A page of transactions.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The transactions' JSON.
    pub bodies: Vec<String>,
    /// Where the page ended, if there is more.
    pub next: Option<Cursor>,
}

/// A page of a book's transactions, as they are or were. A cursor of another order is the same as none.
pub async fn list(
    reader: &Reader,
    book: BookId,
    filter: &Filter,
    at: At,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, ProjectionError> {
    let mut query = Query::new(book.uuid(), filter, at, after);
    let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let end = query.bind(fetched);
    let _infallible = write!(query.sql, " LIMIT {end}");
    let params: Vec<&(dyn ToSql + Sync)> = query
        .params
        .iter()
        .map(|param| &**param as &(dyn ToSql + Sync))
        .collect();
    let rows = reader.query(&query.sql, &params).await?;
    let mut page = Page {
        bodies: Vec::with_capacity(limit),
        next: None,
    };
    for row in rows.iter().take(limit) {
        page.bodies.push(row.try_get(0)?);
    }
    if rows.len() > limit
        && let Some(last) = limit.checked_sub(1).and_then(|index| rows.get(index))
    {
        page.next = Some(match filter.sort {
            Sort::BookedOn => Cursor::BookedOn(last.try_get(2)?, last.try_get(1)?),
            Sort::Amount => Cursor::Amount(last.try_get(3)?, last.try_get(1)?),
        });
    }
    Ok(page)
}

struct Query {
    sql: String,
    params: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Query {
    fn new(book: Uuid, filter: &Filter, at: At, after: Option<Cursor>) -> Self {
        let mut query = Self {
            sql: String::with_capacity(512),
            params: Vec::new(),
        };
        let book = query.bind(book);
        let position = query.bind(at.position());
        query
            .sql
            .push_str("SELECT t.body, t.id, t.booked_on, t.amount_scaled FROM ");
        // One account or category in the order of days: its own index has exactly this order. Where something else can
        // be rarer, or the order is another, the planner chooses among the indexes of the transactions.
        let target = filter.account.or(filter.category);
        let by_target = target.filter(|_| {
            filter.sort == Sort::BookedOn
                && filter.account.is_some() != filter.category.is_some()
                && filter.text.is_none()
                && filter.amount_min.or(filter.amount_max).is_none()
        });
        let (day, id) = match by_target {
            // Of a plain join the planner would expect few rows, since it does not know that an account and its transactions are
            // of the same book, and would rather read and sort the whole book.
            Some(target) => {
                let target = query.bind(target);
                let _infallible = write!(
                    query.sql,
                    "read.postings p CROSS JOIN LATERAL (SELECT * FROM read.transactions \
                       WHERE id = p.transaction_id AND book_id = {book} AND from_position <= {position} \
                       ORDER BY from_position DESC LIMIT 1) AS t \
                     WHERE p.target_id = {target} AND p.lead AND p.from_position <= {position} AND p.to_position > {position}"
                );
                ("p.booked_on", "p.transaction_id")
            }
            None => {
                let _infallible = write!(
                    query.sql,
                    "read.transactions t WHERE t.book_id = {book} AND t.from_position <= {position} AND {}",
                    // The planner knows how many rows have this very value: nearly all.
                    match at {
                        At::Now => format!("t.to_position = {}", i64::MAX),
                        At::Position(_) => format!("t.to_position > {position}"),
                    }
                );
                ("t.booked_on", "t.id")
            }
        };
        query.range(day, filter.from, filter.to);
        query.range("t.amount_scaled", filter.amount_min, filter.amount_max);
        let targets: Vec<Uuid> = [filter.account, filter.category].into_iter().flatten().collect();
        if by_target.is_none() && !targets.is_empty() {
            query.condition("t.targets @>", targets);
        }
        if let Some(document) = filter.document {
            query.condition("t.document_id =", document);
        }
        if let Some(text) = &filter.text {
            query.condition("t.search LIKE", pattern(text));
        }
        match filter.voided {
            Some(true) => query.sql.push_str(" AND t.voided"),
            Some(false) => query.sql.push_str(" AND NOT t.voided"),
            None => {}
        }
        query.ordered(filter, day, id, after);
        query
    }

    fn ordered(&mut self, filter: &Filter, day: &str, id: &str, after: Option<Cursor>) {
        let (sign, way) = match filter.order {
            Order::Ascending => (">", "ASC"),
            Order::Descending => ("<", "DESC"),
        };
        let key = match filter.sort {
            Sort::BookedOn => day,
            Sort::Amount => "t.amount_scaled",
        };
        let last = match (filter.sort, after) {
            (Sort::BookedOn, Some(Cursor::BookedOn(day, id))) => Some((self.bind(day), self.bind(id))),
            (Sort::Amount, Some(Cursor::Amount(amount, id))) => Some((self.bind(amount), self.bind(id))),
            _ => None,
        };
        if let Some((last, last_id)) = last {
            let _infallible = write!(self.sql, " AND ({key}, {id}) {sign} ({last}, {last_id})");
        }
        let _infallible = write!(self.sql, " ORDER BY {key} {way}, {id} {way}");
    }

    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    fn condition(&mut self, left: &str, value: impl ToSql + Sync + Send + 'static) {
        let parameter = self.bind(value);
        let _infallible = write!(self.sql, " AND {left} {parameter}");
    }

    fn range<T: ToSql + Sync + Send + 'static>(&mut self, column: &str, least: Option<T>, most: Option<T>) {
        if let Some(least) = least {
            self.condition(&format!("{column} >="), least);
        }
        if let Some(most) = most {
            self.condition(&format!("{column} <="), most);
        }
    }
}

/// The pattern that finds this text anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
