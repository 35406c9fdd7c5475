//! Spreadsheets and text documents.

use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use spendlog_documents::{DocumentLine, Hints, extract};
use spendlog_domain::documents::{DocumentKind, FailureReason, Source};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{lines, read, read_as, reason};

#[test]
fn a_workbook_becomes_tables_of_plain_text() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Expenses").unwrap();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    let time = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    sheet.write_row(0, 0, ["Date", "What", "Amount"]).unwrap();
    sheet
        .write_datetime_with_format(1, 0, ExcelDateTime::from_ymd(2026, 10, 5).unwrap(), &date)
        .unwrap();
    sheet.write_string(1, 1, " Train ").unwrap();
    sheet.write_number(1, 2, 0.1 + 0.2).unwrap();
    let noon = ExcelDateTime::from_ymd(2026, 10, 5)
        .unwrap()
        .and_hms(12, 30, 0)
        .unwrap();
    sheet.write_datetime_with_format(2, 0, noon, &time).unwrap();
    sheet.write_boolean(2, 1, true).unwrap();
    sheet
        .write_formula(2, 2, Formula::new("=40000+2").set_result("40002"))
        .unwrap();
    sheet.write_number(4, 2, 1_234_567.25).unwrap();
    book.add_worksheet().set_name("Empty").unwrap();
    let reading = read(&book.save_to_buffer().unwrap(), "report.xlsx");
    assert_eq!((reading.engine.as_str(), reading.source), ("calamine", Source::Cell));
    assert_eq!(
        reading
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect::<Vec<_>>(),
        ["Expenses", "Empty"]
    );
    let rows: [Vec<&str>; 4] = [
        vec!["Date", "What", "Amount"],
        vec!["2026-10-05", "Train", "0.3"],
        vec!["2026-10-05T12:30:00", "TRUE", "40002"],
        vec!["", "", "1234567.25"],
    ];
    assert_eq!(reading.tables[0].rows, rows);
}

#[test]
fn three_digits_behind_the_point_of_a_number_are_no_thousands() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["Date", "Text", "Amount"]).unwrap();
    for (row, amount) in [(1, -12.345), (2, -7.125), (3, 500.0)] {
        sheet.write_row(row, 0, ["2026-02-02", "Fuel"]).unwrap();
        sheet.write_number(row, 2, amount).unwrap();
    }
    sheet.write_row(4, 0, ["2026-02-03", "Typed", "-1.234"]).unwrap();
    let hints = Hints {
        account_currency: None,
        today: "2026-06-01".parse().unwrap(),
    };
    let reading = read(&book.save_to_buffer().unwrap(), "numbers.xlsx");
    let lines = extract(&reading, DocumentKind::BankStatement, &hints).lines;
    let amounts: Vec<String> = lines
        .iter()
        .map(|line| match line {
            DocumentLine::Movement(movement) => movement.amount.to_string(),
            DocumentLine::Item(item) => panic!("{item:?}"),
        })
        .collect();
    assert_eq!(amounts, ["-12.345", "-7.125", "500", "-1234"]);
}

#[test]
fn what_is_lost_of_a_damaged_sheet_is_told() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for row in 0..3 {
        sheet.write_number(row, 0, f64::from(row)).unwrap();
    }
    let whole = book.save_to_buffer().unwrap();
    let mut parts = ZipArchive::new(Cursor::new(whole)).unwrap();
    let mut damaged = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..parts.len() {
        let mut part = parts.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut content = String::new();
        part.read_to_string(&mut content).unwrap();
        if name.ends_with("sheet1.xml") {
            content.truncate(content.rfind("<row").unwrap());
        }
        damaged.start_file(name, SimpleFileOptions::default()).unwrap();
        damaged.write_all(content.as_bytes()).unwrap();
    }
    let reading = read(&damaged.finish().unwrap().into_inner(), "damaged.xlsx");
    assert_eq!(reading.tables[0].rows, [["0"], ["1"]]);
    assert_eq!(reading.left_out, 1);
}

#[test]
fn a_cell_at_the_far_corner_costs_one_row() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_number(0, 0, 1).unwrap();
    sheet.write_number(1_048_575, 16_383, 2).unwrap();
    let reading = read(&book.save_to_buffer().unwrap(), "far.xlsx");
    assert_eq!(reading.tables[0].rows.len(), 2);
}

#[test]
fn an_archive_that_unpacks_to_gigabytes_is_refused() {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file(
            "xl/workbook.xml",
            SimpleFileOptions::default().compression_level(Some(9)),
        )
        .unwrap();
    for _ in 0..500 {
        archive.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let file = archive.finish().unwrap().into_inner();
    assert!(file.len() < 1 << 20);
    assert_eq!(reason(read_as(&file, "bomb.xlsx", None)), FailureReason::TooLarge);
}

#[test]
fn a_damaged_workbook_is_told() {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("xl/workbook.xml", SimpleFileOptions::default())
        .unwrap();
    archive.write_all(b"<workbook>").unwrap();
    let file = archive.finish().unwrap().into_inner();
    assert_eq!(reason(read_as(&file, "x.xlsx", None)), FailureReason::Malformed);
}

fn word(body: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("word/document.xml", SimpleFileOptions::default())
        .unwrap();
    let start = "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>";
    archive
        .write_all(format!("{start}{body}</w:body></w:document>").as_bytes())
        .unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_text_document_becomes_lines_and_tables() {
    let text = |text: &str| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>");
    let row = |cells: &[&str]| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<w:tc>{}</w:tc>", text(cell)))
            .collect();
        format!("<w:tr>{cells}</w:tr>")
    };
    let body = format!(
        "{}<w:p><w:r><w:t>Tea &amp; cake</w:t><w:tab/><w:t>4.50</w:t></w:r><w:del><w:r><w:delText>no</w:delText></w:r></w:del></w:p>\
         <w:tbl>{}{}</w:tbl>{}",
        text("Expenses"),
        row(&["Day", "Sum"]),
        row(&["1 Oct", "&#8364; 3"]),
        text("Signed"),
    );
    let reading = read(&word(&body), "report.docx");
    assert_eq!(lines(&reading), ["Expenses", "Tea & cake 4.50", "Signed"]);
    assert_eq!(reading.tables[0].rows, [["Day", "Sum"], ["1 Oct", "\u{20ac} 3"]]);
    assert_eq!(reading.source, Source::Words);
}

#[test]
fn deep_nesting_and_entities_do_no_harm() {
    let deep = format!(
        "{}{}",
        "<w:tbl><w:tr><w:tc>".repeat(100_000),
        "</w:tc></w:tr></w:tbl>".repeat(100_000)
    );
    assert_eq!(
        reason(read_as(&word(&deep), "deep.docx", None)),
        FailureReason::TooLarge
    );
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("word/document.xml", SimpleFileOptions::default())
        .unwrap();
    let laugh = "<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><d><p><t>funny &b; end</t></p></d>";
    archive.write_all(laugh.as_bytes()).unwrap();
    let reading = read(&archive.finish().unwrap().into_inner(), "laugh.docx");
    assert_eq!(lines(&reading), ["funny end"]);
}
