//! Rows on their way into a table: a column is an array, a table is one statement.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use spendlog_domain::values::Date;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// A value of a row.
#[derive(Debug)]
pub(crate) enum Cell {
    Id(Option<Uuid>),
    Ids(Vec<Uuid>),
    Long(i64),
    Flag(bool),
    Day(Date),
    Text(Option<String>),
    Time(DateTime<Utc>),
}

impl From<Uuid> for Cell {
    fn from(id: Uuid) -> Self {
        Self::Id(Some(id))
    }
}

impl From<Option<Uuid>> for Cell {
    fn from(id: Option<Uuid>) -> Self {
        Self::Id(id)
    }
}

impl From<Vec<Uuid>> for Cell {
    fn from(ids: Vec<Uuid>) -> Self {
        Self::Ids(ids)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Long(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Date> for Cell {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Id,
    Ids,
    Long,
    Int,
    Flag,
    Day,
    Text,
    Time,
}

impl Kind {
    /// How the array parameter is written in a statement, and what becomes of its elements.
    fn parameter(self, number: usize) -> String {
        match self {
            Self::Id => format!("unnest(${number}::uuid[])"),
            // Arrays of arrays come apart when unnested, so each travels as its text.
            Self::Ids => format!("unnest(${number}::text[])::uuid[]"),
            Self::Long => format!("unnest(${number}::bigint[])"),
            Self::Int => format!("unnest(${number}::bigint[])::integer"),
            Self::Flag => format!("unnest(${number}::boolean[])"),
            Self::Day => format!("unnest(${number}::date[])"),
            Self::Text => format!("unnest(${number}::text[])"),
            Self::Time => format!("unnest(${number}::timestamptz[])"),
        }
    }
}

/// A table, as far as writing into it goes.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// What to do where the row is there already.
    pub(crate) on_conflict: &'static str,
}

/// Rows of a table.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) table: &'static Table,
    rows: Vec<Vec<Cell>>,
}

impl Rows {
    pub(crate) fn new(table: &'static Table) -> Self {
        Self {
            table,
            rows: Vec::new(),
        }
    }

    /// Adds a row; its cells stand in the order of the table's columns.
    pub(crate) fn push<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(
            N,
            self.table.columns.len(),
            "a row of {} has a cell for each column",
            self.table.name
        );
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The statement that inserts any number of rows. `SELECT unnest(…), unnest(…)` is a quarter faster than
    /// `FROM unnest(…, …)`.
    pub(crate) fn statement(&self, schema: &str) -> String {
        let names: Vec<_> = self.table.columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> = self
            .table
            .columns
            .iter()
            .enumerate()
            .map(|(i, (_, kind))| kind.parameter(i + 1))
            .collect();
        let Table { name, on_conflict, .. } = self.table;
        format!(
            "INSERT INTO {schema}.{name} AS t ({}) SELECT {} {on_conflict}",
            names.join(", "),
            values.join(", ")
        )
    }

    /// The statement that takes the rows as [`copy`](Self::copy) writes them.
    pub(crate) fn copy_statement(&self, schema: &str) -> String {
        let names: Vec<_> = self.table.columns.iter().map(|(name, _)| *name).collect();
        format!("COPY {schema}.{} ({}) FROM STDIN", self.table.name, names.join(", "))
    }

    /// The parameters of [`statement`](Self::statement).
    pub(crate) fn parameters(self) -> Vec<Box<dyn ToSql + Sync + Send>> {
        let length = self.rows.len();
        let mut columns: Vec<Column> = self
            .table
            .columns
            .iter()
            .map(|(_, kind)| Column::new(*kind, length))
            .collect();
        for row in self.rows {
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        columns.into_iter().map(Column::boxed).collect()
    }

    /// The rows in the text format of COPY.
    pub(crate) fn copy(self) -> Vec<u8> {
        let mut text = String::with_capacity(self.rows.len() * 256);
        for row in self.rows {
            for (i, cell) in row.iter().enumerate() {
                if i > 0 {
                    text.push('\t');
                }
                copy_cell(&mut text, cell);
            }
            text.push('\n');
        }
        text.into_bytes()
    }
}

enum Column {
    Id(Vec<Option<Uuid>>),
    Long(Vec<i64>),
    Flag(Vec<bool>),
    Day(Vec<Date>),
    Text(Vec<Option<String>>),
    Time(Vec<DateTime<Utc>>),
}

impl Column {
    fn new(kind: Kind, length: usize) -> Self {
        match kind {
            Kind::Id => Self::Id(Vec::with_capacity(length)),
            Kind::Long | Kind::Int => Self::Long(Vec::with_capacity(length)),
            Kind::Flag => Self::Flag(Vec::with_capacity(length)),
            Kind::Day => Self::Day(Vec::with_capacity(length)),
            Kind::Text | Kind::Ids => Self::Text(Vec::with_capacity(length)),
            Kind::Time => Self::Time(Vec::with_capacity(length)),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Id(column), Cell::Id(id)) => column.push(id),
            (Self::Text(column), Cell::Ids(ids)) => column.push(Some(array(&ids))),
            (Self::Long(column), Cell::Long(number)) => column.push(number),
            (Self::Flag(column), Cell::Flag(flag)) => column.push(flag),
            (Self::Day(column), Cell::Day(day)) => column.push(day),
            (Self::Text(column), Cell::Text(text)) => column.push(text),
            (Self::Time(column), Cell::Time(time)) => column.push(time),
            (_, cell) => debug_assert!(false, "{cell:?} stands in a column of another type"),
        }
    }

    fn boxed(self) -> Box<dyn ToSql + Sync + Send> {
        match self {
            Self::Id(column) => Box::new(column),
            Self::Long(column) => Box::new(column),
            Self::Flag(column) => Box::new(column),
            Self::Day(column) => Box::new(column),
            Self::Text(column) => Box::new(column),
            Self::Time(column) => Box::new(column),
        }
    }
}

fn array(ids: &[Uuid]) -> String {
    let mut text = String::with_capacity(2 + 37 * ids.len());
    text.push('{');
    for (i, id) in ids.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        write_to(&mut text, format_args!("{id}"));
    }
    text.push('}');
    text
}

fn copy_cell(text: &mut String, cell: &Cell) {
    match cell {
        Cell::Id(Some(id)) => write_to(text, format_args!("{id}")),
        Cell::Id(None) | Cell::Text(None) => text.push_str("\\N"),
        Cell::Ids(ids) => text.push_str(&array(ids)),
        Cell::Long(number) => write_to(text, format_args!("{number}")),
        Cell::Flag(flag) => text.push(if *flag { 't' } else { 'f' }),
        Cell::Day(day) => write_to(text, format_args!("{day}")),
        Cell::Time(time) => write_to(text, format_args!("{}", time.format("%Y-%m-%dT%H:%M:%S%.6fZ"))),
        Cell::Text(Some(value)) => {
            for c in value.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '\t' => text.push_str("\\t"),
                    '\n' => text.push_str("\\n"),
                    '\r' => text.push_str("\\r"),
                    c => text.push(c),
                }
            }
        }
    }
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a string can't fail.
    let _infallible = text.write_fmt(arguments);
}
