//! How rows are written: as a table for people, as CSV, JSON or Parquet for programs. Batch by batch: memory does not grow with
//! their number.

use std::io::Write;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use polars::{
    io::parquet::write::BatchedWriter,
    prelude::{
        AnyValue, CsvWriter, DataFrame, DataType, ParquetWriter, PolarsResult, Schema, SerWriter as _, TimeUnit,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// In a table, longer texts are cut off.
const CELL_CHARS: usize = 80;

/// A form of writing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    Table,
    /// Comma-separated, with a line of names.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// An array of objects.
    Json,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// How many rows were written.
    pub rows: usize,
    /// Whether there were more than are shown.
    pub more: bool,
}

type Out = Box<dyn Write + Send>;

/// Rows on their way out.
pub(crate) struct Output {
    form: Form,
    rows: usize,
    more: bool,
}

enum Form {
    Table { out: Out, max: usize, table: Table },
    Csv(Out),
    Parquet(Box<BatchedWriter<Out>>),
    Json(Out),
}

impl Output {
    /// Begins: whatever stands before the first row is written.
    pub(crate) fn new(format: Format, shown_max: usize, schema: &Schema, mut out: Out) -> PolarsResult<Self> {
        let form = match format {
            Format::Table => Form::Table {
                out,
                max: shown_max,
                table: Table::new(schema),
            },
            Format::Csv => {
                CsvWriter::new(&mut out).finish(&mut DataFrame::empty_with_schema(schema))?;
                Form::Csv(out)
            }
            Format::Parquet => Form::Parquet(Box::new(ParquetWriter::new(out).batched(schema)?)),
            Format::Json => {
                out.write_all(b"[")?;
                Form::Json(out)
            }
        };
        Ok(Self {
            form,
            rows: 0,
            more: false,
        })
    }

    /// Writes some rows; whether these are enough.
    pub(crate) fn write(&mut self, mut frame: DataFrame) -> PolarsResult<bool> {
        match &mut self.form {
            Form::Table { max, table, .. } => {
                self.more |= self.rows + frame.height() > *max;
                let frame = frame.head(Some(*max - self.rows));
                table.add(&frame)?;
                self.rows += frame.height();
                return Ok(self.more);
            }
            Form::Csv(out) => CsvWriter::new(out).include_header(false).finish(&mut frame)?,
            Form::Parquet(writer) => writer.write_batch(&frame)?,
            Form::Json(out) => {
                for row in 0..frame.height() {
                    out.write_all(if self.rows + row == 0 { b"\n" } else { b",\n" })?;
                    serde_json::to_writer(&mut *out, &object(&frame, row)?).map_err(std::io::Error::from)?;
                }
            }
        }
        self.rows += frame.height();
        Ok(false)
    }

    /// Writes what stands behind the last row.
    pub(crate) fn finish(self) -> PolarsResult<Answered> {
        match self.form {
            Form::Table { mut out, table, .. } => {
                table.print(&mut out)?;
                out.flush()?;
            }
            Form::Csv(mut out) => out.flush()?,
            Form::Parquet(writer) => drop(writer.finish()?),
            Form::Json(mut out) => {
                out.write_all(b"\n]\n")?;
                out.flush()?;
            }
        }
        Ok(Answered {
            rows: self.rows,
            more: self.more,
        })
    }
}

fn object(frame: &DataFrame, row: usize) -> PolarsResult<Map<String, Value>> {
    let columns = frame.columns().iter();
    columns
        .map(|column| Ok((column.name().to_string(), json(&column.get(row)?))))
        .collect()
}

/// A value in JSON: days and moments as text.
fn json(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(truth) => Value::Bool(*truth),
        AnyValue::String(text) => Value::from(*text),
        AnyValue::StringOwned(text) => Value::from(text.as_str()),
        AnyValue::Float32(number) => Value::from(*number),
        AnyValue::Float64(number) => Value::from(*number),
        AnyValue::Int8(number) => Value::from(*number),
        AnyValue::Int16(number) => Value::from(*number),
        AnyValue::Int32(number) => Value::from(*number),
        AnyValue::Int64(number) => Value::from(*number),
        AnyValue::UInt8(number) => Value::from(*number),
        AnyValue::UInt16(number) => Value::from(*number),
        AnyValue::UInt32(number) => Value::from(*number),
        AnyValue::UInt64(number) => Value::from(*number),
        AnyValue::List(list) => Value::Array(list.iter().map(|value| json(&value)).collect()),
        AnyValue::Date(days) => {
            let day = NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(*days)));
            day.map_or(Value::Null, |day| Value::from(day.to_string()))
        }
        AnyValue::Datetime(number, unit, _) => {
            let time = match unit {
                TimeUnit::Nanoseconds => Some(DateTime::from_timestamp_nanos(*number)),
                TimeUnit::Microseconds => DateTime::from_timestamp_micros(*number),
                TimeUnit::Milliseconds => DateTime::from_timestamp_millis(*number),
            };
            time.map_or(Value::Null, |time| {
                Value::from(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            })
        }
        other => Value::from(other.to_string()),
    }
}

/// Rows for people, in columns as wide as they need to be: names, then a line, then the rows; numbers to the right.
struct Table {
    numeric: Vec<bool>,
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(schema: &Schema) -> Self {
        let names: Vec<String> = schema
            .iter_names()
            .map(|name| printed(&Value::from(name.as_str())))
            .collect();
        Self {
            numeric: schema.iter_values().map(DataType::is_primitive_numeric).collect(),
            widths: names.iter().map(|name| name.chars().count()).collect(),
            rows: vec![names],
        }
    }

    fn add(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        for row in 0..frame.height() {
            let mut cells = Vec::new();
            for (column, width) in frame.columns().iter().zip(&mut self.widths) {
                let cell = printed(&json(&column.get(row)?));
                *width = cell.chars().count().max(*width);
                cells.push(cell);
            }
            self.rows.push(cells);
        }
        Ok(())
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, width), numeric) in row.iter().zip(&self.widths).zip(&self.numeric) {
                line.push_str(&match numeric {
                    true => format!("{cell:>width$}  "),
                    false => format!("{cell:<width$}  "),
                });
            }
            writeln!(out, "{}", line.trim_end())?;
            if number == 0 {
                let rule: Vec<String> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
                writeln!(out, "{}", rule.join("  "))?;
            }
        }
        Ok(())
    }
}

/// A value as it stands in a table: on one line, and without what could steer a terminal.
fn printed(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut shown: String = text
        .chars()
        .take(CELL_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(CELL_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
