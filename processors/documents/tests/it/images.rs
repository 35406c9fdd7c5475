//! Images and scans, up to where recognition takes over.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use lopdf::{Object, Stream, dictionary};
use spendlog_documents::{ReadError, Reading};
use spendlog_domain::documents::FailureReason;

use super::pdf::{TEXT, bytes, document};
use super::{lines, read_as, reason};

/// Bars as a till prints them: something to recognise that is no text.
fn picture() -> GrayImage {
    GrayImage::from_fn(400, 300, |x, y| {
        Luma([if x / 10 % 2 == 0 && y > 50 && y < 250 { 0 } else { 255 }])
    })
}

/// Where no weights are installed, either Tesseract looks at it and finds nothing, or nobody does.
fn nothing_found(result: Result<Reading, ReadError>) {
    match result {
        Err(ReadError::Failed {
            reason: FailureReason::NoEngine | FailureReason::NoText,
            ..
        }) => (),
        Ok(reading) => assert!(reading.engine.contains("tesseract"), "{}", reading.engine),
        other => panic!("{other:?}"),
    }
}

#[test]
fn images_of_all_kinds_reach_recognition() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ] {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(picture())
            .to_rgb8()
            .write_to(&mut file, format)
            .unwrap();
        nothing_found(read_as(file.get_ref(), "photo", None));
    }
}

#[test]
fn a_damaged_image_is_told() {
    let mut file = Cursor::new(Vec::new());
    picture().write_to(&mut file, ImageFormat::Png).unwrap();
    let file = file.into_inner();
    assert_eq!(
        reason(read_as(&file[..file.len() / 2], "x.png", None)),
        FailureReason::Malformed
    );
}

#[test]
fn an_image_that_claims_to_be_huge_is_refused() {
    let mut file = Cursor::new(Vec::new());
    picture().write_to(&mut file, ImageFormat::Bmp).unwrap();
    let mut file = file.into_inner();
    file[18..22].copy_from_slice(&60_000_i32.to_le_bytes());
    file[22..26].copy_from_slice(&60_000_i32.to_le_bytes());
    assert_eq!(reason(read_as(&file, "x.bmp", None)), FailureReason::TooLarge);
}

#[test]
fn a_scanned_page_is_recognised_and_a_text_page_beside_it_read() {
    let mut mixed = document(&[TEXT, "q 595 0 0 842 0 0 cm /Scan Do Q"]);
    let pixels = picture().into_raw();
    let scan = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => 400, "Height" => 300,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let scan = mixed.add_object(Stream::new(scan, pixels));
    let page = mixed.get_pages()[&2];
    let resources: Object = dictionary! { "XObject" => dictionary! { "Scan" => scan } }.into();
    mixed.get_dictionary_mut(page).unwrap().set("Resources", resources);
    let reading = read_as(&bytes(mixed), "x.pdf", None).unwrap();
    assert_eq!(lines(&reading)[..2], ["Invoice", "Total to pay 12.50"]);
    // The second page is as large as its image, so it was handed to recognition.
    assert!(reading.pages[1].width > 1000, "{}", reading.pages[1].width);
}
