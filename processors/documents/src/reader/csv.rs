//! Tables of values between delimiters, as banks write them: with any delimiter, in any encoding, below a preamble.

use std::{collections::BTreeMap, io::Write};

use csv::ReaderBuilder;
use spendlog_domain::documents::Source;

use super::child::{Answer, Stop, end};
use super::encoding::decode;
use super::failure::Failure;
use super::limits::CELLS;
use super::protocol::End;
use super::text::cut;
use crate::reading::Table;

/// How many rows are looked at to find the delimiter.
const SAMPLE_ROWS: usize = 200;

pub(super) fn read(file: &[u8], answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let text = decode(file).ok_or_else(|| Failure::malformed("it is no text"))?;
    let rows = rows(&text)?;
    answer.table(Table {
        name: String::new(),
        rows,
    })?;
    Ok(end("csv", Source::Cell))
}

/// Whether the text is a table: by its shape alone, or by less where the name says so.
pub(crate) fn looks_like_csv(text: &str, named_so: bool) -> bool {
    let text = unquoted(text.trim_start_matches('\u{feff}'));
    let (said, text) = said_delimiter(&text);
    if said.is_some() {
        return true;
    }
    match shape(text) {
        None => false,
        Some(_) if named_so => true,
        Some(shape) => {
            // In prose and in columns of numbers commas are frequent, so it takes more of them.
            let columns = if shape.delimiter == b',' { 3 } else { 2 };
            shape.columns >= columns && shape.rows >= 2 && shape.fitting * 10 >= shape.rows * 8
        }
    }
}

fn rows(text: &str) -> Result<Vec<Vec<String>>, Failure> {
    let text = unquoted(text.trim_start_matches('\u{feff}'));
    let (said, text) = said_delimiter(&text);
    // A table of one column has no delimiter; then every one will do.
    let delimiter = said
        .or_else(|| shape(text).map(|shape| shape.delimiter))
        .unwrap_or(b',');
    let quoted = filled(records(text, delimiter, true))?;
    // After a quote that nothing closes, all rows up to the next quote are one cell.
    let swallowed = |cell: &String| cell.contains('\n') && cell.contains(char::from(delimiter));
    if !quoted.iter().flatten().any(swallowed) {
        return Ok(quoted);
    }
    let plain = filled(records(text, delimiter, false))?;
    Ok(if regularity(&plain) > regularity(&quoted) {
        plain
    } else {
        quoted
    })
}

/// The rows that have anything in them.
fn filled(records: impl Iterator<Item = Vec<String>>) -> Result<Vec<Vec<String>>, Failure> {
    let mut rows = Vec::new();
    let mut cells = 0;
    for row in records {
        cells += row.len();
        if cells > CELLS {
            return Err(Failure::too_large("it has too many cells"));
        }
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// How many rows have as many cells as most of them, less those that have not. A row with only one end of a quoted text
/// in it may be a part of one, so it does not count.
fn regularity(rows: &[Vec<String>]) -> i64 {
    let part = |cell: &String| cell.starts_with('"') != cell.ends_with('"');
    let mut widths = BTreeMap::<usize, i64>::new();
    for row in rows.iter().filter(|row| !row.iter().any(part)) {
        *widths.entry(row.len()).or_default() += 1;
    }
    let most = widths.values().max().copied().unwrap_or_default();
    2 * most - widths.values().sum::<i64>()
}

/// The delimiter that the file names in its first line, as Excel writes it (`sep=;`), and what follows.
fn said_delimiter(text: &str) -> (Option<u8>, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let said = first
        .trim()
        .trim_matches('"')
        .strip_prefix("sep=")
        .and_then(|said| said.bytes().next());
    match said {
        Some(delimiter @ (b',' | b';' | b'\t' | b'|')) => (Some(delimiter), rest),
        _ => (None, text),
    }
}

/// All rows. Without `quoting` a quote is a letter like any other, but for those around a whole cell.
fn records(text: &str, delimiter: u8, quoting: bool) -> impl Iterator<Item = Vec<String>> {
    let reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    reader.into_records().map_while(Result::ok).map(move |record| {
        let cells = record.iter().map(|raw| if quoting { raw } else { bare(raw) });
        cells.map(cell).collect()
    })
}

/// The text between the quotes around it.
fn bare(raw: &str) -> &str {
    let inner = raw.trim().strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    inner.unwrap_or(raw)
}

/// The cell's value. Spreadsheets keep leading zeros by `="0012"`.
fn cell(raw: &str) -> String {
    let value = raw.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    let value = value
        .strip_prefix("=\"")
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    cut(value).to_owned()
}

struct Shape {
    delimiter: u8,
    columns: usize,
    /// Rows that have so many columns.
    fitting: usize,
    rows: usize,
}

/// The delimiter that gives the most regular table of more than one column.
fn shape(text: &str) -> Option<Shape> {
    let shapes = [b';', b'\t', b'|', b','].into_iter().filter_map(|delimiter| {
        let counts: Vec<usize> = records(text, delimiter, true)
            .filter(|row| row.iter().any(|cell| !cell.is_empty()))
            .take(SAMPLE_ROWS)
            .map(|row| row.len())
            .collect();
        let fits = |columns: usize| counts.iter().filter(|count| **count == columns).count();
        let columns = counts
            .iter()
            .copied()
            .filter(|count| *count > 1)
            .max_by_key(|count| (fits(*count), *count))?;
        Some(Shape {
            delimiter,
            columns,
            fitting: fits(columns),
            rows: counts.len(),
        })
    });
    // The comma is also in numbers and in text, so it has to be the better by far.
    shapes.max_by_key(|shape| {
        let weight = if shape.delimiter == b',' { 1 } else { 2 };
        weight * shape.fitting * 1000 / shape.rows.max(1) * (shape.columns - 1).min(12)
    })
}

/// Without the quotes around whole rows that some exports put there: `"01.02.2026;""Rent"";-700,00"`.
fn unquoted(text: &str) -> std::borrow::Cow<'_, str> {
    let whole = |line: &str| {
        let line = line.trim_end();
        let inner = line.strip_prefix('"')?.strip_suffix('"')?;
        // A lone quote inside ends the value, so the row is not one value.
        let lone = inner.replace("\"\"", "").contains('"');
        (!lone && inner.contains([',', ';', '\t', '|'])).then(|| inner.replace("\"\"", "\""))
    };
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let (all, quoted) = (
        lines().take(SAMPLE_ROWS).count(),
        lines().take(SAMPLE_ROWS).filter(|line| whole(line).is_some()).count(),
    );
    if all < 2 || quoted * 10 < all * 8 {
        return text.into();
    }
    let unquoted: Vec<String> = text
        .lines()
        .map(|line| whole(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    unquoted.join("\n").into()
}
