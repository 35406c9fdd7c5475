//! What was spent and earned: per month, category and currency, as it is and as it was.
//!
//! Whole months come from cells that are kept up to date with every event, so a summary reads as many rows as it has
//! figures. Parts of months, and the share of one account, are summed from the postings.

use std::fmt::Write as _;

use chrono::{Datelike, Days};
use spendlog_domain::values::{BookId, CategoryId, Currency, Date, Money};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{At, OPEN_END, ProjectionError, Reader, balances::month_of, cells::currency};

/// What a summary tells apart besides the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Categories.
    Category,
    /// Months.
    Month,
    /// Both.
    MonthAndCategory,
}

/// Which postings count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// From this day on.
    pub from: Option<Date>,
    /// Up to this day.
    pub to: Option<Date>,
    /// Only those of transactions with a posting in this account.
    pub account: Option<Uuid>,
}

/// A line of a summary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The first day of the month.
    pub month: Option<Date>,
    /// The category.
    pub category: Option<CategoryId>,
    /// The currency of the sums.
    pub currency: Currency,
    /// Money that came in, in minor units.
    pub income_minor: i64,
    /// Money that went out, in minor units: zero or negative.
    pub expense_minor: i64,
    /// How many postings.
    pub count: i64,
}

impl Line {
    /// Money that came in.
    pub fn income(&self) -> Money {
        Money {
            minor: self.income_minor,
            currency: self.currency,
        }
    }

    /// Money that went out: zero or negative.
    pub fn expense(&self) -> Money {
        Money {
            minor: self.expense_minor,
            currency: self.currency,
        }
    }

    /// Both together.
    pub fn total(&self) -> Money {
        Money {
            minor: self.income_minor.saturating_add(self.expense_minor),
            currency: self.currency,
        }
    }
}

/// The summary of a book, in the order of month, category, currency.
pub async fn summary(reader: &Reader, book: BookId, by: By, span: Span, at: At) -> Result<Vec<Line>, ProjectionError> {
    let mut query = Query {
        sql: String::new(),
        params: Vec::new(),
    };
    let (month, category) = match by {
        By::Category => ("NULL::date", "c.category_id"),
        By::Month => ("c.month", "NULL::uuid"),
        By::MonthAndCategory => ("c.month", "c.category_id"),
    };
    // Sums of 64 bits come as numeric; a sum beyond 64 bits is an error rather than a wrong figure.
    let _infallible = write!(
        query.sql,
        "SELECT {month}, {category}, c.currency, sum(c.income_minor)::bigint, sum(c.expense_minor)::bigint, sum(c.count)::bigint FROM ("
    );
    match span.months().filter(|_| span.account.is_none()) {
        Some((first, last)) => query.cells(book.uuid(), first, last, at),
        None => query.postings(book.uuid(), span, at),
    }
    query
        .sql
        .push_str(") c GROUP BY 1, 2, 3 HAVING sum(c.count) > 0 ORDER BY 1, 2, 3");
    let params: Vec<&(dyn ToSql + Sync)> = query
        .params
        .iter()
        .map(|param| &**param as &(dyn ToSql + Sync))
        .collect();
    let rows = reader.query(&query.sql, &params).await?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<Line, ProjectionError> {
    let category: Option<Uuid> = row.try_get(1)?;
    Ok(Line {
        month: row.try_get(0)?,
        category: category.map(CategoryId::new),
        currency: currency(row.try_get(2)?)?,
        income_minor: row.try_get(3)?,
        expense_minor: row.try_get(4)?,
        count: row.try_get(5)?,
    })
}

impl Span {
    /// The first and the last month, where whole months are asked for.
    fn months(&self) -> Option<(Option<Date>, Option<Date>)> {
        let whole = self.from.is_none_or(|from| from.day() == 1)
            && self
                .to
                .is_none_or(|to| to.checked_add_days(Days::new(1)).is_some_and(|next| next.day() == 1));
        whole.then(|| (self.from, self.to.map(month_of)))
    }
}

struct Query {
    sql: String,
    params: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Query {
    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    fn range(&mut self, column: &str, from: Option<Date>, to: Option<Date>) {
        for (sign, day) in [(">=", from), ("<=", to)] {
            if let Some(day) = day {
                let parameter = self.bind(day);
                let _infallible = write!(self.sql, " AND {column} {sign} {parameter}");
            }
        }
    }

    fn cells(&mut self, book: Uuid, first: Option<Date>, last: Option<Date>, at: At) {
        let book = self.bind(book);
        match at {
            At::Now => {
                let _infallible = write!(self.sql, "SELECT s.* FROM read.summary s WHERE s.book_id = {book}");
            }
            // The cells there are now are all there ever were; each one's past value is one probe of the key.
            At::Position(position) => {
                let position = self.bind(position);
                let _infallible = write!(
                    self.sql,
                    "SELECT s.month, s.category_id, s.currency, v.income_minor, v.expense_minor, v.count \
                     FROM read.summary s CROSS JOIN LATERAL ( \
                       SELECT v.income_minor, v.expense_minor, v.count FROM read.summary_versions v \
                       WHERE v.book_id = s.book_id AND v.month = s.month AND v.category_id = s.category_id \
                         AND v.currency = s.currency AND v.from_position <= {position} \
                       ORDER BY v.from_position DESC LIMIT 1) v WHERE s.book_id = {book}"
                );
            }
        }
        self.range("s.month", first, last);
    }

    fn postings(&mut self, book: Uuid, span: Span, at: At) {
        let book = self.bind(book);
        let position = self.bind(at.position());
        let held = |table: &str| format!("{table}.from_position <= {position} AND {table}.to_position > {position}");
        let (of_posting, of_other) = (held("p"), held("a"));
        let _infallible = write!(
            self.sql,
            "SELECT date_trunc('month', p.booked_on)::date AS month, p.target_id AS category_id, p.currency, \
               greatest(-p.amount_minor, 0) AS income_minor, least(-p.amount_minor, 0) AS expense_minor, 1 AS count \
             FROM (SELECT DISTINCT id FROM read.categories WHERE book_id = {book} AND to_position = {OPEN_END}) k \
             JOIN read.postings p ON p.target_id = k.id WHERE NOT p.voided AND {of_posting}"
        );
        self.range("p.booked_on", span.from, span.to);
        if let Some(account) = span.account {
            let account = self.bind(account);
            let _infallible = write!(
                self.sql,
                " AND EXISTS (SELECT FROM read.postings a WHERE a.transaction_id = p.transaction_id \
                   AND a.target_id = {account} AND {of_other})"
            );
        }
    }
}
