//! From events to the rows of all tables, column by column.

use chrono::{DateTime, NaiveDate, Utc};
use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column as Filled, DataFrame, DataType, Int32Type, Int64Type,
    IntoColumn as _, IntoSeries as _, PolarsResult, PrimitiveChunkedBuilder, StringChunkedBuilder, TimeUnit,
};
use serde_json::Value;
use spendlog_event_store::Event;

use crate::tables::{Column, Place, Table, Tables, Type, is_secret};

/// How texts of an event stand in an export: the words of the column `texts`.
const GIVEN: &str = "given";
const WITHHELD: &str = "withheld";
const FORGOTTEN: &str = "forgotten";

/// One value of a row.
#[derive(Clone)]
enum Cell<'a> {
    Null,
    Text(&'a str),
    Owned(String),
    Number(i64),
    Truth(bool),
}

/// The tables of some events.
pub(crate) struct Rows<'t> {
    tables: &'t Tables,
    /// By the place of the table; none where it is not wanted.
    filling: Vec<Option<Vec<Filling>>>,
}

impl<'t> Rows<'t> {
    /// Begins with none. Tables that are not wanted are left out.
    pub(crate) fn new(tables: &'t Tables, wanted: impl Fn(&Table) -> bool) -> Self {
        let filling = |table: &Table| wanted(table).then(|| table.columns.iter().map(Filling::new).collect());
        Self {
            filling: tables.all().iter().map(filling).collect(),
            tables,
        }
    }

    /// Adds the rows of an event.
    pub(crate) fn push(&mut self, event: &Event) -> Result<(), serde_json::Error> {
        let mut payload: Value = serde_json::from_str(&event.payload)?;
        let content = payload.as_object().and_then(|object| object.get(&event.event_type));
        let plan = self.tables.plan(&event.event_type);
        let texts = texts(&event.payload, plan.is_some_and(|plan| plan.sealed));
        let position = Cell::Number(event.position);
        let recorded_at = Cell::Number(event.recorded_at.timestamp_micros());
        let owner = Cell::Owned(event.owner.simple().to_string());
        if let (Some(plan), Some(content)) = (plan, content) {
            let typed = [
                position.clone(),
                recorded_at.clone(),
                Cell::Text(&event.stream),
                Cell::Number(event.sequence),
                owner.clone(),
                Cell::Text(&event.metadata.actor),
                texts.clone(),
            ];
            let item = [&typed[0], &typed[1], &typed[2], &typed[4]].map(Cell::clone);
            let mut row = self.row(plan.table, &typed);
            self.fill(&plan.content, content, &mut row, &item);
            self.add(plan.table, row);
        }
        if self.filling[0].is_none() {
            return Ok(());
        }
        let Event { metadata, .. } = event;
        // Nobody's password leaves, not even their own.
        let payload = match event.payload.contains("\"password") && withhold(&mut payload) {
            true => Cell::Owned(payload.to_string()),
            false => Cell::Text(&event.payload),
        };
        let row = vec![
            position,
            recorded_at,
            Cell::Text(&event.event_type),
            Cell::Text(&event.version),
            Cell::Text(&event.kind),
            Cell::Text(&event.stream),
            Cell::Number(event.sequence),
            owner,
            Cell::Text(&metadata.actor),
            Cell::Owned(metadata.correlation.to_string()),
            metadata.causation.map_or(Cell::Null, Cell::Number),
            event.command_id.map_or(Cell::Null, |id| Cell::Owned(id.to_string())),
            texts,
            payload,
        ];
        self.add(0, row);
        Ok(())
    }

    /// All tables that have rows, as frames.
    pub(crate) fn frames(self) -> PolarsResult<Vec<(&'t Table, DataFrame)>> {
        let mut frames = Vec::new();
        for (table, filling) in self.tables.all().iter().zip(self.filling) {
            let Some(filling) = filling else { continue };
            let columns: Vec<Filled> = filling.into_iter().map(Filling::finish).collect();
            let height = columns.first().map_or(0, Filled::len);
            if height > 0 {
                frames.push((table, DataFrame::new(height, columns)?));
            }
        }
        Ok(frames)
    }

    /// A row that begins with these cells.
    fn row<'a>(&self, table: usize, begin: &[Cell<'a>]) -> Vec<Cell<'a>> {
        let mut row = begin.to_vec();
        row.resize(self.tables.all()[table].columns.len(), Cell::Null);
        row
    }

    fn add(&mut self, table: usize, row: Vec<Cell<'_>>) {
        if let Some(filling) = &mut self.filling[table] {
            for (column, cell) in filling.iter_mut().zip(row) {
                column.push(cell);
            }
        }
    }

    /// Puts what stands at a place where it belongs: into the row, or into rows of another table.
    fn fill<'a>(&mut self, place: &Place, value: &'a Value, row: &mut [Cell<'a>], item: &[Cell<'a>]) {
        match value {
            Value::Object(object) if place.value.is_none() || !place.properties.is_empty() => {
                if let Some(column) = place.present.filter(|_| object.is_empty()) {
                    row[column] = Cell::Truth(true);
                }
                for (name, value) in object {
                    if let Some(place) = place.properties.get(name) {
                        self.fill(place, value, row, item);
                    }
                }
            }
            Value::Array(elements) if place.items.is_some() => {
                let Some((table, of)) = &place.items else { return };
                for (nth, element) in (0_i64..).zip(elements) {
                    let mut row = self.row(*table, item);
                    row[item.len()] = Cell::Number(nth);
                    self.fill(of, element, &mut row, item);
                    self.add(*table, row);
                }
            }
            value => {
                if let Some(column) = place.value {
                    row[column] = cell(value);
                }
            }
        }
    }
}

