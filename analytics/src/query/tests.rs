//! Queries over files of made-up events.

use std::{fs, sync::Arc};

use chrono::{DateTime, Utc};
use serde_json::json;
use spendlog_event_store::{Event, Metadata};
use uuid::Uuid;

use super::*;
use crate::{
    rows::Rows,
    sample::{ADA, tables},
};

fn event(position: i64, content: serde_json::Value) -> Event {
    Event {
        position,
        kind: "note".to_owned(),
        stream: format!("n{position}"),
        sequence: 1,
        event_type: "note.written".to_owned(),
        version: "1".to_owned(),
        payload: json!({ "note.written": content }).to_string(),
        metadata: Metadata {
            actor: "usr_test".to_owned(),
            correlation: Uuid::from_u128(1),
            causation: Some(7),
            request: None,
        },
        owner: ADA,
        command_id: None,
        recorded_at: "2026-11-23T10:00:00.000001Z".parse::<DateTime<Utc>>().unwrap(),
    }
}

/// The files of some events, and a query over them.
struct Asked {
    folder: tempfile::TempDir,
    job: Job,
}

impl Asked {
    fn of(events: &[Event], format: Format, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tables = tables();
        let mut rows = Rows::new(&tables, |_| true);
        for event in events {
            rows.push(event).unwrap();
        }
        let mut sources = sources(&tables, None, folder.path(), folder.path(), &[]);
        for (table, mut frame) in rows.frames().unwrap() {
            let path = folder.path().join(&table.name);
            let file = fs::File::create(&path).unwrap();
            polars::prelude::ParquetWriter::new(file).finish(&mut frame).unwrap();
            let source = sources.iter_mut().find(|source| source.table == table.name).unwrap();
            source.files.push(path);
        }
        let (sql, shown_max) = (sql.to_owned(), 2);
        Self {
            folder,
            job: Job {
                sql,
                sources,
                format,
                shown_max,
            },
        }
    }

    fn answer(&self) -> Result<(Answered, Vec<u8>), QueryError> {
        let out = self.folder.path().join("out");
        let answered = run(&self.job, Box::new(fs::File::create(&out).unwrap()))?;
        Ok((answered, fs::read(out).unwrap()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.answer().unwrap().1).unwrap()
    }
}

fn events() -> Vec<Event> {
    let note = |position, on: &str, text| event(position, json!({"note": "a,b", "on": on, "text": text, "lines": []}));
    vec![
        note(1, "2026-10-03", json!("line\nbreak \u{1b}[31m")),
        note(2, "1969-12-31", json!({"withheld": true})),
        note(3, "no day", json!(null)),
    ]
}

const ALL: &str = "SELECT position, recorded_at, note, \"on\", text FROM note_written ORDER BY position";

#[test]
fn each_format_says_the_same() {
    assert_eq!(
        Asked::of(&events(), Format::Csv, ALL).text(),
        "position,recorded_at,note,on,text\n\
         1,2026-11-23T10:00:00.000001,\"a,b\",2026-10-03,\"line\nbreak \u{1b}[31m\"\n\
         2,2026-11-23T10:00:00.000001,\"a,b\",1969-12-31,\n\
         3,2026-11-23T10:00:00.000001,\"a,b\",,\n"
    );
    let rows: serde_json::Value = serde_json::from_str(&Asked::of(&events(), Format::Json, ALL).text()).unwrap();
    assert_eq!(rows.as_array().map(Vec::len), Some(3));
    assert_eq!(
        rows[1],
        json!({"position": 2, "recorded_at": "2026-11-23T10:00:00.000001Z", "note": "a,b", "on": "1969-12-31", "text": null})
    );
    let (answered, parquet) = Asked::of(&events(), Format::Parquet, ALL).answer().unwrap();
    assert_eq!((answered.rows, answered.more), (3, false));
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn a_table_is_for_people() {
    let asked = Asked::of(
        &events(),
        Format::Table,
        "SELECT position, text FROM note_written ORDER BY position",
    );
    let (answered, shown) = asked.answer().unwrap();
    assert_eq!((answered.rows, answered.more), (2, true), "no more than may be shown");
    assert_eq!(
        String::from_utf8(shown).unwrap(),
        "position  text\n--------  ----------------\n       1  line break  [31m\n       2\n"
    );
}

#[test]
fn an_empty_answer_has_its_columns() {
    let none = "SELECT position, texts FROM note_written WHERE position > 9";
    assert_eq!(Asked::of(&events(), Format::Csv, none).text(), "position,texts\n");
    assert_eq!(Asked::of(&events(), Format::Json, none).text(), "[\n]\n");
    assert_eq!(
        Asked::of(&[], Format::Csv, none).text(),
        "position,texts\n",
        "also where there are no files"
    );
    assert_eq!(
        Asked::of(&[], Format::Table, none).text(),
        "position  texts\n--------  -----\n"
    );
}

#[test]
fn a_file_may_lack_columns_that_came_later() {
    let mut asked = Asked::of(
        &events(),
        Format::Csv,
        "SELECT position, later FROM note_written WHERE position = 1",
    );
    let source = asked
        .job
        .sources
        .iter_mut()
        .find(|source| source.table == "note_written")
        .unwrap();
    source.columns.push(Column {
        name: "later".to_owned(),
        column_type: crate::Type::Integer,
        sealed: false,
    });
    assert_eq!(asked.text(), "position,later\n1,\n");
}

#[test]
fn sql_joins_groups_and_numbers() {
    let lines = json!([{"minor": -5, "what": null}, {"minor": 9_007_199_254_740_993_i64, "what": null}]);
    let events = [event(1, json!({"note": "n", "lines": lines}))];
    let sql = "WITH l AS (SELECT position, sum(minor) AS minor FROM note_written_lines GROUP BY position)
        SELECT n.note, l.minor, e.causation FROM note_written n JOIN l ON n.position = l.position JOIN events e ON e.position = n.position";
    assert_eq!(
        Asked::of(&events, Format::Csv, sql).text(),
        "note,minor,causation\nn,9007199254740988,7\n"
    );
}

#[test]
fn bad_sql_is_told_by_what_and_where() {
    let refused = |sql: &str| Asked::of(&events(), Format::Csv, sql).answer().unwrap_err();
    let error = refused("SELECT position\nFORM note_written WHERE");
    assert_eq!(error.place.map(|(line, _)| line), Some(2), "{error}");
    let error = refused("SELECT position,\n  amuont FROM note_written");
    assert_eq!(error.place, Some((2, 3)), "{error}");
    let error = refused("SELECT 1 FROM noets");
    assert!(error.reason.contains("note_written"), "{error}");
    assert_eq!(error.place, Some((1, 15)), "{error}");
    assert!(!refused("DROP").reason.is_empty());
    assert!(tables_named("SELECT", &tables()).is_err());
    let named = tables_named(
        "WITH x AS (SELECT 1 FROM Events) SELECT * FROM x, note_written",
        &tables(),
    )
    .unwrap();
    assert_eq!(named, ["events", "note_written"]);
}

#[test]
fn a_query_is_handed_over_as_it_is() {
    let job = Arc::new(Asked::of(&events(), Format::Json, ALL).job);
    let text = serde_json::to_string(&*job).unwrap();
    let same: Job = serde_json::from_str(&text).unwrap();
    assert_eq!((same.sql.as_str(), same.sources.len()), (ALL, job.sources.len()));
}
