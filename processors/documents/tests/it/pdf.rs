//! PDFs with a text layer, and such as would take their reader down.

use std::time::{Duration, Instant};

use lopdf::{Document, Object, Stream, dictionary};
use spendlog_documents::Reading;
use spendlog_domain::documents::{FailureReason, Source};

use super::{lines, read, read_as, read_by, reader_within, reason};

/// A document of one page for each content, all with Helvetica as `F1`.
pub(crate) fn document(contents: &[&str]) -> Document {
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let kids: Vec<Object> = contents
        .iter()
        .map(|content| {
            let content = document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
            let page =
                dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content, "Resources" => resources };
            document.add_object(page).into()
        })
        .collect();
    let count = i64::try_from(kids.len()).unwrap();
    let media_box: Vec<Object> = vec![0.into(), 0.into(), 595.into(), 842.into()];
    let tree = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count, "MediaBox" => media_box };
    document.objects.insert(pages, tree.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let id = Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id.clone(), id]);
    document
}

pub(crate) fn bytes(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

pub(crate) const TEXT: &str = "BT /F1 12 Tf 50 700 Td (Total to pay) Tj ET BT /F1 12 Tf 400 700 Td (12.50) Tj ET \
    BT /F1 12 Tf 50 760 Td (Invoice) Tj ET";

fn object(body: &str, objects: &mut Vec<String>) {
    objects.push(body.to_owned());
}

/// A file of these objects, numbered from 1; the first one is the catalogue.
fn raw(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let start = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        file += &format!("{place:010} 00000 n \n");
    }
    file += &format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    );
    file.into_bytes()
}

fn stream(dictionary: &str, content: &str) -> String {
    format!(
        "<< {dictionary} /Length {} >>\nstream\n{content}\nendstream",
        content.len()
    )
}

#[test]
fn a_text_layer_becomes_rows_with_places() {
    let reading = read(&bytes(document(&[TEXT])), "invoice.pdf");
    assert_eq!(lines(&reading), ["Invoice", "Total to pay 12.50"]);
    let page = &reading.pages[0];
    assert_eq!((page.width, page.height), (595, 842));
    let amount = &page.lines[1].words[3];
    assert!(amount.area.x0 > 6600 && amount.area.x0 < 6800, "{:?}", amount.area);
    assert!(amount.area.y0 > 1400 && amount.area.y1 < 1800, "{:?}", amount.area);
    assert_eq!(
        (reading.engine.as_str(), reading.source),
        ("pdf-extract", Source::TextLayer)
    );
    assert_eq!(reading.confidence.0, 1000);
}

#[test]
fn junk_before_the_mark_does_no_harm() {
    let file = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &bytes(document(&[TEXT]))].concat();
    assert_eq!(lines(&read(&file, "x.pdf")), ["Invoice", "Total to pay 12.50"]);
}

#[test]
fn turned_pages_are_read_as_they_are_shown() {
    // Drawn upwards on a page that is shown turned by a quarter.
    let mut turned =
        document(&["BT /F1 12 Tf 0 1 -1 0 100 50 Tm (left) Tj ET BT /F1 12 Tf 0 1 -1 0 100 600 Tm (right) Tj ET"]);
    let page = turned.get_pages()[&1];
    turned.get_dictionary_mut(page).unwrap().set("Rotate", 90);
    let reading = read(&bytes(turned), "x.pdf");
    assert_eq!(lines(&reading), ["left right"]);
    let page = &reading.pages[0];
    assert_eq!((page.width, page.height), (842, 595));
}

#[test]
fn pages_keep_their_order_and_empty_ones_their_place() {
    let reading = read(&bytes(document(&[TEXT, "", TEXT])), "x.pdf");
    assert_eq!(
        reading.pages.iter().map(|page| page.number).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        reading.pages.iter().map(|page| page.lines.len()).collect::<Vec<_>>(),
        [2, 0, 2]
    );
}

#[test]
fn an_empty_page_is_no_text() {
    assert_eq!(
        reason(read_as(&bytes(document(&[""])), "x.pdf", None)),
        FailureReason::NoText
    );
}

#[test]
fn damage_is_told() {
    assert_eq!(
        reason(read_as(b"%PDF-1.7\nnothing of the kind", "x.pdf", None)),
        FailureReason::Malformed
    );
    let file = bytes(document(&[TEXT]));
    // Without its directory a PDF can still be put together again.
    assert_eq!(
        lines(&read(&file[..file.len() - 60], "x.pdf")),
        ["Invoice", "Total to pay 12.50"]
    );
}

