//! Tables between delimiters, bank files, plain text.

use spendlog_domain::documents::{FailureReason, Source};

use super::{lines, read, read_as, reason};

#[test]
fn a_table_is_read_in_any_encoding_with_any_delimiter() {
    let text = "Konto;DE02 1203\n\nDatum;Text;Betrag\n05.10.2026;\"B\u{e4}cker; Brot\";-12,50\n06.10.2026;\"zwei\nZeilen\";1,00\n";
    let rows = [
        vec!["Konto", "DE02 1203"],
        vec!["Datum", "Text", "Betrag"],
        vec!["05.10.2026", "B\u{e4}cker; Brot", "-12,50"],
        vec!["06.10.2026", "zwei\nZeilen", "1,00"],
    ];
    let marked = format!("\u{feff}{text}");
    let (western, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide_big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for file in [text.as_bytes(), marked.as_bytes(), &western, &wide, &wide_big] {
        let reading = read(file, "export.csv");
        assert_eq!(reading.tables[0].rows, rows);
        assert_eq!((reading.engine.as_str(), reading.source), ("csv", Source::Cell));
    }
    for (delimiter, file) in [
        (',', "a,b,c\n1,2,\"3,5\"\n"),
        ('\t', "a\tb\tc\n1\t2\t3,5\n"),
        ('|', "a|b|c\n1|2|3,5\n"),
    ] {
        assert_eq!(
            read(file.as_bytes(), "x.csv").tables[0].rows,
            [["a", "b", "c"], ["1", "2", "3,5"]],
            "{delimiter:?}"
        );
    }
}

#[test]
fn rows_in_quotes_and_named_delimiters_are_understood() {
    let quoted = "\"Date,\"\"What\"\",Sum\"\n\"2026-10-05,\"\"Tea, milk\"\",3.50\"\n";
    assert_eq!(
        read(quoted.as_bytes(), "x.csv").tables[0].rows,
        [["Date", "What", "Sum"], ["2026-10-05", "Tea, milk", "3.50"]]
    );
    let named = "sep=;\n=\"0012\";1,5;2,5\n";
    assert_eq!(read(named.as_bytes(), "x.csv").tables[0].rows, [["0012", "1,5", "2,5"]]);
}

#[test]
fn a_stray_quote_swallows_no_rows() {
    let stray = "Datum;Text;Betrag\n02.02.2026;\"Zum Adler;-12,00\n03.02.2026;\"c\";-3,00\n\
                 04.02.2026;d;-4,00\n05.02.2026;e \"x;-5,00\n";
    assert_eq!(
        read(stray.as_bytes(), "x.csv").tables[0].rows,
        [
            ["Datum", "Text", "Betrag"],
            ["02.02.2026", "\"Zum Adler", "-12,00"],
            ["03.02.2026", "c", "-3,00"],
            ["04.02.2026", "d", "-4,00"],
            ["05.02.2026", "e \"x", "-5,00"]
        ]
    );
    let meant = "Datum;Text;Betrag\n02.02.2026;\"a;b\nc;d\";-12,00\n03.02.2026;\"e;f\ng;h\";-3,00\n";
    assert_eq!(
        read(meant.as_bytes(), "x.csv").tables[0].rows,
        [
            ["Datum", "Text", "Betrag"],
            ["02.02.2026", "a;b\nc;d", "-12,00"],
            ["03.02.2026", "e;f\ng;h", "-3,00"]
        ]
    );
}

#[test]
fn bank_files_become_statements() {
    let movement = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261005<TRNAMT>-12.50<FITID>77<NAME>Bakery</STMTTRN>";
    let file = format!(
        "OFXHEADER:100\n\n<OFX><BANKMSGSRSV1><STMTRS><CURDEF>EUR<BANKTRANLIST>{movement}</BANKTRANLIST></STMTRS></BANKMSGSRSV1></OFX>"
    );
    let reading = read(file.as_bytes(), "export.qfx");
    assert_eq!((reading.engine.as_str(), reading.source), ("ofx", Source::Data));
    let movement = &reading.statements[0].movements[0];
    assert_eq!(
        (movement.amount.to_string(), movement.reference.as_deref()),
        ("-12.50".to_owned(), Some("77"))
    );
}

#[test]
fn plain_text_has_pages_and_no_places() {
    let reading = read(b"Receipt\r\n\r\nTea   3.50\n\x0cpage two\n", "note.txt");
    assert_eq!(lines(&reading), ["Receipt", "Tea 3.50", "page two"]);
    assert_eq!(reading.pages.len(), 2);
    assert_eq!(reading.source, Source::Words);
}

#[test]
fn what_nobody_reads_is_refused() {
    assert_eq!(
        reason(read_as(b"<?xml version=\"1.0\"?><a/>", "x.xml", None)),
        FailureReason::UnsupportedType
    );
    assert_eq!(
        reason(read_as(&[0, 1, 2, 3], "x.bin", None)),
        FailureReason::UnsupportedType
    );
}
