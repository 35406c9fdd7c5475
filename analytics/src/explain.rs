//! What is wrong with a query, and where.

use std::fmt;

use polars::prelude::PolarsError;

use crate::tables::Table;

/// A query that can't be answered. It reads as the reason, followed by the line of the statement with a mark below the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Why.
    pub reason: String,
    /// The line and column of the statement, from 1, where the place is known.
    pub place: Option<(usize, usize)>,
    /// That line.
    line: String,
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.place {
            Some((line, column)) => {
                let before = " ".repeat(column.saturating_sub(1));
                write!(
                    f,
                    "\n  at line {line}, column {column}:\n    {}\n    {before}^",
                    self.line
                )
            }
            None => Ok(()),
        }
    }
}

/// Says it in words of the person who asked.
pub(crate) fn explain(sql: &str, error: &PolarsError, tables: &[Table]) -> QueryError {
    let mut reason = error.to_string();
    // polars adds how it came to ask, which says nothing to who wrote SQL.
    if let Some(end) = reason.find("\n\nResolved plan until failure") {
        reason.truncate(end);
    }
    for begin in ["sql parser error: ", "SQL error: ", "SQL interface error: "] {
        reason = reason.strip_prefix(begin).unwrap_or(&reason).to_owned();
    }
    let place = match told_place(&reason) {
        Some((at, place)) => {
            reason.truncate(at);
            Some(place)
        }
        None => quoted(&reason).find_map(|name| find(sql, name)),
    };
    if reason.contains("relation") && reason.contains("not found") {
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        reason = format!("{reason}; there are: {}", names.join(", "));
    }
    let line = place.and_then(|(line, _)| sql.lines().nth(line - 1));
    QueryError {
        reason,
        place,
        line: line.unwrap_or_default().to_owned(),
    }
}

/// The place that the parser names at the end of its reason, and where it does so.
fn told_place(reason: &str) -> Option<(usize, (usize, usize))> {
    let at = reason.find(" at Line: ")?;
    let (line, column) = reason[at..].strip_prefix(" at Line: ")?.split_once(", Column: ")?;
    let digits = |text: &str| -> Option<usize> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok().filter(|number| *number > 0)
    };
    Some((at, (digits(line)?, digits(column)?)))
}

/// What stands between quotes.
fn quoted(reason: &str) -> impl Iterator<Item = &str> {
    reason.split(['"', '\'', '`']).skip(1).step_by(2)
}

/// Where a word first stands in the statement.
fn find(sql: &str, word: &str) -> Option<(usize, usize)> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    (1..).zip(sql.lines()).find_map(|(number, line)| {
        let mut found = line.match_indices(word).map(|(at, _)| at);
        let whole =
            |at: &usize| !line[..*at].ends_with(part) && !line[at + word.len()..].starts_with(part) && !word.is_empty();
        let at = found.find(whole)?;
        Some((number, line[..at].chars().count() + 1))
    })
}

#[cfg(test)]
mod tests {
    //! Reasons and places.

    use super::*;

    fn told(sql: &str, reason: &str) -> QueryError {
        explain(sql, &PolarsError::SQLInterface(reason.to_owned().into()), &[])
    }

    #[test]
    fn the_parsers_place_is_taken_from_its_reason() {
        let error = told(
            "SELECT *\nFORM events",
            "sql parser error: Expected: end, found: FORM at Line: 2, Column: 1",
        );
        assert_eq!(error.place, Some((2, 1)));
        assert_eq!(error.reason, "Expected: end, found: FORM");
        assert_eq!(
            error.to_string(),
            "Expected: end, found: FORM\n  at line 2, column 1:\n    FORM events\n    ^"
        );
    }

    #[test]
    fn a_name_is_looked_for_in_the_statement() {
        assert_eq!(
            told("SELECT amount_x, amount\nFROM t", "no column \"amount\"").place,
            Some((1, 18))
        );
        assert_eq!(told("SELECT 'ä', x", "no column 'x'").place, Some((1, 13)));
        assert_eq!(told("SELECT 1", "no column 'x'").place, None);
        assert_eq!(told("SELECT 1", "nothing").to_string(), "nothing");
    }
}
