//! Tests of the media types.

use super::*;

fn check(head: &[u8], name: Option<&str>, is: Option<&str>) {
    assert_eq!(sniff(head, name), is, "{:?}", String::from_utf8_lossy(head));
}

#[test]
fn the_content_decides_and_not_the_name() {
    check(b"%PDF-1.7\n", Some("receipt.csv"), Some(PDF));
    check(b"\r\njunk of a mail gateway\r\n%PDF-1.4", None, Some(PDF));
    check(
        &[0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F'],
        Some("a.png"),
        Some("image/jpeg"),
    );
    check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("a.pdf"), Some("image/png"));
    check(b"II*\0\x08\0\0\0\x0b\0\0\x01", None, Some("image/tiff"));
    check(b"GIF89a\x01\0\x01\0", None, Some("image/gif"));
    check(b"RIFF\x24\0\0\0WEBPVP8 ", None, Some("image/webp"));
}

#[test]
fn bank_files_are_known_in_both_syntaxes() {
    check(b"OFXHEADER:100\r\nDATA:OFXSGML\r\n", Some("export.txt"), Some(OFX));
    check(
        b"<?xml version=\"1.0\"?>\n<?OFX OFXHEADER=\"200\"?>\n<OFX>",
        None,
        Some(OFX),
    );
    check(b"<?xml version=\"1.0\"?><Invoice/>", None, Some(XML));
    check(b"!Type:Bank\nD1/2/2026\nT-5.00\n^\n", Some("a.csv"), Some(QIF));
    check(b":20:STARTUMS\n:25:123/456\n:60F:C260101EUR1,00\n", None, Some(MT940));
}

#[test]
fn tables_are_told_from_words() {
    check(
        b"Date;Amount;Text\n01.02.2026;-12,50;Bakery\n02.02.2026;1,00;Refund\n",
        None,
        Some(CSV),
    );
    check(b"date,amount,text\n2026-02-01,-12.50,\"a, b\"\n", None, Some(CSV));
    check(b"Date\tAmount\n1\t2\n3\t4\n", None, Some(CSV));
    check(
        b"Dear Sir,\nthank you, as always, for your letter.\nYours, truly,\nAnna\n",
        None,
        Some(TEXT),
    );
    check(b"a,b\n", Some("x.csv"), Some(CSV));
    check(b"a,b\n", Some("x.txt"), Some(TEXT));
}

#[test]
fn tables_are_known_in_every_encoding() {
    let text = "\u{feff}Datum;Betrag\n1.2.2026;-1,5 \u{20ac}\n2.2.2026;3,00 \u{20ac}\n";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&wide, None, Some(CSV));
    check(&wide[2..], None, Some(CSV));
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text[3..]);
    check(&bytes, None, Some(CSV));
}

#[test]
fn what_is_nothing_is_nothing() {
    check(b"", None, None);
    check(b" \r\n ", Some("a.csv"), None);
    check(&[0, 1, 2, 3, 0, 0, 7], Some("a.csv"), None);
}

#[test]
fn the_name_breaks_ties_of_archives() {
    let mut head = b"PK\x03\x04".to_vec();
    head.resize(30, 0);
    head.extend(b"[Content_Types].xml");
    check(&head, Some("a.docx"), Some(DOCX));
    check(&head, None, Some(ZIP));
    head.extend(b"xl/workbook.xml");
    check(&head, Some("a.docx"), Some(XLSX));
    check(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0",
        Some("a.xlsx"),
        Some(LOCKED_OFFICE),
    );
}