#[test]
fn too_many_pages_are_refused() {
    let pages = vec![TEXT; 501];
    assert_eq!(
        reason(read_as(&bytes(document(&pages)), "x.pdf", None)),
        FailureReason::TooLarge
    );
}

/// Reads a hostile file: in the end there is a reading or a reason, in time.
fn survive(file: &[u8]) -> Result<Reading, FailureReason> {
    let limit = Duration::from_secs(6);
    let start = Instant::now();
    let result = read_by(&reader_within(limit), file, "x.pdf", None);
    // A child of a busy machine may start late; what counts is that it ends.
    assert!(start.elapsed() < limit * 3, "took {:?}", start.elapsed());
    result.map_err(|error| reason(Err(error)))
}

#[test]
fn a_tree_of_pages_that_goes_round_in_a_circle_ends() {
    let mut objects = Vec::new();
    object("<< /Type /Catalog /Pages 2 0 R >>", &mut objects);
    object("<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 2 0 R >>", &mut objects);
    object("<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>", &mut objects);
    objects.push(stream("", "BT ET"));
    assert!(survive(&raw(&objects)).is_err());
}

#[test]
fn a_form_that_contains_itself_ends() {
    let mut objects = Vec::new();
    object("<< /Type /Catalog /Pages 2 0 R >>", &mut objects);
    object(
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 200 200] >>",
        &mut objects,
    );
    object(
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /A 5 0 R >> /Font << /F1 6 0 R >> >> >>",
        &mut objects,
    );
    objects.push(stream("", "BT /F1 12 Tf 20 100 Td (still here) Tj ET /A Do"));
    objects.push(stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /A 5 0 R >> >>",
        "/A Do",
    ));
    object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", &mut objects);
    if let Ok(reading) = survive(&raw(&objects)) {
        assert_eq!(lines(&reading), ["still here"]);
    }
}

#[test]
fn forms_that_double_at_each_level_end() {
    let mut objects = Vec::new();
    object("<< /Type /Catalog /Pages 2 0 R >>", &mut objects);
    object(
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 200 200] >>",
        &mut objects,
    );
    object(
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /A 5 0 R >> >> >>",
        &mut objects,
    );
    objects.push(stream("", "/A Do"));
    for level in 0..40 {
        let next = format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /A {} 0 R >> >>",
            level + 6
        );
        objects.push(stream(&next, "/A Do /A Do"));
    }
    objects.push(stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 200 200]",
        "0 0 m 1 1 l S",
    ));
    let failure = survive(&raw(&objects)).unwrap_err();
    assert!(
        matches!(failure, FailureReason::TimeLimit | FailureReason::NoText),
        "{failure:?}"
    );
}

#[test]
fn a_stream_that_unpacks_to_gigabytes_ends() {
    use std::io::Write;
    let pack = |data: &[u8]| {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    };
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..2048 {
        packed.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let twice = pack(&packed.finish().unwrap());
    let mut bomb = document(&[""]);
    let filters: Vec<Object> = vec!["FlateDecode".into(), "FlateDecode".into()];
    let content = bomb.add_object(Stream::new(dictionary! { "Filter" => filters }, twice));
    let page = bomb.get_pages()[&1];
    bomb.get_dictionary_mut(page).unwrap().set("Contents", content);
    let file = bytes(bomb);
    assert!(file.len() < 100_000);
    let failure = survive(&file).unwrap_err();
    let fair = matches!(
        failure,
        FailureReason::MemoryLimit | FailureReason::TimeLimit | FailureReason::NoText
    );
    assert!(fair, "{failure:?}");
}

#[test]
fn a_page_as_large_as_a_town_ends() {
    let mut large = document(&["0 0 m 900000 900000 l S"]);
    let page = large.get_pages()[&1];
    let media_box: Vec<Object> = vec![0.into(), 0.into(), 1_000_000.into(), 1_000_000.into()];
    large.get_dictionary_mut(page).unwrap().set("MediaBox", media_box);
    assert!(survive(&bytes(large)).is_err());
}

#[test]
fn deep_nesting_ends() {
    let depth = 200_000;
    let content = format!("{}{} Tj", "[".repeat(depth), "]".repeat(depth));
    let _ = survive(&bytes(document(&[content.as_str()])));
}
