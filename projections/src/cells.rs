//! The cells of the monthly summary: what they hold, how a batch changes them, how they are stored.

use std::collections::BTreeMap;

use spendlog_domain::values::{Currency, Date};
use uuid::Uuid;

use crate::{
    OPEN_END, ProjectionError,
    rows::{Kind, Rows, Table},
    versions::Versions,
    writer::Writer,
};

/// A cell: what was spent or earned in a month, in a category and a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CellKey {
    pub(crate) book: Uuid,
    /// The first day of the month.
    pub(crate) month: Date,
    pub(crate) category: Uuid,
    pub(crate) currency: &'static str,
}

/// The sums of a cell, in minor units, from the accounts' side. As all sums here they are reckoned modulo 2^64: one that fits
/// into 64 bits is exact whatever came in between, and one that doesn't, which takes ten thousand of the largest amounts there
/// can be, stops nobody else's books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) income: i64,
    pub(crate) expense: i64,
    pub(crate) count: i64,
}

impl Figures {
    /// Counts a posting in (`sign` 1) or out (`sign` -1).
    pub(crate) fn count_in(&mut self, minor: i64, sign: i64) {
        let side = if minor > 0 { &mut self.income } else { &mut self.expense };
        *side = side.wrapping_add(sign * minor);
        self.count += sign;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            income: self.income.wrapping_add(other.income),
            expense: self.expense.wrapping_add(other.expense),
            count: self.count + other.count,
        }
    }
}

const LIVE: Table = Table {
    name: "summary",
    columns: &[
        ("book_id", Kind::Id),
        ("month", Kind::Day),
        ("category_id", Kind::Id),
        ("currency", Kind::Text),
        ("from_position", Kind::Long),
        ("income_minor", Kind::Long),
        ("expense_minor", Kind::Long),
        ("count", Kind::Long),
    ],
    on_conflict: "ON CONFLICT (book_id, month, category_id, currency) DO UPDATE SET from_position = excluded.from_position, \
                  income_minor = excluded.income_minor, expense_minor = excluded.expense_minor, count = excluded.count",
};

const VERSIONS: Table = Table {
    name: "summary_versions",
    columns: &[
        ("book_id", Kind::Id),
        ("month", Kind::Day),
        ("category_id", Kind::Id),
        ("currency", Kind::Text),
        ("from_position", Kind::Long),
        ("to_position", Kind::Long),
        ("income_minor", Kind::Long),
        ("expense_minor", Kind::Long),
        ("count", Kind::Long),
    ],
    on_conflict: "",
};

/// The cells that a batch touches.
#[derive(Debug, Default)]
pub(crate) struct Cells(BTreeMap<CellKey, Versions<Figures>>);

impl Cells {
    /// Reads the cells named by `changes` and applies these, which stand in the order of their positions.
    pub(crate) async fn fold(writer: &Writer, changes: &[(i64, CellKey, Figures)]) -> Result<Self, ProjectionError> {
        let mut cells = Self::load(writer, changes).await?;
        for (position, key, delta) in changes {
            let versions = cells.0.entry(*key).or_default();
            let now = versions.live().copied().unwrap_or_default().plus(*delta);
            versions.set(*position, now);
        }
        Ok(cells)
    }

    async fn load(writer: &Writer, changes: &[(i64, CellKey, Figures)]) -> Result<Self, ProjectionError> {
        let mut keys: Vec<CellKey> = changes.iter().map(|(_, key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let arrays = Keys::of(&keys);
        let sql = format!(
            "SELECT u.n, t.from_position, t.income_minor, t.expense_minor, t.count \
             FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[]) WITH ORDINALITY AS u (b, m, c, y, n) \
             JOIN {}.summary t ON t.book_id = u.b AND t.month = u.m AND t.category_id = u.c AND t.currency = u.y",
            writer.schema
        );
        let rows = writer
            .query(
                sql,
                &[&arrays.books, &arrays.months, &arrays.categories, &arrays.currencies],
            )
            .await?;
        let mut cells = BTreeMap::new();
        for row in rows {
            let number: i64 = row.try_get(0)?;
            let key = usize::try_from(number - 1).ok().and_then(|index| keys.get(index));
            let key = key.ok_or(ProjectionError::Row { table: "summary" })?;
            let figures = Figures {
                income: row.try_get(2)?,
                expense: row.try_get(3)?,
                count: row.try_get(4)?,
            };
            cells.insert(*key, Versions::stored(row.try_get(1)?, figures));
        }
        Ok(Self(cells))
    }

    /// Writes what the batch changed.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let (mut live, mut added) = (Rows::new(&LIVE), Rows::new(&VERSIONS));
        let mut closed = (Vec::new(), Vec::new(), Vec::new());
        for (key, versions) in &self.0 {
            let CellKey {
                book,
                month,
                category,
                currency,
            } = *key;
            if let Some((from, to)) = versions.closed() {
                closed.0.push(*key);
                closed.1.push(from);
                closed.2.push(to);
            }
            for (from, to, figures) in versions.added() {
                let Figures { income, expense, count } = *figures;
                added.push([
                    book.into(),
                    month.into(),
                    category.into(),
                    currency.into(),
                    from.into(),
                    to.into(),
                    income.into(),
                    expense.into(),
                    count.into(),
                ]);
                if to == OPEN_END {
                    live.push([
                        book.into(),
                        month.into(),
                        category.into(),
                        currency.into(),
                        from.into(),
                        income.into(),
                        expense.into(),
                        count.into(),
                    ]);
                }
            }
        }
        let close = async {
            if closed.0.is_empty() {
                return Ok(());
            }
            let arrays = Keys::of(&closed.0);
            let sql = format!(
                "UPDATE {}.summary_versions t SET to_position = u.until \
                 FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[]) AS u (b, m, c, y, since, until) \
                 WHERE t.book_id = u.b AND t.month = u.m AND t.category_id = u.c AND t.currency = u.y AND t.from_position = u.since",
                writer.schema
            );
            let Keys {
                books,
                months,
                categories,
                currencies,
            } = &arrays;
            writer
                .execute(sql, &[books, months, categories, currencies, &closed.1, &closed.2])
                .await
                .map(drop)
        };
        tokio::try_join!(close, writer.add(added), writer.add(live))?;
        Ok(())
    }
}

#[derive(Default)]
struct Keys {
    books: Vec<Uuid>,
    months: Vec<Date>,
    categories: Vec<Uuid>,
    currencies: Vec<&'static str>,
}

impl Keys {
    fn of(keys: &[CellKey]) -> Self {
        Self {
            books: keys.iter().map(|key| key.book).collect(),
            months: keys.iter().map(|key| key.month).collect(),
            categories: keys.iter().map(|key| key.category).collect(),
            currencies: keys.iter().map(|key| key.currency).collect(),
        }
    }
}

/// The currency of a stored code.
pub(crate) fn currency(code: &str) -> Result<Currency, ProjectionError> {
    code.parse().map_err(|_| ProjectionError::Row { table: "summary" })
}
