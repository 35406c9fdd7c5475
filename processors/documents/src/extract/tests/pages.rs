//! How words become rows and cells.

use spendlog_domain::documents::{Box2, Confidence, Source};

use super::super::page::Rows;
use super::page;
use crate::reading::{Line, Word};

#[test]
fn wide_gaps_part_cells() {
    let rows = Rows::of(&page(Source::Ocr, &["GRAND TOTAL      12.00"])).rows;
    let cells: Vec<&str> = rows[0].cells.iter().map(|cell| cell.text.as_str()).collect();
    assert_eq!(cells, ["GRAND TOTAL", "12.00"]);
}

#[test]
fn rows_of_a_tilted_photograph_are_put_straight() {
    let mut reading = page(Source::Ocr, &[]);
    reading.pages[0].width = 1000;
    reading.pages[0].height = 1000;
    let labels = ["Soup", "Bread", "Water", "Wine", "Total"];
    // The right side hangs 40 units lower, which is a row and more.
    let word = |text: &str, x0: u16, y0: u16| {
        let area = Box2 {
            x0,
            y0,
            x1: x0 + 1000,
            y1: y0 + 250,
        };
        Line {
            words: vec![Word {
                text: text.to_owned(),
                area,
                confidence: Confidence(900),
            }],
        }
    };
    for (row, label) in labels.iter().enumerate() {
        let y = 1000 + u16::try_from(row).unwrap() * 320;
        reading.pages[0].lines.push(word(label, 500, y));
        reading.pages[0].lines.push(word("x", 4500, y + 200));
        reading.pages[0].lines.push(word(&format!("{row}.00"), 8500, y + 400));
    }
    let rows = Rows::of(&reading).rows;
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Soup x 0.00",
            "Bread x 1.00",
            "Water x 2.00",
            "Wine x 3.00",
            "Total x 4.00"
        ]
    );
}

#[test]
fn tables_are_rows_where_there_are_no_pages() {
    let rows = Rows::of(&super::table(&[&["a", "", "b"], &["", ""]])).rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text, "a b");
}