/// A value that stands in one column. A mark in the place of a text is none.
fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(truth) => Cell::Truth(*truth),
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Number),
        Value::Object(object) if is_mark(object) => Cell::Null,
        Value::Array(_) | Value::Object(_) => Cell::Owned(value.to_string()),
    }
}

fn is_mark(object: &serde_json::Map<String, Value>) -> bool {
    object.len() == 1 && (object.contains_key(WITHHELD) || object.contains_key(FORGOTTEN))
}

/// How the texts of an event stand in its payload; null where it has none. (Quotes within a text are escaped: none looks like a mark.)
fn texts(payload: &str, sealed: bool) -> Cell<'static> {
    if payload.contains("{\"forgotten\":true}") {
        Cell::Text(FORGOTTEN)
    } else if payload.contains("{\"withheld\":true}") {
        Cell::Text(WITHHELD)
    } else if sealed {
        Cell::Text(GIVEN)
    } else {
        Cell::Null
    }
}

/// Puts a mark in the place of every secret; whether there was any.
fn withhold(value: &mut Value) -> bool {
    match value {
        Value::Object(object) => object.iter_mut().fold(false, |any, (name, value)| {
            if is_secret(name) {
                *value = serde_json::json!({ WITHHELD: true });
                true
            } else {
                withhold(value) || any
            }
        }),
        Value::Array(elements) => {
            let mut any = false;
            for element in elements {
                any |= withhold(element);
            }
            any
        }
        _ => false,
    }
}

/// A column that is being filled.
enum Filling {
    Text(StringChunkedBuilder),
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Boolean(BooleanChunkedBuilder),
    Date(PrimitiveChunkedBuilder<Int32Type>),
    Time(PrimitiveChunkedBuilder<Int64Type>),
}

impl Filling {
    fn new(column: &Column) -> Self {
        let name = column.name.as_str().into();
        match column.column_type {
            Type::Text | Type::Json => Self::Text(StringChunkedBuilder::new(name, 0)),
            Type::Integer => Self::Integer(PrimitiveChunkedBuilder::new(name, 0)),
            Type::Boolean => Self::Boolean(BooleanChunkedBuilder::new(name, 0)),
            Type::Date => Self::Date(PrimitiveChunkedBuilder::new(name, 0)),
            Type::Time => Self::Time(PrimitiveChunkedBuilder::new(name, 0)),
        }
    }

    /// Adds a value; one of another type than the schema says is none.
    fn push(&mut self, cell: Cell<'_>) {
        match self {
            Self::Text(column) => match cell {
                Cell::Text(text) => column.append_value(text),
                Cell::Owned(text) => column.append_value(&text),
                Cell::Number(number) => column.append_value(number.to_string()),
                Cell::Truth(truth) => column.append_value(truth.to_string()),
                Cell::Null => column.append_null(),
            },
            Self::Integer(column) => column.append_option(number(&cell)),
            Self::Boolean(column) => column.append_option(match cell {
                Cell::Truth(truth) => Some(truth),
                _ => None,
            }),
            Self::Date(column) => column.append_option(text(&cell).and_then(days)),
            Self::Time(column) => column.append_option(number(&cell).or_else(|| text(&cell).and_then(micros))),
        }
    }

    fn finish(self) -> Filled {
        match self {
            Self::Text(column) => column.finish().into_column(),
            Self::Integer(column) => column.finish().into_column(),
            Self::Boolean(column) => column.finish().into_column(),
            Self::Date(column) => column.finish().into_series().into_date().into_column(),
            Self::Time(column) => {
                let column = column.finish().into_series();
                column.into_datetime(TimeUnit::Microseconds, None).into_column()
            }
        }
    }
}

/// What polars calls a type.
pub(crate) fn data_type(column_type: Type) -> DataType {
    match column_type {
        Type::Text | Type::Json => DataType::String,
        Type::Integer => DataType::Int64,
        Type::Boolean => DataType::Boolean,
        Type::Date => DataType::Date,
        Type::Time => DataType::Datetime(TimeUnit::Microseconds, None),
    }
}

fn number(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}

fn text<'a>(cell: &'a Cell<'_>) -> Option<&'a str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

/// Days since 1970.
fn days(text: &str) -> Option<i32> {
    let day: NaiveDate = text.parse().ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Microseconds since 1970.
fn micros(text: &str) -> Option<i64> {
    let time: DateTime<Utc> = text.parse().ok()?;
    Some(time.timestamp_micros())
}
