//! Spreadsheets of Excel and OpenDocument: a table for each sheet.

use std::io::{Cursor, Write};

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime, Ods, Reader, SheetType, Xls, Xlsb, Xlsx};
use spendlog_domain::documents::{FailureReason, Source};

use super::archive;
use super::child::{Answer, Stop, because, end};
use super::failure::Failure;
use super::limits::{CELLS, TABLES};
use super::protocol::End;
use super::text::cut;
use crate::reading::Table;
use crate::sniff;

type Input<'a> = Cursor<&'a [u8]>;

pub(super) fn read(file: Vec<u8>, media_type: &str, answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let input = Cursor::new(file.as_slice());
    let left_out = match media_type {
        sniff::XLS => whole(&mut open::<Xls<Input<'_>>>(input)?, answer)?,
        _ => {
            archive::open(&file)?;
            match media_type {
                sniff::XLSB => whole(&mut open::<Xlsb<Input<'_>>>(input)?, answer)?,
                sniff::ODS => whole(&mut open::<Ods<Input<'_>>>(input)?, answer)?,
                _ => cell_by_cell(&mut open::<Xlsx<Input<'_>>>(input)?, answer)?,
            }
        }
    };
    Ok(End {
        left_out,
        ..end("calamine", Source::Cell)
    })
}

fn open<'a, R: Reader<Input<'a>>>(input: Input<'a>) -> Result<R, Stop>
where
    R::Error: std::fmt::Display,
{
    R::new(input).map_err(|error| {
        // The readers have an error for it each; all of them say it in this word.
        if error.to_string().to_ascii_lowercase().contains("password") {
            because(FailureReason::UnsupportedType, "a locked spreadsheet")
        } else {
            Failure::malformed("the workbook is damaged").into()
        }
    })
}

/// The sheets of cells: charts and macros have none.
fn sheet_names<'a, R: Reader<Input<'a>>>(book: &R) -> Result<Vec<String>, Failure> {
    let sheets = book.sheets_metadata().iter();
    let of_cells = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = of_cells.map(|sheet| sheet.name.clone()).collect();
    if names.len() > TABLES {
        Err(Failure::too_large("it has too many sheets"))
    } else {
        Ok(names)
    }
}

/// Formats whose reader gives a sheet at once. Answers how many sheets are damaged.
fn whole<'a, R: Reader<Input<'a>>>(book: &mut R, answer: &mut Answer<impl Write>) -> Result<u32, Stop> {
    let names = sheet_names(book)?;
    let (mut read, mut damaged) = (0, 0);
    for name in names {
        let Ok(range) = book.worksheet_range(&name) else {
            damaged += 1;
            continue;
        };
        if range.height().saturating_mul(range.width()) > CELLS {
            return Err(Failure::too_large("it has too many cells").into());
        }
        let rows = range
            .rows()
            .map(|row| row.iter().map(|cell| text(&cell_ref(cell))).collect());
        let rows = trimmed(rows.collect());
        answer.table(Table {
            name: cut(&name).to_owned(),
            rows,
        })?;
        read += 1;
    }
    if read == 0 && damaged > 0 {
        return Err(Failure::malformed("the workbook is damaged").into());
    }
    Ok(damaged)
}

/// The format whose reader gives cells one by one, so that a sheet with one cell at its far corner costs one cell.
/// Answers how many sheets are damaged.
fn cell_by_cell(book: &mut Xlsx<Input<'_>>, answer: &mut Answer<impl Write>) -> Result<u32, Stop> {
    let names = sheet_names(book)?;
    let (mut read, mut damaged) = (0, 0);
    for name in names {
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else {
            damaged += 1;
            continue;
        };
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut size = 0_usize;
        let mut last_row = None;
        loop {
            let cell = match cells.next_cell() {
                Ok(Some(cell)) => cell,
                Ok(None) => break,
                // What stood before the damage is still there.
                Err(_) => {
                    damaged += 1;
                    break;
                }
            };
            let value = text(cell.get_value());
            if value.is_empty() {
                continue;
            }
            let (row, column) = cell.get_position();
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            // Rows without anything in them are left out: a form's blank lines say nothing, a million of them cost.
            if last_row != Some(row) {
                rows.push(Vec::new());
                last_row = Some(row);
            }
            let Some(cells) = rows.last_mut() else { continue };
            if column >= cells.len() {
                size = size.saturating_add(column + 1 - cells.len());
                if size > CELLS {
                    return Err(Failure::too_large("it has too many cells").into());
                }
                cells.resize(column + 1, String::new());
            }
            cells[column] = value;
        }
        answer.table(Table {
            name: cut(&name).to_owned(),
            rows,
        })?;
        read += 1;
    }
    if read == 0 && damaged > 0 {
        return Err(Failure::malformed("the workbook is damaged").into());
    }
    Ok(damaged)
}

fn trimmed(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let filled = |row: &Vec<String>| row.iter().any(|cell| !cell.is_empty());
    rows.into_iter().filter(filled).collect()
}

fn cell_ref(cell: &Data) -> DataRef<'_> {
    match cell {
        Data::Int(number) => DataRef::Int(*number),
        Data::Float(number) => DataRef::Float(*number),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(value) => DataRef::Bool(*value),
        Data::DateTime(time) => DataRef::DateTime(*time),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(error) => DataRef::Error(error.clone()),
        Data::Empty => DataRef::Empty,
    }
}

fn text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => unmistakable(plain_number(*number)),
        DataRef::String(text) => cut(text.trim()).to_owned(),
        DataRef::SharedString(text) => cut(text.trim()).to_owned(),
        DataRef::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(time) => iso(time),
        DataRef::DateTimeIso(text) => cut(text).strip_suffix("T00:00:00").unwrap_or(cut(text)).to_owned(),
        DataRef::DurationIso(text) => cut(text).to_owned(),
        DataRef::Error(error) => error_text(error).to_owned(),
        DataRef::Empty => String::new(),
    }
}

/// ISO 8601: a day, a day with a time, or a time where the format shows no day.
fn iso(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let clock = (hour, minute, second) != (0, 0, 0);
    if time.is_duration() {
        return plain_number(time.as_f64());
    }
    // Day 0 of the sheet's calendar: a time alone.
    if year < 1900 || (time.as_f64() < 1.0 && clock) {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if clock {
        format!("{date}T{hour:02}:{minute:02}:{second:02}")
    } else {
        date
    }
}

/// The number as a person would type it: 15 digits are what Excel keeps, what is behind them is noise of its binary
/// form (0.1 + 0.2).
fn plain_number(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let shortest = number.to_string();
    let digits = shortest
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .count();
    let text = if digits > 15 && number.fract() != 0.0 {
        // Scientific notation with 15 digits, read back: the shortest text of that number is what was meant.
        format!("{number:.14e}")
            .parse::<f64>()
            .map_or(shortest, |rounded| rounded.to_string())
    } else {
        shortest
    };
    if text == "-0" { "0".to_owned() } else { text }
}

/// Somewhere `12.345` is twelve thousand; with a zero before it, it is a fraction to whoever looks for amounts.
fn unmistakable(number: String) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.as_str()),
    };
    match digits.split_once('.') {
        Some((whole, fraction)) if whole != "0" && whole.len() <= 3 && fraction.len() == 3 => {
            format!("{sign}0{digits}")
        }
        _ => number,
    }
}

fn error_text(error: &CellErrorType) -> &'static str {
    match error {
        CellErrorType::Div0 => "#DIV/0!",
        CellErrorType::NA => "#N/A",
        CellErrorType::Name => "#NAME?",
        CellErrorType::Null => "#NULL!",
        CellErrorType::Num => "#NUM!",
        CellErrorType::Ref => "#REF!",
        CellErrorType::Value => "#VALUE!",
        _ => "#ERROR!",
    }
}
